/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_RESULT_H
#define REPORTS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/hist.h"

/*
 * The one result file (JSON, result.schema.json): what a run was asked, on what machine, what it
 * measured, and whether the numbers may be believed. loadgen and conformance build one and write it;
 * reports reads it. Results of load merge by addition.
 *
 * Rules for every function here:
 * - strings are copied; NULL means "not known" and leaves the field out (where a name is needed, it
 *   must not be NULL);
 * - strings may come from a peer: what is not UTF-8 or is a control character (but tab and line
 *   feed) becomes U+FFFD, more than RESULT_TEXT_MAX bytes are cut with "…";
 * - nothing fails before result_write: no memory ends the process, wrong use asserts.
 * A builder function called with the wrong kind of result asserts.
 */
#define RESULT_FORMAT   "beagle-result"
#define RESULT_VERSION  1
#define RESULT_TEXT_MAX 4096
/* Largest result file that result_read takes. */
#define RESULT_FILE_MAX ((size_t)256 << 20)

enum result_kind { RESULT_LOAD, RESULT_CONFORMANCE, RESULT_REPLAY };

struct result;
struct json_t; /* jansson's */

/* What is known when a run begins. */
struct result_run {
	enum result_kind kind;
	const char *program; /* "beagle-loadgen" */
	int argc;            /* of main(); secrets are redacted before they are kept */
	char *const *argv;
	uint64_t seed;
	int64_t started_ns; /* os_realtime() at the start */
	/* What decides the work, as text (the scenario, say): only its hash is kept, so that two runs
	 * can be told to have been the same. NULL: the redacted arguments. */
	const char *config;
};

/* A new result; host, kernel, CPU, memory, limits and Beagle's version are filled in here. The
 * caller frees. */
struct result *result_new(const struct result_run *run);
void result_free(struct result *r);
enum result_kind result_kind(const struct result *r);

/* Where the run went. Passwords and tokens in the URL are redacted; banner is the Server header;
 * features are words (n of them) such as "udp", "tcp", "seek". May be called again (replaces). */
void result_set_target(struct result *r, const char *url, const char *banner,
	const char *const *features, size_t n);
/* Seconds the run took, wall clock. */
void result_set_duration(struct result *r, double seconds);

/*
 * What was asked and how it was done, for people and for `compare`. Names that reports knows:
 * sessions, duration, rate, transport, engine, workers, receive_mode (load; compare refuses two
 * different ones), level, profile, capture (replay). Unit NULL = none.
 */
void result_config(struct result *r, const char *name, const char *value);
void result_config_num(struct result *r, const char *name, double value, const char *unit);
/* One more fact of the environment, beside those that result_new finds. */
void result_environment(struct result *r, const char *name, const char *value);
/* A sentence that a reader must know to read the numbers honestly. */
void result_note(struct result *r, const char *fmt, ...) PRINTF(2, 3);

/*
 * Totals. Names that reports shows first: sessions_planned, sessions_started, sessions_completed,
 * sessions_failed, arrivals_dropped, packets_due, packets_received, bytes_received, packets_lost,
 * packets_tail_lost, packets_duplicate, packets_reordered, packets_corrupt. A second call with a
 * name adds to it.
 */
void result_counter(struct result *r, const char *name, uint64_t value, const char *unit);

/* How a figure or a column of two results of one run (two workers, two machines) becomes one. */
enum result_merge { RESULT_SUM, RESULT_MAX, RESULT_MIN, RESULT_MEAN };
/* A figure that is not a count (a ratio, a rate, a peak). A second call with a name replaces. */
void result_figure(struct result *r, const char *name, double value, const char *unit,
	enum result_merge merge);

/*
 * A histogram. name: a method in lower case (options, describe, setup, play, pause, teardown,
 * get_parameter), or connect, startup (intended start to first packet), first_packet (PLAY sent to
 * first packet), lateness, frame_spread, jitter, generator_lag. unit: "ns". origin: "intended"
 * (from the time the step was due), "sent" (from the time it was sent), "rtp" (against the RTP
 * clock), "clock". A second call with the same name and origin adds; all of one name and origin
 * share max and digits (ERR_RANGE otherwise, nothing changed).
 */
MUST_USE int result_hist(struct result *r, const char *name, const char *unit, const char *origin,
	const struct hist *h);

/*
 * Per-second series: columns are declared once, then one row per interval. Values are of that
 * interval, not sums since the start. Names that reports plots:
 *   sessions (active), arrivals, completed, failed, packets, bytes, lost, reordered,
 *   lateness_p50, lateness_p99 (ns), setup_p99 (ns), lag_p99 (ns), cpu_generator, cpu_server (1 =
 *   one core), rss_generator, rss_server (bytes), fds, udp_drops.
 */
struct result_column {
	const char *name, *unit;
	enum result_merge merge;
};
void result_series_columns(struct result *r, const struct result_column *columns, size_t n);
/* t = seconds since the start of the run at which the interval began; values has one number per
 * column, NAN = not known. */
void result_series_row(struct result *r, double t, const double *values);

/*
 * Heat map (time × value): `h` holds the values of the interval that began at t (in ns; negative
 * ones count in the lowest bin). It is folded into RESULT_HEAT_BINS logarithmic bins, bin 0 below
 * 1 us, then RESULT_HEAT_PER_DECADE per decade up to 10 s, what is above in the last. `name` is
 * "lateness" or "setup" …; several maps are fine.
 */
