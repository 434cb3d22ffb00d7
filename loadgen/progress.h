/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_PROGRESS_H
#define LOADGEN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/attr.h"

/* One second of a run, in figures for people. */
struct progress_second {
	double at; /* seconds since the start */
	uint64_t planned, started, playing, failed;
	double packets_per_s, bits_per_s;
	int64_t lost, corrupt;
	double late_p99_ms; /* of this second */
	double cpu;         /* of the generator, 1 = one core */
};

/* "1234567" as "1.23M". dst holds PROGRESS_NUMBER; answers dst. */
enum { PROGRESS_NUMBER = 16, PROGRESS_LINE = 200 };
const char *progress_number(double v, char *dst);
/* The line, without an end; at most cap - 1 characters. */
void progress_line(const struct progress_second *p, char *dst, size_t cap);
/* Writes it: over the line before on a terminal, a line of its own elsewhere. */
void progress_show(FILE *f, bool is_tty, const struct progress_second *p);
/* Leaves the line on a terminal. */
void progress_end(FILE *f, bool is_tty);

#endif
