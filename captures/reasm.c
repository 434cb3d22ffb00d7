/* SPDX-License-Identifier: MIT */
#include "captures/reasm.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

/* A segment further away than this from what is expected is not of this connection: more than the
 * largest window (RFC 7323: 1 GiB) cannot be under way. */
enum { FAR = 1 << 30 };

struct reasm_segment {
	struct reasm_segment *next;
	uint64_t at_offset;
	size_t n;
	uint32_t lost_n; /* more bytes that follow, not recorded */
	int64_t at;
	uint64_t frame_no;
	uint8_t b[];
};

void reasm_init(struct reasm *r, struct reasm_sink sink)
{
	*r = (struct reasm){ .sink = sink };
}

void reasm_clear(struct reasm *r)
{
	while (r->waiting) {
		struct reasm_segment *s = r->waiting;
		r->waiting = s->next;
		free(s);
	}
	*r = (struct reasm){ .sink = r->sink };
}

static void start(struct reasm *r, uint32_t seq)
{
	r->is_started = true;
	r->seq = seq;
}

void reasm_syn(struct reasm *r, uint32_t seq)
{
	if (!r->is_started)
		start(r, seq + 1);
}

static void advance(struct reasm *r, uint64_t n)
{
	r->next += n;
	r->seq += (uint32_t)n;
}

static void give(struct reasm *r, struct bytes b, uint32_t lost_n, int64_t at, uint64_t frame_no)
{
	if (b.n) {
		advance(r, b.n);
		r->sink.data(r->sink.arg, b, at, frame_no);
	}
	if (lost_n) {
		advance(r, lost_n);
		r->sink.gap(r->sink.arg, lost_n);
	}
}

/* Takes the first waiting segment out and gives what of it is still wanted. */
static void give_first(struct reasm *r)
{
	struct reasm_segment *s = r->waiting;
	uint64_t end = s->at_offset + s->n;

	r->waiting = s->next;
	r->n_waiting--;
	r->waiting_bytes -= s->n;
	if (end + s->lost_n > r->next) {
		uint64_t known = r->next > s->at_offset ? r->next - s->at_offset : 0;
		uint64_t lost = end > r->next ? s->lost_n : end + s->lost_n - r->next;
		give(r, bytes_sub(bytes_of(s->b, s->n), known < s->n ? (size_t)known : s->n, s->n),
			(uint32_t)lost, s->at, s->frame_no);
	}
	free(s);
}

static void give_ready(struct reasm *r)
{
	while (r->waiting && r->waiting->at_offset <= r->next)
		give_first(r);
}

/* Gives up what is missing before the first waiting segment. */
static void skip_gap(struct reasm *r)
{
	uint64_t n = r->waiting->at_offset - r->next;
	advance(r, n);
	r->sink.gap(r->sink.arg, n);
	give_ready(r);
}

static void skip_if_hopeless(struct reasm *r)
{
	while (r->n_waiting > REASM_WAITING_MAX || r->waiting_bytes > REASM_WAITING_BYTES_MAX)
		skip_gap(r);
	/* the receiver has it, so nobody will send it again: only the recording lacks it */
	while (r->n_waiting > REASM_ACKED_WAITING_MAX && r->has_acked) {
		uint64_t gap = r->waiting->at_offset - r->next;
		if ((int32_t)(r->acked - (r->seq + (uint32_t)gap)) < 0)
			break;
		skip_gap(r);
	}
}

/* Puts the parts that no waiting segment covers into the queue. */
static void wait_for(struct reasm *r, uint64_t off, struct bytes b, uint32_t lost_n, int64_t at,
	uint64_t frame_no)
{
	struct reasm_segment **link = &r->waiting;

	while (b.n || lost_n) {
		struct reasm_segment *s;
		size_t room = b.n;

		while (*link && (*link)->at_offset + (*link)->n <= off)
			link = &(*link)->next;
		if (*link && (*link)->at_offset <= off) { /* known up to the end of that one */
			size_t known = (size_t)((*link)->at_offset + (*link)->n - off);
			if (known >= b.n)
				return;
			off += known;
			b = bytes_sub(b, known, b.n);
			continue;
		}
		if (*link && (*link)->at_offset < off + room)
			room = (size_t)((*link)->at_offset - off);
		s = xmalloc(sizeof *s + room);
		*s = (struct reasm_segment){ .next = *link,
			.at_offset = off,
			.n = room,
			.at = at,
			.frame_no = frame_no,
			.lost_n = room == b.n ? lost_n : 0 };
		if (room)
			memcpy(s->b, b.p, room);
		*link = s;
		r->n_waiting++;
		r->waiting_bytes += room;
		off += room;
		b = bytes_sub(b, room, b.n);
		if (!b.n)
			return;
	}
}

/* A segment whose first byte is the next one wanted. What waits came first and stays: gives up to it,
 * then it, then what is left. */
static void add_next(
	struct reasm *r, struct bytes b, uint32_t lost_n, int64_t at, uint64_t frame_no)
{
	uint64_t off = r->next;

	while (b.n && r->waiting && r->waiting->at_offset < off + b.n) {
		give(r, bytes_sub(b, 0, (size_t)(r->waiting->at_offset - off)), 0, at, frame_no);
		give_ready(r);
		if (r->next - off >= b.n) {
			uint64_t past = r->next - off - b.n;
			b.n = 0;
			lost_n = past < lost_n ? lost_n - (uint32_t)past : 0;
			break;
		}
		b = bytes_sub(b, (size_t)(r->next - off), b.n);
		off = r->next;
	}
	give(r, b, lost_n, at, frame_no);
	give_ready(r);
}

void reasm_add(struct reasm *r, uint32_t seq, struct bytes b, uint32_t lost_n, int64_t at,
	uint64_t frame_no)
{
	uint64_t n = (uint64_t)b.n + lost_n;
	int64_t ahead;

	if (n == 0)
		return;
	if (!r->is_started)
		start(r, seq);
	ahead = (int32_t)(seq - r->seq);
	if (ahead > FAR || ahead < -FAR) {
		r->outside++;
		return;
	}
	if (ahead > 0) {
		r->out_of_order++;
		wait_for(r, r->next + (uint64_t)ahead, b, lost_n, at, frame_no);
		skip_if_hopeless(r);
		return;
	}
	if ((uint64_t)-ahead >= n) {
		r->retransmissions++;
		return;
	}
	size_t known = (size_t)-ahead;
	if (known > b.n) {
		lost_n -= (uint32_t)(known - b.n);
		known = b.n;
	}
	add_next(r, bytes_sub(b, known, b.n), lost_n, at, frame_no);
}

void reasm_ack(struct reasm *r, uint32_t ack)
{
	if (!r->has_acked || (int32_t)(ack - r->acked) > 0)
		r->acked = ack;
	r->has_acked = true;
}

void reasm_end(struct reasm *r)
{
	while (r->waiting)
		skip_gap(r);
}
