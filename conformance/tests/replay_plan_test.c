/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/replay_plan.h"
#include "server/base/err.h"
#include "server/tests/unit.h"

static const char sample[] = "captures/samples/clip-udp.pcap";

static void t_plan(void)
{
	struct replay_plan p;
	char *why = NULL;
	CU_ASSERT_EQUAL_FATAL(replay_plan_read(&p, sample, &why), 0);
	CU_ASSERT(p.n >= 5);
	CU_ASSERT_EQUAL(p.n_tracks, 2);
	CU_ASSERT(p.has_teardown);
	CU_ASSERT(p.last > 2 * TICK_S);
	CU_ASSERT(replay_plan_track(&p, B("rtsp://other/nothing")) < 0);
	replay_plan_clear(&p);
}

static void t_rewrite(void)
{
	struct replay_plan p;
	char *why = NULL;
	struct buf b;
	struct target t = { .url = "rtsp://live/x",
		.aggregate = "rtsp://live/x/",
		.n_tracks = 2,
		.tracks = { "rtsp://live/x/a", "rtsp://live/x/b" } };
	struct replay_values v = { .target = &t, .session = "LIVE", .live_ports = { 6000, 6001 } };
	CU_ASSERT_EQUAL_FATAL(replay_plan_read(&p, sample, &why), 0);
	p.live[0] = 0;
	p.live[1] = 1;
	buf_init(&b, 65536);
	for (size_t i = 0; i < p.n; i++) {
		CU_ASSERT_EQUAL(replay_plan_write(&p, &p.v[i], &v, &b), 0);
		struct bytes text = buf_bytes(&b);
		CU_ASSERT(bytes_find(text, B(" rtsp://live/x")) < text.n);
		CU_ASSERT(bytes_find(text, B("CSeq")) == text.n);
		if (bytes_is_eq(p.v[i].request->method, B("SETUP")))
			CU_ASSERT(bytes_find(text, B("client_port=6000-6001")) < text.n);
		if (p.v[i].request->session.n)
			CU_ASSERT(bytes_find(text, B("Session: LIVE\n")) < text.n);
		buf_drop(&b, b.n);
	}
	buf_clear(&b);
	replay_plan_clear(&p);
}

static void refused(const char *name, int rc, const char *words)
{
	struct replay_plan p;
	char *why = NULL, *path = unit_data(name);
	if (!path)
		return;
	CU_ASSERT_EQUAL(replay_plan_read(&p, path, &why), rc);
	CU_ASSERT(why && strstr(why, words));
	free(why);
	free(path);
	replay_plan_clear(&p);
}

static void t_refused(void)
{
	refused("captures/real/airtunes-announce-record-flush.pcap", ERR_STATE, "publishes");
	refused("captures/real/rtp-opus-one-way.pcap", ERR_STATE, "no RTSP request");
}

static void t_logins(void)
{
	struct replay_plan p;
	char *why = NULL, *path = unit_data("captures/real/dahua-h264-udp-digest.pcapng");
	size_t skipped = 0;
	if (!path)
		return;
	CU_ASSERT_EQUAL_FATAL(replay_plan_read(&p, path, &why), 0);
	for (size_t i = 0; i < p.n; i++)
		skipped += p.v[i].skip != NULL;
	CU_ASSERT_EQUAL(skipped, 4);
	free(path);
	replay_plan_clear(&p);
}

UNIT_SUITE(conformance_replay, { "a capture becomes requests, tracks and times", t_plan },
	{ "URL, Session and ports are the live ones", t_rewrite },
	{ "what cannot be replayed is refused with the reason", t_refused },
	{ "requests that were refused for want of a login are left out", t_logins });
