/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "server/wire/sdp.h"

/* The writer of sdp.h. RFC 4566 5: these orders; a letter may follow itself where it may repeat. */
static const char session_order[] = "vosiuepcbtrzka";
static const char media_order[] = "micbka";
static const char may_repeat[] = "epbtra";

static int rank_of(const char *order, char letter)
{
	const char *at = strchr(order, letter);
	return letter && at ? (int)(at - order) + 1 : 0;
}

static void check_order(struct sdp_writer *w, char letter)
{
	int rank;

	if (letter == 'm') {
		/* o=, s= and t= are required (v= is begin's) */
		if (!w->in_media && w->rank < rank_of(session_order, 't'))
			w->err = ERR_STATE;
		w->in_media = true;
		w->rank = 1;
		return;
	}
	rank = rank_of(w->in_media ? media_order : session_order, letter);
	/* r= belongs to the t= before it, so t= may come again after r= */
	bool again = !w->in_media && letter == 't' && w->rank == rank_of(session_order, 'r');
	if (rank == 0 || (rank < w->rank && !again) ||
		(rank == w->rank && !strchr(may_repeat, letter)))
		w->err = ERR_STATE;
	w->rank = rank;
}

void sdp_begin(struct sdp_writer *w, struct buf *out)
{
	*w = (struct sdp_writer){ .out = out, .start = out->n };
	sdp_line(w, 'v', "0");
}

void sdp_line(struct sdp_writer *w, char letter, const char *fmt, ...)
{
	size_t at;
	va_list ap;

	if (!w->err)
		check_order(w, letter);
	if (!w->err)
		w->err = buf_printf(w->out, "%c=", letter);
	if (w->err)
		return;
	at = w->out->n;
	va_start(ap, fmt);
	w->err = buf_vprintf(w->out, fmt, ap);
	va_end(ap);
	if (w->err)
		return;
	struct bytes v = bytes_sub(buf_bytes(w->out), at, w->out->n);
	if (v.n == 0 || bytes_index(v, '\r') < v.n || bytes_index(v, '\n') < v.n ||
		bytes_index(v, '\0') < v.n)
		w->err = ERR_SYNTAX;
	else
		w->err = buf_put(w->out, B("\r\n"));
}

void sdp_origin(
	struct sdp_writer *w, uint64_t id, uint64_t version, struct bytes address, bool is_ip6)
{
	for (size_t i = 0; i < address.n && !w->err; i++) {
		if (address.p[i] <= ' ' || address.p[i] >= 0x7f)
			w->err = ERR_SYNTAX;
	}
	if (address.n == 0 && !w->err)
		w->err = ERR_SYNTAX;
	sdp_line(w, 'o', "- %" PRIu64 " %" PRIu64 " IN %s %.*s", id, version,
		is_ip6 ? "IP6" : "IP4", BYTES_FMT(address));
}

int sdp_end(struct sdp_writer *w)
{
	if (!w->err && !w->in_media && w->rank < rank_of(session_order, 't'))
		w->err = ERR_STATE;
	if (w->err)
		buf_cut(w->out, w->start);
	return w->err;
}
