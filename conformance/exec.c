/* SPDX-License-Identifier: MIT */
#include "conformance/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/login.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum { STIMULUS_MAX = 16 << 20 };
#define CONNECT_WAIT (3 * TICK_S)
#define SEND_WAIT    (5 * TICK_S)
/* between the segments of a split stimulus: long enough to leave as segments of their own */
#define SPLIT_GAP (1 * TICK_MS)

void exec_finding(struct trial *t, const struct step *s, enum result_verdict kind,
	const char *expected, const char *got)
{
	char where[96], note[640];
	(void)snprintf(where, sizeof(where), "%s:%d", s->file, s->line);
	/* a case whose set-up fails could not be judged; that failure has cases of its own */
	if (s->in_prologue && kind != RESULT_PASS)
		kind = RESULT_INCONCLUSIVE;
	(void)verdict_add(
		&t->verdict, kind, s->level, s->clauses, s->n_clauses, where, expected, got);
	(void)snprintf(note, sizeof(note), "%s: expected %s, got %s", where, expected, got);
	trace_note(&t->links.trace, os_now() - t->links.zero, kind != RESULT_PASS, note);
}

int exec_conn(struct trial *t, const struct step *s)
{
	int conn = links_find(&t->links, s->via);
	if (conn < 0)
		conn = links_connect(&t->links, s->via, CONNECT_WAIT);
	if (conn < 0) {
		t->peer_gone = true;
		exec_finding(t, s, RESULT_INCONCLUSIVE, "a connection", err_text(conn));
	}
	return conn;
}

static void learn_setup(struct trial *t, int conn, const struct answer *a)
{
	struct ox_transport tr;
	struct ox_session_id id;
	if (ox_session_id_read(ox_header_value(&a->m, "Session"), 0, &id, NULL) == 0) {
		(void)snprintf(t->session, sizeof(t->session), "%.*s", BYTES_FMT(id.id));
		t->has_session = true;
		t->is_torn_down = false;
	}
	int i = media_find(&t->media, bytes_str(a->request.url));
	if (i < 0 && t->media.n == 1)
		i = 0;
	if (i < 0 || !ox_transport_read(ox_header_value(&a->m, "Transport"), 0, &tr, 1, NULL))
		return;
	struct media_stream *s = &t->media.v[i];
	if (tr.is_tcp && tr.has_interleaved) {
		t->links.conns[conn]->channel[tr.interleaved[0]] = (int16_t)(2 * i);
		if (tr.interleaved[1] != tr.interleaved[0])
			t->links.conns[conn]->channel[tr.interleaved[1]] = (int16_t)(2 * i + 1);
	}
	s->transport = tr;
	s->is_set_up = true;
}

static void learn_play(struct trial *t, const struct answer *a)
{
	struct ox_rtp_info info[OX_MAX_RTP_INFO];
	const struct ox_header *h = ox_header_find(&a->m, "RTP-Info");
	size_t n = h ? ox_rtp_info_read(h->value, 0, info, COUNT(info), NULL) : 0;
	t->media.play_reply = a->at;
	for (size_t k = 0; k < n && k < COUNT(info); k++) {
		char url[2048];
		if (ox_url_join(bytes_str(t->target->aggregate), info[k].url, url, sizeof(url)) < 0)
			continue;
		int i = media_find(&t->media, bytes_str(url));
		if (i < 0 && t->media.n == 1)
			i = 0;
		if (i < 0)
			continue;
		t->media.v[i].info = info[k];
		t->media.v[i].has_info = true;
		(void)snprintf(
			t->media.v[i].info_url, sizeof(t->media.v[i].info_url), "%.500s", url);
	}
	struct bytes range = ox_header_value(&a->m, "Range");
	t->media.has_range = range.n && ox_range_read(range, 0, &t->media.range, NULL) == 0;
}

