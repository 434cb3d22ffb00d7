/* SPDX-License-Identifier: MIT */
#include "reports/tests/fixture.h"

#include <math.h>
#include <string.h>

#include "reports/result_json.h"
#include "server/base/os.h"
#include "server/base/tick.h"

#define STARTED INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define SECONDS 10

struct dice {
	uint64_t state;
};

static double roll(struct dice *d)
{
	d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((double)(d->state >> 11) + 0.5) / 9007199254740992.0;
}

/* Log-normal around `middle` ns. */
static int64_t draw(struct dice *d, double middle, double spread)
{
	/* one after the other: C leaves the order within an expression open */
	double radius = sqrt(-2 * log(roll(d))), angle = 6.283185307179586 * roll(d);
	double z = radius * cos(angle);

	return (int64_t)(middle * exp(spread * z));
}

/* The same machine everywhere, so that pages can be compared byte for byte. */
static void fix_environment(struct result *r)
{
	static const char *const facts[][2] = { { "os", "Debian GNU/Linux 12 (bookworm)" },
		{ "kernel", "Linux 6.1.0 x86_64" }, { "cpu", "Example CPU at 2.40 GHz" },
		{ "cpus", "2" }, { "memory", "8.3 GB" }, { "descriptor_limit", "20000" } };

	json_object_clear(json_object_get(r->root, "environment"));
	for (size_t i = 0; i < COUNT(facts); i++)
		result_environment(r, facts[i][0], facts[i][1]);
	json_object_set_new(json_object_get(r->root, "run"), "beagle", json_string("v0-test"));
}

static struct result *begin(enum result_kind kind, const char *program, const char *transport)
{
	char *argv[] = { (char *)program, (char *)"rtsp://user:hunter2@127.0.0.1:8554/pattern",
		(char *)"--transport", (char *)transport };
	struct result_run run = { .kind = kind,
		.program = program,
		.argc = 4,
		.argv = argv,
		.seed = 42,
		.started_ns = STARTED };
	struct result *r = result_new(&run);

	fix_environment(r);
	return r;
}

struct result *fixture_empty(enum result_kind kind)
{
	static const char *const programs[] = { "beagle-loadgen", "beagle-conformance",
		"beagle-conformance" };
	return begin(kind, programs[kind], "udp");
}

/* ---- load ---- */

static void add_hist(struct result *r, const char *name, const char *origin, double middle,
	double spread, unsigned n, struct dice *d)
{
	struct hist h;

	hist_init(&h, 60 * TICK_S, 3);
	for (unsigned i = 0; i < n; i++)
		hist_record(&h, draw(d, middle, spread));
	if (result_hist(r, name, "ns", origin, &h) != 0)
		UNREACHABLE("one layout");
	hist_clear(&h);
}

static void add_time(struct result *r, unsigned sessions, bool lossy, struct dice *d)
{
	static const struct result_column columns[] = { { "sessions", NULL, RESULT_SUM },
		{ "arrivals", NULL, RESULT_SUM }, { "completed", NULL, RESULT_SUM },
		{ "failed", NULL, RESULT_SUM }, { "packets", NULL, RESULT_SUM },
		{ "bytes", "bytes", RESULT_SUM }, { "lost", NULL, RESULT_SUM },
		{ "lateness_p50", "ns", RESULT_MAX }, { "lateness_p99", "ns", RESULT_MAX },
		{ "lag_p99", "ns", RESULT_MAX }, { "cpu_generator", NULL, RESULT_SUM },
		{ "cpu_server", NULL, RESULT_MAX }, { "rss_server", "bytes", RESULT_MAX } };

	result_series_columns(r, columns, COUNT(columns));
	for (int t = 0; t < SECONDS; t++) {
		double share = t < 2 ? (t + 1) / 2.0 : t == SECONDS - 1 ? 0.6 : 1;
		double packets = floor(sessions * 50 * share);
		double p50 = (double)draw(d, 2e5, 0.1), p99 = (double)draw(d, 1.6e6, 0.3);
		double lag = (double)draw(d, 9e4, 0.2), cpu = roll(d);
		double row[COUNT(columns)] = { floor(sessions * share), t < 2 ? sessions / 2.0 : 0,
			t == SECONDS - 1 ? floor(sessions * 0.4) : 0, lossy && t == 4 ? 3 : 0,
			packets, packets * 1250, lossy ? floor(packets / 100) : 0, p50, p99, lag,
			0.31 * share + 0.01 * cpu, t == 6 ? NAN : 0.44 * share + 0.02 * cpu,
			2.4e7 + 1e6 * share };
		struct hist h;

		result_series_row(r, t, row);
		hist_init(&h, 60 * TICK_S, 2);
		for (unsigned i = 0; i < 4000; i++)
			hist_record(&h, draw(d, t == 6 ? 6e5 : 2e5, t == 6 ? 1.2 : 0.8));
		result_heat_row(r, "lateness", t, &h);
		hist_clear(&h);
	}
}

