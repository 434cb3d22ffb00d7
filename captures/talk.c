/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "captures/build.h"
#include "captures/grow.h"
#include "captures/tracks.h"

struct talk {
	struct dialog_store *st;
	struct tcp_stream *s;
	struct dialog_event *v;
	size_t n, cap;
};

/* ---- bytes to events ---- */

/* The packet that brought byte `off` (of those delivered) of a direction. */
static const struct tcp_mark *mark_at(const struct tcp_side *side, uint64_t off)
{
	size_t low = 0, high = side->n_marks;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (side->marks[mid].off <= off)
			low = mid;
		else
			high = mid;
	}
	return &side->marks[low];
}

static void add_unit(
	struct talk *t, unsigned node, const struct ox_unit *u, bool after_gap, int64_t *latest)
{
	static const enum ox_event_kind kinds[] = {
		[OX_UNIT_MESSAGE] = OX_EVENT_MESSAGE,
		[OX_UNIT_FRAME] = OX_EVENT_FRAME,
		[OX_UNIT_BLANK] = OX_EVENT_BLANK,
		[OX_UNIT_GARBAGE] = OX_EVENT_GARBAGE,
	};
	const struct tcp_side *side = &t->s->side[node];
	uint64_t off = side->base + (uint64_t)(u->b.p - side->p);
	const struct tcp_mark *first = mark_at(side, off), *last = mark_at(side, off + u->b.n - 1);

	/* bytes of one direction keep their order, whatever the recording's clock did */
	if (last->at > *latest)
		*latest = last->at;
	t->v = grown(t->v, t->n, &t->cap, sizeof *t->v);
	t->v[t->n++] = (struct dialog_event){
		.kind = kinds[u->kind],
		.from_client = node == 0, /* until the client is known */
		.is_truncated = u->truncated,
		.after_gap = after_gap,
		.channel = u->kind == OX_UNIT_FRAME ? u->channel : 0,
		.began = first->at,
		.at = *latest,
		.frame_no = last->frame_no,
		.message = DIALOG_NONE,
		.stream = DIALOG_NONE,
		.track = DIALOG_NONE,
		.b = u->kind == OX_UNIT_FRAME ? u->payload : u->b,
	};
}

/* Cuts one stretch without gaps into units. */
static void read_stretch(struct talk *t, unsigned node, struct bytes b, bool is_lost,
	bool after_gap, int64_t *latest)
{
	struct ox_splitter sp = { .lost = is_lost };

	while (b.n) {
		struct ox_unit u;
		ptrdiff_t n = ox_split_next(&sp, b, true, &u);
		if (n <= 0)
			return;
		if (u.b.n)
			add_unit(t, node, &u, after_gap, latest);
		after_gap = false;
		b = bytes_sub(b, (size_t)n, b.n);
	}
}

static void read_side(struct talk *t, unsigned node)
{
	struct tcp_side *side = &t->s->side[node];
	uint64_t from = side->base;
	bool is_lost = !side->has_syn || side->base > 0, after_gap = false;
	int64_t latest = INT64_MIN;

	for (size_t i = 0; i <= side->n_gaps; i++) {
		uint64_t to = i < side->n_gaps ? side->gaps[i].off : side->base + side->n;
		if (to > side->base + side->n)
			to = side->base + side->n;
		if (to > from)
			read_stretch(t, node,
				bytes_of(side->p + (from - side->base), (size_t)(to - from)),
				is_lost, after_gap, &latest);
		is_lost = after_gap = true;
		from = to > from ? to : from;
	}
	if (side->has_fin || side->has_rst) {
		t->v = grown(t->v, t->n, &t->cap, sizeof *t->v);
		t->v[t->n++] = (struct dialog_event){
			.kind = OX_EVENT_CLOSE,
			.from_client = node == 0,
			.began = side->end_at,
			.at = side->end_at > latest ? side->end_at : latest,
			.frame_no = side->end_frame,
			.message = DIALOG_NONE,
			.stream = DIALOG_NONE,
			.track = DIALOG_NONE,
		};
	}
}

static int compare_events(const void *va, const void *vb)
{
	const struct dialog_event *a = va, *b = vb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->frame_no != b->frame_no)
		return a->frame_no < b->frame_no ? -1 : 1;
	/* one packet: the order of its bytes, its FIN last */
	if ((a->kind == OX_EVENT_CLOSE) != (b->kind == OX_EVENT_CLOSE))
		return a->kind == OX_EVENT_CLOSE ? 1 : -1;
	if (a->b.p != b->b.p)
		return (uintptr_t)a->b.p < (uintptr_t)b->b.p ? -1 : 1;
	return 0;
}

void talk_sort(struct dialog_event *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof *v, compare_events);
}

/* ---- events to messages ---- */

static void fill_message(
	struct dialog_message *m, const struct dialog_event *e, const struct ox_message *ox)
{
	struct ox_session_id id = { .id = { .n = 0 } };

	*m = (struct dialog_message){
		.from_client = e->from_client,
		.is_response = ox->is_response,
		.is_truncated = e->is_truncated,
		.began = e->began,
		.at = e->at,
		.frame_no = e->frame_no,
		.whole = e->b,
		.head = ox->head,
		.body = ox->body,
		.method = ox->method,
		.uri = ox->uri,
		.status = ox->status,
		.pair = DIALOG_NONE,
	};
	m->has_cseq = ox->has_cseq && bytes_to_u64(ox->cseq, UINT32_MAX, &m->cseq);
	if (ox_header_find(ox, "Session"))
		(void)ox_session_id_read(ox_header_value(ox, "Session"), 0, &id, NULL);
	m->session = id.id;
}

