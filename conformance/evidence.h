/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_EVIDENCE_H
#define CONFORMANCE_EVIDENCE_H

#include "conformance/trial.h"

/*
 * What is kept of a case: DIR/ID/transcript.txt (every message with its time, the failing place
 * marked with >>>) and DIR/ID/case.pcap (exactly its bytes). Secrets (Authorization values, user and
 * password in URLs, tokens in queries) are overwritten with 'x' of the same length in both.
 */
enum evidence_keep { KEEP_FAIL, KEEP_ALL, KEEP_NONE };
MUST_USE bool evidence_keep_read(const char *s, enum evidence_keep *k);

/* Writes the two files, after evidence_redact_trace. 0 or -errno; *folder ("DIR/ID") is heap, the caller frees. */
MUST_USE int evidence_write(const char *dir, struct trial *t, char **folder);
/* Overwrites secrets in place. */
void evidence_redact(uint8_t *p, size_t n);
/* The same for all that a case sent, received and noted. */
void evidence_redact_trace(struct trace *t);

#endif