#define RESULT_HEAT_PER_DECADE 6
#define RESULT_HEAT_BINS       (1 + 7 * RESULT_HEAT_PER_DECADE)
void result_heat_row(struct result *r, const char *name, double t, const struct hist *h);

/*
 * Self-check of the generator or harness: value stayed within limit, or not. One that did not makes
 * the run INVALID. result_invalid adds a reason of another sort. A result is VALID until then.
 */
void result_self_check(struct result *r, const char *name, double value, double limit,
	const char *unit, bool pass);
void result_invalid(struct result *r, const char *fmt, ...) PRINTF(2, 3);
bool result_is_valid(const struct result *r);

/* A threshold the user set ("setup_p99 < 50ms"); limit and value in `unit`. */
void result_gate(struct result *r, const char *name, double value, double limit, const char *unit,
	bool pass);

/* Errors by kind, e.g. ("setup", "status 454", 3, "Session Not Found"); a second call with the same
 * where and kind adds. example may be NULL. */
void result_error(
	struct result *r, const char *where, const char *kind, uint64_t count, const char *example);

/* ---- conformance ---- */

enum result_verdict {
	RESULT_PASS,
	RESULT_FAIL,
	RESULT_WARN,
	RESULT_SKIP,
	RESULT_INCONCLUSIVE,
	RESULT_VERDICTS, /* how many */
};
/* "pass", "fail", … */
const char *result_verdict_name(enum result_verdict v);

struct result_case {
	const char *id, *title;
	const char *rfc;     /* "2326" */
	const char *section; /* "12.39" */
	const char *level;   /* "must", "should", "may" */
	enum result_verdict verdict;
	const char *reason;         /* one sentence; NULL for a pass */
	const char *expected, *got; /* of the step that decided; may be NULL */
	const char *where;          /* "cases/rfc2326/12.17-cseq.yaml:14" */
	const char *const *clauses; /* those that the case tests; for a fail: that it names */
	size_t n_clauses;
	double ms;
	const char
		*evidence; /* folder of transcript and pcap, relative to the result file; or NULL */
};
void result_case(struct result *r, const struct result_case *c);

/* Coverage of one section's clauses: how many of `total` have a case, are checked passively, are
 * marked untestable, or have none of these (unproven). They add up to total. */
struct result_coverage {
	const char *rfc, *section;
	unsigned total, cases, passive, untestable, unproven;
};
void result_coverage(struct result *r, const struct result_coverage *c);

/* A clause that the oracle saw broken in the traffic, outside a case's own expectation. A second
 * call with the same clause and why adds to count. */
void result_finding(struct result *r, const char *clause, const char *level, const char *where,
	const char *why, uint64_t count);

/* ---- replay ---- */

enum result_step_verdict { RESULT_SAME, RESULT_DIFFERS, RESULT_NO_ANSWER, RESULT_NOT_SENT };

struct result_difference {
	const char *what;            /* "status", "header Public", "sdp m=video", "body" … */
	const char *captured, *live; /* NULL = absent */
};
struct result_step {
	const char *method, *url;
	double captured_at_ms, live_at_ms; /* since the first request of either */
	int captured_status, live_status;  /* 0 = no answer */
	double captured_ms, live_ms;       /* time to the answer; NAN = none */
	enum result_step_verdict verdict;
	const struct result_difference *differences;
	size_t n_differences;
};
void result_step(struct result *r, const struct result_step *s);

/* One media stream of the replay, captured and live. */
struct result_stream {
	const char *name; /* its control URL or track */
	uint64_t captured_packets, captured_bytes, live_packets, live_bytes;
	double captured_span_s, live_span_s; /* first to last packet */
	uint64_t captured_lost, live_lost;
};
void result_stream(struct result *r, const struct result_stream *s);

/* ---- the end ---- */

/* Whole or not at all. 0 or -errno. */
MUST_USE int result_write(const struct result *r, const char *path);
/* 0; 1 a gate or a case failed, or a replayed step differs; 3 invalid. */
int result_exit_code(const struct result *r);

/* ---- reading ---- */

/* Reads and validates one file. NULL: *why is one line "FILE:LINE:COLUMN: what" or "FILE: path:
 * what" for people; the caller frees it. */
struct result *result_read(const char *path, char **why);
/*
 * Adds b to a: two parts of one load run (workers, machines). Counters, histograms, heat maps,
 * errors, series add by their rules; an invalid part makes the whole invalid; environment and
 * configuration of a stay. 0, or ERR_UNSUPPORTED (not two load results), ERR_RANGE (histograms or
 * columns don't fit): a may then hold part of b, and *why (may be NULL) tells; the caller frees it.
 */
MUST_USE int result_merge(struct result *a, const struct result *b, char **why);
/* Histogram `name` with this origin (NULL = the first) into *h, which the caller clears. False:
 * there is none. */
MUST_USE bool result_get_hist(
	const struct result *r, const char *name, const char *origin, struct hist *h);
/* The validated document, for reports' own writers; owned by r. */
const struct json_t *result_json(const struct result *r);

/* ---- redaction (also for transcripts and pages) ---- */

/* The URL without user:password and with the values of query parameters that name a secret (token,
 * key, auth, pass, sig, secret) replaced by "REDACTED". Heap; the caller frees. */
char *result_redact_url(const char *url);

#endif