void exec_learn(struct trial *t, int conn, const struct answer *a)
{
	const char *method = a->request.method;
	if (a->seen.kind == OUTCOME_STATUS && a->seen.status == 401)
		exec_challenged(t, &a->m);
	if (a->seen.kind != OUTCOME_STATUS || a->seen.status / 100 != 2)
		return;
	if (strcmp(method, "SETUP") == 0)
		learn_setup(t, conn, a);
	else if (strcmp(method, "PLAY") == 0)
		learn_play(t, a);
	else if (strcmp(method, "PAUSE") == 0 || strcmp(method, "TEARDOWN") == 0)
		media_mark_stop(&t->media, a->at);
	if (strcmp(method, "TEARDOWN") == 0 && media_find(&t->media, bytes_str(a->request.url)) < 0)
		t->is_torn_down = true;
}

/* ---- sending ---- */

static bool expand(struct trial *t, const struct step *s, const char *text, enum template_mode mode,
	struct buf *out)
{
	char missing[32], expected[64];
	int rc = template_expand(text, mode, trial_lookup, t, out, missing);
	if (rc == 0)
		return true;
	(void)snprintf(expected, sizeof(expected), "a value for ${%s}", missing);
	exec_finding(t, s, RESULT_INCONCLUSIVE, rc == ERR_LIMIT ? "a smaller stimulus" : expected,
		"none");
	return false;
}

static size_t next_cut(const struct step *s, size_t at, size_t n)
{
	if (s->split)
		return at + s->split < n ? at + s->split : n;
	for (size_t i = 0; i < s->n_split_at; i++) {
		if (s->split_at[i] > at && s->split_at[i] < n)
			return s->split_at[i];
	}
	return n;
}

/* A connection that is closed shows in what the next step expects, so sending never fails. */
static bool put(struct trial *t, const struct step *s, struct bytes b)
{
	int conn = exec_conn(t, s);
	struct buf dressed;
	if (conn < 0)
		return false;
	buf_init(&dressed, 2 * STIMULUS_MAX);
	login_dress(&t->links, conn, b, &dressed);
	b = buf_bytes(&dressed);
	if (bytes_find(b, B("PLAY ")) < b.n)
		media_mark_play(&t->media, os_now());
	links_requested(&t->links, conn, b);
	for (size_t at = 0; at < b.n;) {
		size_t end = next_cut(s, at, b.n);
		if (links_send(&t->links, conn, bytes_sub(b, at, end - at), SEND_WAIT) < 0)
			break;
		at = end;
		tick_t until = os_now() + SPLIT_GAP;
		while (at < b.n && links_turn(&t->links, until))
			;
	}
	buf_clear(&dressed);
	return true;
}

static bool do_send(struct trial *t, const struct step *s)
{
	struct buf text, wire;
	buf_init(&text, STIMULUS_MAX);
	buf_init(&wire, STIMULUS_MAX);
	bool ok = expand(t, s, s->text, TEMPLATE_TEXT, &text) && exec_authorize(t, s, &text);
	if (ok && template_request(buf_bytes(&text), t->cseq + 1, &wire) == 0) {
		t->cseq++;
		ok = put(t, s, buf_bytes(&wire));
	}
	buf_clear(&text);
	buf_clear(&wire);
	return ok;
}

static bool do_raw(struct trial *t, const struct step *s)
{
	struct buf wire, part;
	bool ok = true;
	buf_init(&wire, STIMULUS_MAX);
	buf_init(&part, STIMULUS_MAX);
	for (size_t i = 0; i < s->n_parts && ok; i++) {
		buf_drop(&part, part.n);
		ok = expand(t, s, s->parts[i].text, TEMPLATE_RAW, &part);
		for (unsigned k = 0; ok && k < s->parts[i].times; k++)
			ok = buf_put(&wire, buf_bytes(&part)) == 0;
	}
	ok = ok && put(t, s, buf_bytes(&wire));
	buf_clear(&wire);
	buf_clear(&part);
	return ok;
}

