/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_FILE_READER_H
#define SERVER_CORE_FILE_READER_H

#include "server/core/pref_row.h"

/*
 * Files that are read at the start and again at SIGHUP: keys, users, rules. When root is given up in between, a
 * process of its own stays behind that can do nothing but read these very files and hand them over a socket
 * pair; it ends with us. So they may belong to root alone.
 *
 *   file_reader_init, _add for each file, _start before any thread and before root is given up, _close
 */
enum { FILE_READER_PATHS = 64, FILE_READER_BYTES = 16 << 20 };

struct file_reader {
	size_t n;
	char *path[FILE_READER_PATHS];
	int fd; /* of the process; -1: there is none */
};

void file_reader_init(struct file_reader *r);
/* Notes a path; "" and one that is there already is nothing. ERR_LIMIT: FILE_READER_PATHS. */
MUST_USE int file_reader_add(struct file_reader *r, const char *path);
/* Starts the process, if there are files. 0, or an error with `why` (PREFS_WHY bytes). */
MUST_USE int file_reader_start(struct file_reader *r, char *why);
/*
 * As os_read_file, of at most FILE_READER_BYTES. What the process doesn't have, or without one (r NULL, too), is
 * read here, with the rights that we have. ERR_CLOSED: the process is gone. For one thread at a time.
 */
MUST_USE int file_reader_read(
	const struct file_reader *r, const char *path, size_t max, char **text, size_t *n);
/* Ends the process, forgets the paths. */
void file_reader_close(struct file_reader *r);

#endif