static void add_load(struct result *r, const char *transport, unsigned sessions, bool lossy)
{
	static const char *const features[] = { "udp", "tcp", "pattern", "seek" };

	result_set_target(r, "rtsp://user:hunter2@127.0.0.1:8554/pattern?token=abc",
		"Beagle/v0-test", features, COUNT(features));
	result_set_duration(r, 12.34);
	result_config_num(r, "sessions", sessions, NULL);
	result_config_num(r, "duration", 10, "s");
	result_config_num(r, "rate", 500, "1/s");
	result_config(r, "transport", transport);
	result_config(r, "engine", "native");
	result_config(r, "receive_mode", "recvmmsg, 8 shared socket pairs");
	result_counter(r, "sessions_planned", sessions, NULL);
	result_counter(r, "sessions_started", sessions, NULL);
	result_counter(r, "sessions_completed", sessions - (lossy ? 3 : 0), NULL);
	result_counter(r, "sessions_failed", lossy ? 3 : 0, NULL);
	result_counter(r, "packets_received", sessions * 455ull, NULL);
	result_counter(r, "bytes_received", sessions * 455ull * 1250, "bytes");
	result_counter(r, "packets_lost", lossy ? sessions * 5 : 0, NULL);
	result_counter(r, "packets_corrupt", 0, NULL);
	result_figure(r, "received_share", lossy ? 0.989 : 1, "ratio", RESULT_MIN);
	result_self_check(r, "own lag p99", 9.4e4, 1e6, "ns", true);
	result_self_check(r, "generator CPU", 0.32, 0.85, "ratio", true);
	result_self_check(r, "dropped arrivals", 0, 0.001, "ratio", true);
	result_self_check(r, "kernel drops", 0, 0, "packets", true);
	result_gate(r, "setup p99", 3.2e6, 5e7, "ns", true);
	result_gate(r, "packets lost", lossy ? sessions * 5 : 0, 0, "packets", !lossy);
	if (lossy) {
		result_error(r, "setup", "status 453", 2, "RTSP/1.0 453 Not Enough Bandwidth");
		result_error(r, "play", "no answer in time", 1, NULL);
	}
	result_note(r, "Loopback: the receiver's cost lands in the server's CPU time.");
}

struct result *fixture_load(const char *transport, unsigned sessions, bool lossy)
{
	struct result *r = begin(RESULT_LOAD, "build/bin/beagle-loadgen", transport);
	struct dice d = { .state = sessions + (uint64_t)transport[0] };

	add_load(r, transport, sessions, lossy);
	add_hist(r, "connect", "intended", 9e4, 0.4, sessions, &d);
	add_hist(r, "describe", "intended", 4e5, 0.5, sessions, &d);
	add_hist(r, "setup", "intended", 5e5, 0.6, sessions, &d);
	add_hist(r, "setup", "sent", 3e5, 0.5, sessions, &d);
	add_hist(r, "play", "intended", 6e5, 0.5, sessions, &d);
	add_hist(r, "startup", "intended", 2.1e6, 0.4, sessions, &d);
	add_hist(r, "teardown", "intended", 2e5, 0.5, sessions, &d);
	add_hist(r, "lateness", "rtp", 2e5, 0.8, sessions * 40, &d);
	add_hist(r, "jitter", "rtp", 6e4, 0.5, sessions * 40, &d);
	add_hist(r, "generator_lag", "clock", 3e4, 0.4, sessions * 5, &d);
	add_time(r, sessions, lossy, &d);
	return r;
}

