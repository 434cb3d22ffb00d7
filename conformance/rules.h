/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_RULES_H
#define CONFORMANCE_RULES_H

#include "conformance/media.h"
#include "server/base/buf.h"

/*
 * Rules about received media, named in the `gather` and `check` steps of cases. Each looks at one
 * stream (or at all that are set up, one after the other) and says what it expected and what there
 * was. Two tables: rtp_rules.c and rtcp_rules.c.
 */
struct rule_args {
	double least, most; /* meaning as the rule's text says; NAN = not given */
	tick_t since;       /* start of the gather */
	tick_t now;         /* its end */
};
struct rule_result {
	bool holds;
	bool no_media; /* there was nothing to judge: inconclusive unless the rule is about that */
	char expected[160], got[160];
};
struct rule_type {
	const char *name;
	const char *text; /* what it demands, with the meaning of least and most */
	void (*judge)(const struct media *m, const struct media_stream *s,
		const struct rule_args *args, struct rule_result *out);
};

extern const struct rule_type rtp_rules[];
extern const size_t n_rtp_rules;
extern const struct rule_type rtcp_rules[];
extern const size_t n_rtcp_rules;

/* Rule of that name, or NULL. */
const struct rule_type *rule_find(const char *name);

#endif
