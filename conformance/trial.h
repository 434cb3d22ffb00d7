/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TRIAL_H
#define CONFORMANCE_TRIAL_H

#include "conformance/ask.h"
#include "conformance/case.h"
#include "conformance/digest.h"
#include "conformance/target.h"
#include "conformance/verdict.h"

/* One case, being carried out against the target: its sockets, its media, its variables, and what
 * has been found so far. */
enum { TRIAL_SAVED = 16 };
struct trial {
	const struct case_def *c;
	const struct target *target;
	enum profile profile;
	struct links links;
	struct media media;
	struct ox_session *ox;
	struct verdict verdict;
	unsigned cseq;
	char cseq_text[16], number[64]; /* values of ${…} that are made up when asked */
	char session[256];              /* ${session} */
	bool has_session, is_torn_down;
	struct {
		char name[32], value[512];
	} saved[TRIAL_SAVED];
	size_t n_saved;
	struct challenge challenges[CHALLENGES]; /* of the last 401 */
	size_t n_challenges;
	unsigned nc; /* how often its nonce was used */
	char *unasked; /* the last request that went without credentials where it could have them; heap */
	bool peer_gone; /* a new connection was refused, or got no answer */
	tick_t began, ended;
};

struct trial_opts {
	const struct target *target;
	enum profile profile;
	enum level strictness;
	const volatile sig_atomic_t *stop;
};

/* A trial with nothing done yet and no connection. c may be NULL when no case is run (replay). */
struct trial *trial_new(const struct case_def *c, const struct trial_opts *o);
/* Runs a case to its verdict, aftermath and clean-up included. The caller looks at it, then frees. */
struct trial *trial_run(const struct case_def *c, const struct trial_opts *o);
void trial_free(struct trial *t);

/* Value of a variable of a case, or NULL (template_lookup; arg is the trial). */
const char *trial_lookup(void *arg, const char *name);
/* Is it a name that a case may use without having saved it? */
bool trial_knows(const char *name);

#endif
