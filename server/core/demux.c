/* SPDX-License-Identifier: MIT */
#include "server/core/demux.h"

#include <stddef.h>
#include <string.h>

#include "server/core/rtp_stream.h"
#include "server/wire/rtcp.h"

bool demux_has_ssrc(const struct demux *d, uint32_t ssrc)
{
	struct demux_node *n;
	HASH_FIND(by_ssrc, d->ssrcs, &ssrc, sizeof ssrc, n);
	return n != NULL;
}

void demux_add(struct demux *d, struct demux_node *n, struct rtp_stream *st, uint32_t ssrc)
{
	*n = (struct demux_node){ .stream = st, .ssrc = ssrc, .has_ssrc = true };
	HASH_ADD(by_ssrc, d->ssrcs, ssrc, sizeof n->ssrc, n);
}

static struct demux_key key_of(const struct addr *a, uint32_t ssrc)
{
	struct demux_key k = { .port = addr_port(a), .ssrc = ssrc };

	if (a->sa.sa_family == AF_INET6)
		memcpy(k.host, &a->v6.sin6_addr, sizeof k.host);
	else
		memcpy(k.host, &a->v4.sin_addr, 4);
	return k;
}

static void unname(struct demux *d, struct demux_node *n)
{
	if (n->has_named)
		HASH_DELETE(by_named, d->named, n);
	n->has_named = false;
}

static void unlearn(struct demux *d, struct demux_node *n)
{
	if (n->has_learnt)
		HASH_DELETE(by_learnt, d->learnt, n);
	n->has_learnt = false;
}

void demux_name(struct demux *d, struct demux_node *n, const struct addr *rtcp)
{
	struct demux_node *other;
	struct demux_key k = key_of(rtcp, 0);

	unname(d, n);
	unlearn(d, n); /* a new transport: what was learnt of the old one is void */
	HASH_FIND(by_named, d->named, &k, sizeof k, other);
	if (other)
		unname(d, other);
	n->named = k;
	n->has_named = true;
	HASH_ADD(by_named, d->named, named, sizeof n->named, n);
}

static void learn(struct demux *d, struct demux_node *n, const struct demux_key *k)
{
	struct demux_node *other;

	if (n->has_learnt && memcmp(&n->learnt, k, sizeof *k) == 0)
		return;
	HASH_FIND(by_learnt, d->learnt, k, sizeof *k, other);
	if (other)
		unlearn(d, other);
	unlearn(d, n);
	n->learnt = *k;
	n->has_learnt = true;
	HASH_ADD(by_learnt, d->learnt, learnt, sizeof n->learnt, n);
}

/* By a report block about one of our SSRCs. */
static struct demux_node *find_by_block(struct demux *d, const struct rtcp_view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		struct rtcp_block b;
		struct demux_node *n;
		rtcp_block_read(v, i, &b);
		HASH_FIND(by_ssrc, d->ssrcs, &b.ssrc, sizeof b.ssrc, n);
		if (n)
			return n;
	}
	return NULL;
}

struct rtp_stream *demux_find(
	struct demux *d, const struct addr *from, struct bytes compound, bool *is_foreign)
{
	struct rtcp_view v;
	struct bytes rest = compound;

	if (rtcp_next(&rest, &v) != 1 || (v.type != RTCP_SR && v.type != RTCP_RR))
		return NULL;
	struct demux_key k = key_of(from, v.ssrc);
	struct demux_node *n = find_by_block(d, &v);
	if (n) {
		/* the port may have been translated, the host must be the one that was set up */
		*is_foreign = !addr_is_same_host(&n->stream->rtcp_to, from);
		if (*is_foreign)
			return NULL;
		learn(d, n, &k);
		return n->stream;
	}
	HASH_FIND(by_learnt, d->learnt, &k, sizeof k, n);
	if (!n) {
		k.ssrc = 0;
		HASH_FIND(by_named, d->named, &k, sizeof k, n);
	}
	return n ? n->stream : NULL;
}

struct rtp_stream *demux_find_rtp(struct demux *d, const struct addr *from)
{
	struct demux_key k = key_of(from, 0);
	struct demux_node *n;

	k.port++;
	HASH_FIND(by_named, d->named, &k, sizeof k, n);
	return n && addr_port(&n->stream->rtp_to) == addr_port(from) ? n->stream : NULL;
}

void demux_remove(struct demux *d, struct demux_node *n)
{
	unname(d, n);
	unlearn(d, n);
	if (n->has_ssrc)
		HASH_DELETE(by_ssrc, d->ssrcs, n);
	n->has_ssrc = false;
}