struct result *fixture_invalid(void)
{
	struct result *r = fixture_load("udp", 200, false);

	result_self_check(r, "own lag p99", 4.2e6, 1e6, "ns", false);
	result_invalid(r, "1 of 2 workers was lost: the offered load was 50 %% of what was asked");
	return r;
}

/* ---- conformance ---- */

static void add_case(struct result *r, const char *id, const char *rfc, const char *section,
	const char *clause, enum result_verdict v, unsigned ms)
{
	static const char *const reasons[RESULT_VERDICTS] = { NULL,
		"the status is 400, where 461 is the only answer allowed",
		"the reply carries no Public header", "the target offers no multicast",
		"the peer was already gone when the case began" };
	struct result_case c = { .id = id,
		.title = "a rule of the protocol, said in one sentence",
		.rfc = rfc,
		.section = section,
		.level = v == RESULT_WARN ? "should" : "must",
		.verdict = v,
		.reason = reasons[v],
		.where = "cases/rfc2326/11.3.12-unsupported-transport.yaml:14",
		.clauses = &clause,
		.n_clauses = 1,
		.ms = ms };

	if (v == RESULT_FAIL) {
		c.expected = "RTSP/1.0 461 Unsupported Transport";
		c.got = "RTSP/1.0 400 Bad Request\nCSeq: 3\nServer: Example/1.0";
		c.evidence = "evidence/tr.unsupported";
	}
	result_case(r, &c);
}

struct result *fixture_conformance(void)
{
	static const char *const features[] = { "udp", "tcp", "vod", "seek" };
	static const struct result_coverage coverage[] = { { "2326", "10.4", 21, 9, 6, 2, 4 },
		{ "2326", "12.39", 30, 12, 4, 1, 13 }, { "3550", "6.3", 44, 8, 12, 6, 18 },
		{ "4566", "5", 61, 14, 40, 2, 5 } };
	struct result *r = begin(RESULT_CONFORMANCE, "beagle-conformance", "udp");

	result_set_target(
		r, "rtsp://127.0.0.1:8554/pattern", "Example/1.0", features, COUNT(features));
	result_set_duration(r, 31.5);
	result_config(r, "level", "must");
	result_config(r, "profile", "rfc2326");
	for (unsigned i = 0; i < 6; i++) {
		static const char *const ids[] = { "msg.cseq.echo", "msg.cseq.missing",
			"msg.version.wrong", "msg.header.long", "msg.header.folded",
			"msg.body.none" };
		add_case(r, ids[i], "2326", i < 3 ? "12.17" : "4.2", "RTSP-12.17-01",
			i == 4 ? RESULT_SKIP : RESULT_PASS, 3 + i);
	}
	add_case(r, "tr.unsupported", "2326", "11.3.12", "RTSP-11.3.12-01", RESULT_FAIL, 12);
	add_case(r, "opt.public", "2326", "10.1", "RTSP-10.1-02", RESULT_WARN, 2);
	add_case(r, "st.play.twice", "2326", "10.5", "RTSP-10.5-07", RESULT_INCONCLUSIVE, 5000);
	add_case(r, "sdp.time.order", "4566", "5", "SDP-5-03", RESULT_PASS, 2);
	add_case(r, "rtcp.sr.slope", "3550", "6.4.1", "RTP-5.1-12", RESULT_PASS, 6021);
	add_case(r, "neg.rg.scale-nan", "", "", "RTSP-12.34-02", RESULT_PASS, 4);
	for (size_t i = 0; i < COUNT(coverage); i++)
		result_coverage(r, &coverage[i]);
	result_finding(r, "RTSP-12.36-01", "should", "msg.cseq.echo", "no Server header", 17);
	return r;
}

