/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_EXEC_H
#define CONFORMANCE_EXEC_H

#include "conformance/trial.h"

/* Carries out steps until one ends the case. False: it did; the verdict tells why. */
bool exec_steps(struct trial *t, const struct step *v, size_t n);
/* An `expect` step, and a `gather` or `check` step (judge.c). */
bool exec_expect(struct trial *t, const struct step *s);
bool exec_gather(struct trial *t, const struct step *s);
/* Connection of that name, opened when it isn't there yet. Negative: it can't be. */
int exec_conn(struct trial *t, const struct step *s);
/* Adds a finding with the step's place, level and clauses, and marks the place in the trace. */
void exec_finding(struct trial *t, const struct step *s, enum result_verdict kind,
	const char *expected, const char *got);
/* A `connect` and a `post` step (exec_door.c). */
bool exec_connect(struct trial *t, const struct step *s);
bool exec_post(struct trial *t, const struct step *s);
/* Puts an Authorization line into a request as the step wants it, or, on a connection with credentials, as
 * the last challenge wants it. */
bool exec_authorize(struct trial *t, const struct step *s, struct buf *text);
/* Notes what a 401 asks for. */
void exec_challenged(struct trial *t, const struct ox_message *m);
/* After a 401 on a connection with credentials, once per request: sends it again with them. False: not so. */
bool exec_ask_again(struct trial *t, const struct step *s, int conn);
/* What an answer changes in the trial's picture of the session. */
void exec_learn(struct trial *t, int conn, const struct answer *a);

#endif
