/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/modules/fault.h"
#include "server/tests/unit.h"

static const char reply_text[] =
	"RTSP/1.0 200 OK\r\nCSeq: 7\r\nDate: Mon, 23 Nov 2026 02:39:28 GMT\r\n"
	"Session: 0123456789abcdef00;timeout=60\r\n"
	"Transport: RTP/AVP;unicast;client_port=5000-5001;ssrc=B5A48993\r\n\r\n";

static void t_values(void)
{
	static const struct {
		const char *spec;
		int err;
		enum fault_id id;
		int64_t on, more;
	} rows[] = {
		{ "cseq-drop", 0, FAULT_CSEQ_DROP, 1, 0 },
		{ "cseq-drop=1", ERR_RANGE, FAULT_CSEQ_DROP, 0, 0 },
		{ "cseq-drop=", ERR_RANGE, FAULT_CSEQ_DROP, 0, 0 },
		{ "loss", 0, FAULT_LOSS, 100, 0 },
		{ "loss=3", 0, FAULT_LOSS, 3, 0 },
		{ "loss=0", ERR_RANGE, FAULT_LOSS, 0, 0 },
		{ "loss=x", ERR_RANGE, FAULT_LOSS, 0, 0 },
		{ "status", 0, FAULT_STATUS, 455, 200 },
		{ "status=461:400", 0, FAULT_STATUS, 461, 400 },
		{ "status=461", ERR_RANGE, FAULT_STATUS, 0, 0 },
		{ "status=461:99", ERR_RANGE, FAULT_STATUS, 0, 0 },
		{ "mute=PLAY", 0, FAULT_MUTE, RTSP_PLAY, 0 },
		{ "mute=play", ERR_RANGE, FAULT_MUTE, 0, 0 },
		{ "slow=SETUP:250", 0, FAULT_SLOW, RTSP_SETUP, 250 },
		{ "slow=SETUP", ERR_RANGE, FAULT_SLOW, 0, 0 },
		{ "slow=250", ERR_RANGE, FAULT_SLOW, 0, 0 },
		{ "no-such-fault", ERR_NOT_FOUND, FAULT_LOSS, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct faults f = { 0 };
		char why[PREFS_WHY] = "";
		CU_ASSERT_EQUAL(faults_add(&f, rows[i].spec, why), rows[i].err);
		CU_ASSERT_EQUAL(f.on[rows[i].id], rows[i].on);
		if (rows[i].err == 0)
			CU_ASSERT_EQUAL(f.more[rows[i].id], rows[i].more);
		CU_ASSERT_EQUAL(why[0] == '\0', rows[i].err == 0);
	}
}

/* "+RTSP-12.17-01", "*", or "@" and a script. */
static bool is_clause(struct bytes w, bool *counts)
{
	struct bytes id = bytes_has_prefix(w, B("+")) ? bytes_sub(w, 1, w.n) : w;

	if (bytes_is_eq(w, B("*")))
		return true;
	if (bytes_has_prefix(w, B("@"))) {
		*counts = true;
		return bytes_find(w, B(".sh")) == w.n - 3;
	}
	*counts |= id.n == w.n;
	return bytes_find(id, B("-")) < id.n && id.p[0] >= 'A' && id.p[0] <= 'Z';
}

/* Every row says which clause must fail, or who else sees it. */
static void t_seen(void)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		struct bytes words = bytes_str(fault_rows[i].clauses), w;
		bool counts = false;
		while (bytes_cut(&words, ' ', &w))
			CU_ASSERT(w.n && is_clause(w, &counts));
		CU_ASSERT(counts);
	}
}

/* Every row's own default is one that it takes, and its clauses are words with one blank between. */
static void t_rows(void)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		struct faults f = { 0 };
		char why[PREFS_WHY] = "";
		CU_ASSERT_EQUAL(faults_add(&f, fault_rows[i].name, why), 0);
		CU_ASSERT(f.on[i] != 0);
		CU_ASSERT(fault_rows[i].clauses[0] != '\0' &&
			  !strstr(fault_rows[i].clauses, "  ") && fault_rows[i].text[0]);
	}
}

