/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_JOBS_H
#define CONFORMANCE_JOBS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Work in forked children, a few at a time: cases mostly wait, and a child that is ended by a fault
 * of ours takes one case with it, not the run. A record is plain bytes, without pointers that the
 * child made.
 */
struct jobs {
	unsigned at_once; /* 1: still in a child, one after the other */
	size_t record_size;
	/* In a child: fills the record (zeroed) of item i. */
	void (*work)(void *arg, size_t i, void *record);
	/* In the parent, as items end, in any order. record NULL: the child ended without one. */
	void (*done)(void *arg, size_t i, const void *record);
	/* Asked before an item starts; true: leave it and all that follow out. */
	bool (*enough)(void *arg);
	void *arg;
};
/* Runs items v[0 … n-1]; returns when all children have ended. */
void jobs_run(const struct jobs *j, const size_t *v, size_t n);

#endif
