/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include "conformance/digest.h"
#include "conformance/door.h"
#include "conformance/node.h"
#include "conformance/outcome.h"
#include "conformance/require.h"
#include "conformance/rules.h"

/*
 * Cases: YAML files, read into these structures and checked completely before anything is sent.
 * README.md describes the language. Everything lives in the catalogue's arena; texts with ${…} are
 * kept as written and expanded when a step runs (template.h).
 */
enum profile { PROFILE_RFC2326, PROFILE_PRACTICE, PROFILES };
const char *profile_name(enum profile p);
MUST_USE bool profile_read(const char *s, enum profile *p);

enum {
	CASE_CLAUSES = 3,
	CASE_WORDS = 8, /* needs, tags, aliases, allow */
	CASE_STEPS = 200,
};

/* A text (with escapes in `raw`), sent so many times in a row. */
struct part {
	const char *text;
	unsigned times;
};

struct header_rule {
	const char *name, *pattern; /* extended regular expression over the whole value */
	bool is_should;             /* a mismatch is a warning */
	bool is_unlike;             /* the value must not match; absent is fine */
	int line;
};
struct saved {
	const char *name, *header; /* ${name} = that header's value, up to a ';' */
};

struct expect {
	struct outcomes pass[PROFILES], warn[PROFILES];
	struct outcomes when; /* headers and body are judged on these only; empty: on all */
	const struct header_rule *headers;
	size_t n_headers;
	const char *const *absent; /* headers that must not be there */
	size_t n_absent;
	const char *body; /* regular expression found in the body; NULL: not looked at */
	bool body_empty;
	bool clean;      /* the connection ends as its layers have it: TLS with close_notify */
	double within_s; /* 0: the default */
	unsigned count;  /* so many answers, each as said */
	const struct saved *saves;
	size_t n_saves;
};

struct rule {
	const struct rule_type *type;
	unsigned track; /* 1…; 0: every stream that is set up */
	double least, most;
	int line;
	enum level level;
	const char *clauses[CASE_CLAUSES];
	size_t n_clauses;
};
struct gather {
	double seconds;        /* at most */
	unsigned packets, srs; /* ends early when every stream has so many; 0: not asked */
	unsigned byes;
	const struct rule *rules;
	size_t n_rules;
};

/* A datagram or an interleaved frame. */
struct packet_step {
	bool is_rtcp;
	unsigned track;    /* its ports or channels */
	int channel;       /* frame: this channel whatever was granted; -1: the track's */
	const char *from;  /* "own": the track's own socket; "other": a fresh port */
	const char *bytes; /* with escapes */
	unsigned times;
};

/* Credentials of a request: those that answer the last challenge, but for what is said here. Texts with
 * ${…}; NULL: as it should be. */
struct auth_step {
	bool is_used, is_basic, shuffled;
	bool flipped, upper; /* the response: one digit changed; in capitals */
	bool omit[DIGEST_FIELD_COUNT];
	const char *field[DIGEST_FIELD_COUNT];
	const char *method; /* that the response is computed for */
	const char *password;
	const char *value; /* the header's whole value */
	unsigned padding;  /* of the letter a, behind it */
};

/* What happens to a tunnel's POST. */
enum post_action {
	POST_CLOSE,
	POST_OPEN,
	POST_ANOTHER,    /* the first stays open */
	POST_ALONE,      /* its GET is reset */
	POST_UNANSWERED, /* a check: nothing has come on it */
	POST_RAW
};

enum step_kind {
	STEP_CONNECT,
	STEP_SEND,
	STEP_RAW,
	STEP_EXPECT,
	STEP_GATHER,
	STEP_CHECK,
	STEP_DATAGRAM,
	STEP_FRAME,
	STEP_WAIT,
	STEP_HALF_CLOSE,
	STEP_RST,
	STEP_CLOSE,
	STEP_REPEAT,
	STEP_POST,
	STEP_KINDS
};
const char *step_name(enum step_kind k);

struct step {
	enum step_kind kind;
	const char *file; /* base name; steps of a prologue come from another file */
	int line;
	bool in_prologue;  /* a failure here leaves the case inconclusive */
	const char *via;   /* connection's name, "main" by default */
	const char *needs; /* feature without which the step is left out; NULL: always done */
	enum level level;
	const char *clauses[CASE_CLAUSES];
	size_t n_clauses;
	const char *text;         /* send */
	const struct part *parts; /* raw */
	size_t n_parts;
	unsigned split;       /* send, raw: bytes per segment; 0: as one */
	unsigned split_at[8]; /* or cut at these offsets */
	size_t n_split_at;
	struct door door;      /* connect */
	struct auth_step auth; /* send */
	enum post_action post; /* and for POST_RAW, packet.bytes */
	double seconds;        /* wait */
	struct expect expect;
	struct gather gather; /* also of check */
	struct packet_step packet;
	unsigned times; /* repeat */
	const struct step *steps;
	size_t n_steps;
};

/* What is tried after the case's own steps. */
enum aftermath {
	AFTER_NOTHING,
	AFTER_NEW,  /* OPTIONS on a new connection: does it still serve? */
	AFTER_FULL, /* and before that on the same one: is the message boundary found again? */
};

struct case_def {
	const char *id, *title, *rationale; /* rationale may be NULL */
	const char *path, *file;            /* file: base name */
	const char *folder;                 /* "rfc2326" */
	const char *rfc, *section;          /* "2326", "12.17"; of the first clause */
	enum level level;
	const char *needs[CASE_WORDS], *tags[CASE_WORDS], *aliases[CASE_WORDS], *allow[CASE_WORDS];
	size_t n_needs, n_tags, n_aliases, n_allow;
	const char *clauses[CASE_CLAUSES]; /* of all its steps */
	size_t n_clauses;
	enum aftermath aftermath;
	bool extra_answers; /* answers nobody expected are no fault (stray bytes were sent) */
	const struct step *steps;
	size_t n_steps;
};
bool case_has_tag(const struct case_def *c, const char *tag);

struct catalogue {
	struct arena arena;
	char *root; /* folder of the cases */
	struct requirements req;
	const struct case_def **v; /* by path: order = simple to complex */
	size_t n, cap;
	char **faults; /* "FILE:LINE: what"; owned */
	size_t n_faults;
};

/* Reads every case below root and requirements.tsv beside it. Faulty files are left out and listed
 * in c->faults. ERR_NOT_FOUND when root is no folder or holds no case. */
MUST_USE int catalogue_read(struct catalogue *c, const char *root);
void catalogue_clear(struct catalogue *c);
/* Case by id or alias, or NULL. */
const struct case_def *catalogue_find(const struct catalogue *c, const char *id);
/* Does the case test this clause? */
bool case_has_clause(const struct case_def *c, const char *clause);
/* What a client may ask of a target (`needs`), with what it means; NULL name ends. */
struct feature_row {
	const char *name, *text;
};
extern const struct feature_row features[];
bool feature_is_known(const char *name);

#endif