static bool do_datagram(struct trial *t, const struct step *s)
{
	const struct packet_step *p = &s->packet;
	const struct media_stream *m = &t->media.v[p->track - 1];
	size_t pair = strcmp(p->from, "other") == 0 ? LINK_OTHER : p->track - 1;
	struct buf b;
	if (!m->transport.has_server_port || links_pair_open(&t->links, pair) < 0) {
		exec_finding(t, s, RESULT_INCONCLUSIVE, "a server_port to send to", "none");
		return false;
	}
	buf_init(&b, 65536);
	bool ok = expand(t, s, p->bytes, TEMPLATE_RAW, &b);
	for (unsigned i = 0; ok && i < p->times; i++) {
		int rc = links_datagram(&t->links, pair, p->is_rtcp,
			m->transport.server_port[p->is_rtcp], buf_bytes(&b));
		(void)rc; /* an ICMP error of the one before; whether it serves is asked later */
	}
	buf_clear(&b);
	return ok;
}

static bool do_frame(struct trial *t, const struct step *s)
{
	const struct packet_step *p = &s->packet;
	const struct media_stream *m = &t->media.v[p->track - 1];
	struct buf b, wire;
	int channel = p->channel;
	if (channel < 0 && m->transport.has_interleaved)
		channel = m->transport.interleaved[p->is_rtcp];
	int conn = exec_conn(t, s);
	if (conn < 0 || channel < 0) {
		exec_finding(t, s, RESULT_INCONCLUSIVE, "a channel to send on", "none");
		return false;
	}
	buf_init(&b, 65535);
	buf_init(&wire, STIMULUS_MAX);
	bool ok = expand(t, s, p->bytes, TEMPLATE_RAW, &b);
	uint8_t head[4] = { '$', (uint8_t)channel };
	put_be16(head + 2, (uint16_t)b.n);
	for (unsigned i = 0; ok && i < p->times; i++)
		ok = buf_put(&wire, bytes_of(head, 4)) == 0 && buf_put(&wire, buf_bytes(&b)) == 0;
	if (ok) {
		int rc = links_send(&t->links, conn, buf_bytes(&wire), SEND_WAIT);
		(void)rc; /* a closed connection shows in the next expect */
	}
	buf_clear(&b);
	buf_clear(&wire);
	return ok;
}

/* ---- the other steps ---- */

static bool do_wait(struct trial *t, const struct step *s)
{
	tick_t until = os_now() + (tick_t)(s->seconds * 1e9);
	while (links_turn(&t->links, until))
		;
	return true;
}

static bool do_half_close(struct trial *t, const struct step *s)
{
	int conn = exec_conn(t, s);
	if (conn >= 0)
		links_half_close(&t->links, conn);
	return conn >= 0;
}

static bool do_rst(struct trial *t, const struct step *s)
{
	int conn = exec_conn(t, s);
	if (conn >= 0)
		links_reset(&t->links, conn);
	return conn >= 0;
}

static bool do_close(struct trial *t, const struct step *s)
{
	int conn = exec_conn(t, s);
	if (conn >= 0)
		links_close(&t->links, conn);
	return conn >= 0;
}

static bool do_repeat(struct trial *t, const struct step *s)
{
	for (unsigned i = 0; i < s->times; i++) {
		if (!exec_steps(t, s->steps, s->n_steps))
			return false;
	}
	return true;
}

static bool (*const doers[])(struct trial *t, const struct step *s) = {
	[STEP_CONNECT] = exec_connect,
	[STEP_SEND] = do_send,
	[STEP_RAW] = do_raw,
	[STEP_EXPECT] = exec_expect,
	[STEP_GATHER] = exec_gather,
	[STEP_CHECK] = exec_gather,
	[STEP_DATAGRAM] = do_datagram,
	[STEP_FRAME] = do_frame,
	[STEP_WAIT] = do_wait,
	[STEP_HALF_CLOSE] = do_half_close,
	[STEP_RST] = do_rst,
	[STEP_CLOSE] = do_close,
	[STEP_REPEAT] = do_repeat,
	[STEP_POST] = exec_post,
};
_Static_assert(COUNT(doers) == STEP_KINDS, "one row per kind of step");

bool exec_steps(struct trial *t, const struct step *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (t->links.stop && *t->links.stop) {
			exec_finding(t, &v[i], RESULT_INCONCLUSIVE, "time to go on", "interrupted");
			return false;
		}
		if (v[i].needs && !target_has(t->target, v[i].needs))
			continue;
		if (!doers[v[i].kind](t, &v[i]))
			return false;
	}
	return true;
}