/* ---- replay ---- */

struct result *fixture_replay(void)
{
	static const struct result_difference differences[] = {
		{ "header Public", "DESCRIBE, SETUP, TEARDOWN, PLAY",
			"OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN" },
		{ "header Cache-Control", "must-revalidate", NULL },
	};
	static const char *const methods[] = { "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN" };
	struct result *r = begin(RESULT_REPLAY, "beagle-conformance", "udp");

	result_set_target(r, "rtsp://127.0.0.1:8554/clip.mp4", "Beagle/v0-test", NULL, 0);
	result_set_duration(r, 5.2);
	result_config(r, "capture", "samples/clip-udp.pcap");
	for (size_t i = 0; i < COUNT(methods); i++) {
		struct result_step s = { .method = methods[i],
			.url = "rtsp://user:hunter2@192.0.2.1/clip.mp4/trackID=1",
			.captured_at_ms = 10.0 * (double)i,
			.live_at_ms = 9.0 * (double)i,
			.captured_status = 200,
			.live_status = i == 4 ? 0 : 200,
			.captured_ms = 1.25,
			.live_ms = i == 4 ? NAN : 0.4,
			.verdict = i == 0   ? RESULT_DIFFERS
				   : i == 4 ? RESULT_NO_ANSWER
					    : RESULT_SAME,
			.differences = differences,
			.n_differences = i == 0 ? COUNT(differences) : 0 };
		result_step(r, &s);
	}
	result_stream(r, &(struct result_stream){ .name = "rtsp://192.0.2.1/clip.mp4/trackID=1",
				 .captured_packets = 250,
				 .captured_bytes = 250000,
				 .captured_span_s = 4.96,
				 .live_packets = 249,
				 .live_bytes = 249000,
				 .live_span_s = 4.95,
				 .live_lost = 1 });
	return r;
}

/* ---- hostile ---- */

#define EVIL                                                                                         \
	"<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x01\x7f\xff\xc0\x80\x1b[31m" \
	"\xe2\x80\xae]]>`|@everyone\r\n"

struct result *fixture_hostile(enum result_kind kind)
{
	static const char *const words[] = { EVIL };
	struct result *r = begin(kind, EVIL, EVIL);
	struct result_difference difference = { EVIL, EVIL, EVIL };
	struct result_case c = { EVIL, EVIL, EVIL, EVIL, EVIL, RESULT_FAIL, EVIL, EVIL, EVIL, EVIL,
		words, 1, NAN, "javascript:alert(3)" };
	struct result_step s = { .method = EVIL,
		.url = EVIL,
		.captured_ms = NAN,
		.live_ms = INFINITY,
		.captured_status = -1,
		.verdict = RESULT_DIFFERS,
		.differences = &difference,
		.n_differences = 1 };
	struct dice d = { .state = 1 };

	result_set_target(r, EVIL, EVIL, words, 1);
	result_config(r, EVIL, EVIL);
	result_config(r, "transport", EVIL);
	result_environment(r, EVIL, EVIL);
	result_note(r, "%s", EVIL);
	result_invalid(r, "%s", EVIL);
	result_counter(r, EVIL, UINT64_MAX, EVIL);
	result_figure(r, EVIL, -INFINITY, EVIL, RESULT_MAX);
	result_gate(r, EVIL, NAN, NAN, EVIL, false);
	result_error(r, EVIL, EVIL, 1, EVIL);
	if (kind == RESULT_LOAD) {
		add_hist(r, EVIL, EVIL, 1e6, 1, 100, &d);
		add_hist(r, "setup\";system \"touch gotcha\"", "x", 1e6, 1, 100, &d);
	} else if (kind == RESULT_CONFORMANCE) {
		result_case(r, &c);
		result_finding(r, EVIL, EVIL, EVIL, EVIL, 1);
		result_coverage(r, &(struct result_coverage){ EVIL, EVIL, 1, 1, 0, 0, 0 });
	} else {
		result_step(r, &s);
		result_stream(r, &(struct result_stream){ .name = EVIL, .live_span_s = NAN });
	}
	return r;
}
