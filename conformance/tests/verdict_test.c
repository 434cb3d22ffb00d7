/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "conformance/evidence.h"
#include "conformance/plain.h"
#include "conformance/verdict.h"
#include "server/tests/unit.h"

static const char *const clause[] = { "RTSP-12.17-02" };

static enum result_verdict one(enum level strictness, enum level level)
{
	struct verdict v = { .strictness = strictness };
	(void)verdict_add(&v, RESULT_FAIL, level, clause, 1, "a.yaml:3", "400", "200 OK");
	return verdict_of(&v);
}

static void t_levels(void)
{
	CU_ASSERT_EQUAL(one(LEVEL_MUST, LEVEL_MUST), RESULT_FAIL);
	CU_ASSERT_EQUAL(one(LEVEL_MUST, LEVEL_SHOULD), RESULT_WARN);
	CU_ASSERT_EQUAL(one(LEVEL_MUST, LEVEL_MAY), RESULT_PASS);
	CU_ASSERT_EQUAL(one(LEVEL_SHOULD, LEVEL_SHOULD), RESULT_FAIL);
	CU_ASSERT_EQUAL(one(LEVEL_MAY, LEVEL_MAY), RESULT_FAIL);
}

static void t_worst(void)
{
	struct verdict v = { .strictness = LEVEL_MUST };
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_PASS);
	(void)verdict_add(&v, RESULT_WARN, LEVEL_MUST, clause, 1, "a.yaml:3", "200", "400");
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_WARN);
	(void)verdict_add(
		&v, RESULT_INCONCLUSIVE, LEVEL_MUST, NULL, 0, "a.yaml:4", "media", "none");
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_INCONCLUSIVE);
	struct verdict_finding *f = verdict_add(
		&v, RESULT_FAIL, LEVEL_MUST, clause, 1, "after", "an answer", "silence");
	f->is_aftermath = true;
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_FAIL);
	CU_ASSERT_EQUAL(verdict_behaviour(&v), RESULT_INCONCLUSIVE);
	CU_ASSERT_EQUAL(verdict_aftermath(&v), RESULT_FAIL);
	(void)snprintf(v.skip, sizeof(v.skip), "not offered");
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_SKIP);
}

static void t_print(void)
{
	struct verdict v = { .strictness = LEVEL_MUST };
	struct buf b;
	buf_init(&b, 256);
	for (int i = 0; i < 3; i++)
		(void)verdict_add(
			&v, RESULT_FAIL, LEVEL_MUST, clause, 1, "a.yaml:3", "400", "200 OK");
	CU_ASSERT_EQUAL(v.n, 1);
	verdict_print(&v.v[0], &b);
	CU_ASSERT(bytes_is_eq(
		buf_bytes(&b), B("a.yaml:3: expected 400, got 200 OK (3 times)  [RTSP-12.17-02]")));
	buf_clear(&b);
}

static void t_passive(void)
{
	struct verdict v = { .strictness = LEVEL_MUST };
	struct ox_findings fs = { 0 };
	struct case_def c = { .allow = { "RTSP-12.17-01" }, .n_allow = 1 };
	struct bytes named[4];
	(void)ox_find(&fs, OX_RTSP_4_02, 0, "before the case");
	(void)ox_find(&fs, OX_RTSP_12_17_01, 0, "allowed");
	(void)ox_find(&fs, OX_RTSP_12_17_03, 0, "counts");
	(void)ox_find(&fs, OX_RTSP_12_17_03, 0, "counts");
	fs.by_client = true;
	(void)ox_find(&fs, OX_RTSP_4_02, 0, "ours");
	verdict_add_passive(&v, &c, &fs, 1);
	CU_ASSERT_EQUAL(v.n, 1);
	CU_ASSERT_EQUAL(v.v[0].times, 2);
	CU_ASSERT_EQUAL(verdict_of(&v), RESULT_FAIL);
	CU_ASSERT_EQUAL(verdict_clauses(&v, RESULT_FAIL, named, COUNT(named)), 1);
	CU_ASSERT(bytes_is_eq(named[0], B("RTSP-12.17-03")));
	ox_findings_clear(&fs);
}

static bool redacts(const char *text, const char *want)
{
	uint8_t b[256];
	size_t n = strlen(text);
	memcpy(b, text, n);
	evidence_redact(b, n);
	return bytes_is_eq(bytes_of(b, n), bytes_str(want));
}

static void t_redact(void)
{
	CU_ASSERT(redacts("A: b\r\nauthorization: Basic QQ==\r\nC: d\r\n",
		"A: b\r\nauthorization: xxxxx xxxx\r\nC: d\r\n"));
	CU_ASSERT(redacts("PLAY rtsp://u:p@h/a RTSP/1.0\r\n", "PLAY rtsp://xxx@h/a RTSP/1.0\r\n"));
	CU_ASSERT(redacts("PLAY rtsp://h/a?token=abc&b=c RTSP/1.0\r\n",
		"PLAY rtsp://h/a?token=xxx&b=c RTSP/1.0\r\n"));
	CU_ASSERT(redacts("rtsp://h/a@b", "rtsp://h/a@b"));
	CU_ASSERT(redacts("X-Authorization-Like: b", "X-Authorization-Like: b"));
}

static void t_redact_split(void)
{
	static const char text[] =
		"PLAY rtsp://h/a?token=abc RTSP/1.0\r\nAuthorization: Digest\r\n u=b";
	static const char want[] =
		"PLAY rtsp://h/a?token=xxx RTSP/1.0\r\nAuthorization: xxxxxx\r\n xxx";
	struct trace t;
	struct trace_event client = { .kind = TRACE_TCP, .from_client = true, .conn = 1 },
			   server = { .kind = TRACE_TCP, .conn = 1 };
	trace_init(&t);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		trace_add(&t, &client, bytes_of(text + i, 1));
		trace_add(&t, &server, B("?k=v"));
	}
	evidence_redact_trace(&t);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		CU_ASSERT_EQUAL(trace_bytes(&t, &t.v[2 * i]).p[0], want[i]);
		CU_ASSERT(bytes_is_eq(trace_bytes(&t, &t.v[2 * i + 1]), B("?k=v")));
	}
	trace_clear(&t);
}

static void t_plain(void)
{
	struct verdict v = { 0 };
	char small[6];
	plain_put(small, sizeof(small), B("abc\n"));
	CU_ASSERT_STRING_EQUAL(small, "abc");
	(void)verdict_add(&v, RESULT_FAIL, LEVEL_MUST, NULL, 0, "x", "y", "200 \033[2J\377");
	CU_ASSERT_STRING_EQUAL(v.v[0].got, "200 \\x1b[2J\\xff");
}

UNIT_SUITE(conformance_verdict,
	{ "strictness decides which broken level fails, warns or is noted", t_levels },
	{ "the worst finding decides, behaviour and aftermath apart", t_worst },
	{ "an expectation that breaks again is counted, not repeated", t_print },
	{ "the analyser's findings count unless allowed, ours, or from before", t_passive },
	{ "secrets are overwritten in the same length", t_redact },
	{ "a secret that is split over segments is overwritten too", t_redact_split },
	{ "what a peer sent drives no terminal", t_plain });
