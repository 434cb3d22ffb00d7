/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_OPTIONS_H
#define LOADGEN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "loadgen/plan.h"
#include "server/base/attr.h"

enum media_transport { MEDIA_UDP, MEDIA_TCP };
enum socket_mode { SOCKETS_AUTO, SOCKETS_PAIRS, SOCKETS_WIDE };

/* The command line. Strings borrow from argv. */
struct options {
	const char *url, *out; /* out NULL: no result file */
	struct plan plan;
	enum media_transport transport;
	enum socket_mode sockets;
	/* What a session does beside playing. */
	bool is_cycle;             /* TEARDOWN as soon as PLAY was answered */
	bool is_pipelined;         /* a cycle writes at once what it can ask at once */
	tick_t pause_after;        /* PAUSE this long after PLAY; < 0: never */
	tick_t seek_from, seek_to; /* PLAY from a place in between, each its own; to < 0: from 0 */
	uint64_t titles;           /* what "{n}" in the URL may be: 1 … titles; 0: it is a name */
	tick_t timeout;            /* for a connection and for each reply */
	tick_t stall_after;        /* meter.h */
	tick_t max_lag;            /* self-check: 99th percentile of our own timer */
	double max_loss;           /* gate, per cent of the packets due; < 0: none */
	double min_delivered;      /* gate, per cent, of the worst session; < 0: none */
	int server_pid;            /* 0: not sampled */
	bool skip_payloads;        /* not verified, even where they could be */
	bool quiet, may_load_any_host;
	bool help, version;
};

enum { OPTIONS_WHY = 200 };

/* 0, or ERR_SYNTAX, ERR_RANGE, ERR_MISSING with one line for people in why. With help or version
 * nothing else is asked for. */
MUST_USE int options_read(struct options *o, int argc, char *const argv[], char why[OPTIONS_WHY]);
/* --help. */
void options_help(FILE *f);
/* "500ms", "30s", "2m", "1h", "1.5s"; a bare number is seconds. False: none of these, or out of
 * min … max. */
MUST_USE bool options_duration(const char *s, tick_t min, tick_t max, tick_t *v);

const char *media_transport_name(enum media_transport t);

#endif