/* False: nothing in it is RTSP. */
static bool read_messages(struct talk *t, struct dialog_connection *c)
{
	struct ox_message *ox = xmalloc(sizeof *ox);
	size_t cap = 0;
	bool is_rtsp = false;

	for (size_t i = 0; i < t->n; i++) {
		struct dialog_event *e = &t->v[i];
		if (e->kind != OX_EVENT_MESSAGE)
			continue;
		if (t->st->n_messages == t->st->limits.messages) {
			t->st->flows->beyond_limits++;
			e->kind = OX_EVENT_GARBAGE;
			continue;
		}
		/* what is wrong with it is for the oracle's analyser to say */
		if (ox_message_read(e->b, ox, NULL) != 0) {
			e->kind = OX_EVENT_GARBAGE;
			continue;
		}
		is_rtsp = is_rtsp || bytes_has_prefix(ox->version, B("RTSP/"));
		c->messages = grown(c->messages, c->n_messages, &cap, sizeof *c->messages);
		e->message = c->n_messages;
		fill_message(&c->messages[c->n_messages++], e, ox);
		t->st->n_messages++;
	}
	free(ox);
	return is_rtsp;
}

/* Who sends requests and is answered is the client; ties go to who sent the first packet. */
static void find_client(struct talk *t, struct dialog_connection *c)
{
	uint32_t score[2] = { 0, 0 };

	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct dialog_message *m = &c->messages[i];
		score[m->from_client == m->is_response ? 1 : 0]++;
	}
	c->client_node = score[1] > score[0] ? 1 : 0;
	c->client = c->node[c->client_node];
	c->server = c->node[!c->client_node];
	if (c->client_node == 0)
		return;
	for (uint32_t i = 0; i < c->n_messages; i++)
		c->messages[i].from_client = !c->messages[i].from_client;
	for (size_t i = 0; i < t->n; i++)
		t->v[i].from_client = !t->v[i].from_client;
}

/* The request that this response answers: same CSeq, else, when one of the two has none, the oldest
 * that waits; else the only one that waits. */
static uint32_t find_request(const struct dialog_connection *c, uint32_t response, uint32_t from)
{
	const struct dialog_message *r = &c->messages[response];
	uint32_t oldest = DIALOG_NONE, waiting = 0;
	bool is_nameless = !r->has_cseq;

	for (uint32_t i = from; i < response; i++) {
		const struct dialog_message *q = &c->messages[i];
		if (q->is_response || q->from_client == r->from_client || q->pair != DIALOG_NONE)
			continue;
		if (q->has_cseq && r->has_cseq && q->cseq == r->cseq)
			return i;
		if (oldest == DIALOG_NONE) {
			oldest = i;
			is_nameless = is_nameless || !q->has_cseq;
		}
		waiting++;
	}
	return is_nameless || waiting == 1 ? oldest : DIALOG_NONE;
}

static void pair_messages(struct dialog_connection *c)
{
	enum { LOOK_BACK = 1024 };
	uint32_t open = 0; /* every request before it is answered */

	for (uint32_t i = 0; i < c->n_messages; i++) {
		uint32_t q;
		while (open < i &&
			(c->messages[open].is_response || c->messages[open].pair != DIALOG_NONE))
			open++;
		/* pipelining has bounds; a hostile file must not make this quadratic */
		if (i - open > LOOK_BACK)
			open = i - LOOK_BACK;
		if (!c->messages[i].is_response || c->messages[i].status / 100 == 1)
			continue;
		q = find_request(c, i, open);
		if (q == DIALOG_NONE)
			continue;
		c->messages[i].pair = q;
		c->messages[q].pair = i;
	}
}

static void fill_facts(const struct talk *t, struct dialog_connection *c)
{
	const struct tcp_stream *s = t->s;

	c->tcp_stream = s->no;
	c->first = s->first;
	c->last = s->last;
	for (int i = 0; i < 2; i++) {
		const struct tcp_side *side = &s->side[i];
		c->node[i] = s->node[i];
		c->bytes[i] = side->bytes;
		c->gaps += side->n_gaps;
		c->gap_bytes += side->n_gap_bytes;
		c->retransmissions += side->reasm.retransmissions;
		c->out_of_order += side->reasm.out_of_order;
		c->has_syn = c->has_syn || side->has_syn;
		c->has_fin = c->has_fin || side->has_fin;
		c->has_rst = c->has_rst || side->has_rst;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].kind == OX_EVENT_FRAME)
			c->frames_by_channel[t->v[i].channel]++;
}

bool talk_read(struct dialog_store *st, struct tcp_stream *s, struct dialog_connection *c)
{
	struct talk t = { .st = st, .s = s };
	struct dialog_connection got = { .n_messages = 0 };

	if (!s->is_rtsp)
		return false;
	read_side(&t, 0);
	read_side(&t, 1);
	talk_sort(t.v, t.n);
	if (!read_messages(&t, &got)) {
		free(got.messages);
		free(t.v);
		return false;
	}
	fill_facts(&t, &got);
	find_client(&t, &got);
	pair_messages(&got);
	tracks_read(&got);
	got.events = t.v;
	got.n_events = t.n;
	*c = got;
	return true;
}

void talk_clear(struct dialog_connection *c)
{
	free(c->messages);
	free(c->tracks);
	free(c->events);
}
