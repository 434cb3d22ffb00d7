/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_LOG_WRITER_H
#define SERVER_MODULES_LOG_WRITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/core/prefs.h"
#include "server/base/buf.h"
#include "server/media/io.h"

/*
 * A file that lines are appended to without waiting for its disk: they are collected, and written in jobs, one
 * at a time. What a slow disk leaves no room for, and what it refuses, is counted as lost. Embedded; any
 * thread may put.
 */
enum { LOG_WRITER_BYTES_MAX = 1 << 20 };

struct log_writer {
	int fd;               /* the job's, while it is under way; -1: none yet */
	pthread_mutex_t lock; /* of the next three */
	struct buf next;      /* lines that wait */
	bool is_writing;      /* the job is under way */
	int next_fd;          /* that it goes on with; -1: none */
	struct media_job job;
	bool is_torn; /* the job's: the file ends amid a line */
	_Atomic uint64_t lost;
	_Atomic int err; /* why; 0: there was no room */
};

/* To append to; -errno. A file that root makes is run_user_name's: it is opened again at SIGHUP, as that user. One
 * that was there keeps its owner: it need not be of our making. */
MUST_USE int log_file_open(const char *path, const struct prefs *p);
/* Takes fd over; -1: log_writer_reopen comes before the first line. */
void log_writer_open(struct log_writer *w, int fd);
/* What is not written yet goes to fd, which it takes over; the former is closed. */
void log_writer_reopen(struct log_writer *w, int fd);
/* After its last job. */
void log_writer_close(struct log_writer *w);
/* line: with its end. io: whose jobs write it; stays until they have ended. */
void log_writer_put(struct log_writer *w, struct media_io *io, struct bytes line);
/* Lines lost since it was asked last. */
uint64_t log_writer_take_lost(struct log_writer *w);

#endif