/* What the fault makes of the reply. */
static void edited(const char *spec, enum rtsp_method method, struct buf *reply)
{
	struct faults f = { 0 };
	struct rtsp_txn t = { .req = { .method = method } };
	char why[PREFS_WHY];

	CU_ASSERT_EQUAL(faults_add(&f, spec, why), 0);
	buf_init(reply, 4096);
	CU_ASSERT_EQUAL(buf_put(reply, bytes_str(reply_text)), 0);
	fault_reply_edit(&f, &t, reply);
}

static void t_edits(void)
{
	static const struct {
		const char *spec, *there, *gone;
	} rows[] = {
		{ "cseq-drop", "OK\r\nDate: ", "CSeq" },
		{ "cseq-shift", "CSeq: 8\r\n", "CSeq: 7" },
		{ "cseq-twice", "CSeq: 7\r\nCSeq: 7\r\n", NULL },
		{ "date-weekday", "Date: Tue, 23 Nov 2026", "Mon" },
		{ "session-timeout", "00;timeout=soon\r\n", "60" },
		{ "transport-ports", "client_port=5002-5003;ssrc", "5000" },
		{ "ssrc-drop", "client_port=5000-5001\r\n", "ssrc" },
		{ "transport-ssrc", "ssrc=0BADBEEF\r\n", "B5A48993" },
		{ "transport-channels", reply_text, NULL },
		{ "last-modified", reply_text, "Last-Modified" }, /* this is no DESCRIBE */
		{ "status=200:461", "RTSP/1.0 461 Unsupported Transport\r\n", "200" },
		{ "status=404:200", reply_text, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;
		edited(rows[i].spec, RTSP_SETUP, &b);
		struct bytes all = buf_bytes(&b);
		CU_ASSERT(bytes_find(all, bytes_str(rows[i].there)) < all.n);
		if (rows[i].gone)
			CU_ASSERT(bytes_find(all, bytes_str(rows[i].gone)) >= all.n);
		buf_clear(&b);
	}
}

/* A reply that has nothing of what a fault is about stays what it was. */
static void t_nothing_to_spoil(void)
{
	static const char bare[] = "RTSP/1.0 200 OK\r\n\r\n";

	for (int i = 0; i < FAULT_COUNT; i++) {
		struct faults f = { 0 };
		struct rtsp_txn t = { .req = { .method = RTSP_TEARDOWN } };
		char why[PREFS_WHY];
		struct buf b;
		if (i == FAULT_DATE_FORM)
			continue; /* puts one */
		CU_ASSERT_EQUAL(faults_add(&f, fault_rows[i].name, why), 0);
		buf_init(&b, sizeof bare - 1); /* no room for anything more */
		CU_ASSERT_EQUAL(buf_put(&b, bytes_str(bare)), 0);
		fault_reply_edit(&f, &t, &b);
		CU_ASSERT(bytes_is_eq(buf_bytes(&b), bytes_str(bare)));
		buf_clear(&b);
	}
}

/* '$' frames are told by their length, from what is left of one and from messages. */
static void t_frames(void)
{
	uint8_t head[16] = { '$', 0, 0, 20 }, rest[8] = { 0 }, unit[12] = { '$', 2, 0, 8 };
	uint8_t part[12] = { '$', 2, 1, 8 };
	struct iovec iov[] = { { head, sizeof head }, { rest, sizeof rest }, { unit, sizeof unit },
		{ part, sizeof part } };
	struct faults f = { .flow = fault_flow_new() };
	char why[PREFS_WHY];

	CU_ASSERT_EQUAL(faults_add(&f, "frame-channel=1", why), 0);
	fault_frame_spoil(&f, iov, (int)COUNT(iov));
	CU_ASSERT_EQUAL(head[1], 250);
	CU_ASSERT_EQUAL(unit[1], 250);
	CU_ASSERT_EQUAL(part[1], 2);
	CU_ASSERT_EQUAL(be16(head + 2), 20);
	fault_flow_free(f.flow);
}

UNIT_SUITE(fault, { "fault: a value has the form that its row says", t_values },
	{ "fault: each row takes its own default", t_rows },
	{ "fault: each row names a clause or a script that sees it", t_seen },
	{ "fault: a reply is spoilt in one place", t_edits },
	{ "fault: a reply without that place stays what it was", t_nothing_to_spoil },
	{ "fault: frames are spoilt, parts of frames and messages are not", t_frames });
