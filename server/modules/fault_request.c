/* SPDX-License-Identifier: MIT */
#include "server/modules/fault.h"

/*
 * What a request is taken for: a header is given another value before anybody has looked at it, and the rest
 * of the server does what follows from that by itself.
 */
struct misread {
	enum fault_id fault;
	enum rtsp_header_id header;
	/* The value that it is taken for; the same: it stays. */
	struct bytes (*value)(const struct faults *f, struct bytes v);
};

/* Of a list. Commas in quotes are none of its own, but neither Transport nor Accept has any. */
static struct bytes first_of_list(const struct faults *f, struct bytes v)
{
	(void)f;
	return bytes_sub(v, 0, bytes_index(v, ','));
}

static struct bytes last_of_list(const struct faults *f, struct bytes v)
{
	struct bytes one = v;
	(void)f;
	while (bytes_cut(&v, ',', &one))
		;
	return bytes_trim(one);
}

static bool has(struct bytes v, struct bytes what)
{
	return bytes_find(v, what) < v.n;
}

/* Credentials that nobody can hold. */
#define SPOILT B("Digest username=\"\", realm=\"\", nonce=\"\", uri=\"\", response=\"\"")

static bool is_digest(struct bytes v)
{
	return bytes_has_iprefix(v, B("Digest "));
}

static struct bytes no_basic(const struct faults *f, struct bytes v)
{
	(void)f;
	return bytes_has_iprefix(v, B("Basic ")) ? SPOILT : v;
}

static struct bytes no_md5(const struct faults *f, struct bytes v)
{
	(void)f;
	return is_digest(v) && !has(v, B("SHA-256")) ? SPOILT : v;
}

static struct bytes with_algorithm(const struct faults *f, struct bytes v)
{
	(void)f;
	return is_digest(v) && !has(v, B("algorithm")) ? SPOILT : v;
}

static struct bytes user_first(const struct faults *f, struct bytes v)
{
	(void)f;
	return is_digest(v) && !bytes_has_iprefix(v, B("Digest username=")) ? SPOILT : v;
}

static struct bytes one_count(const struct faults *f, struct bytes v)
{
	(void)f;
	return is_digest(v) && has(v, B("nc=")) && !has(v, B("nc=00000001")) ? SPOILT : v;
}

static struct bytes first_logins(const struct faults *f, struct bytes v)
{
	uint64_t n = fault_flow_login(f->flow);
	return n > (uint64_t)f->on[FAULT_LOGINS] ? SPOILT : v;
}

static const struct misread misreads[] = {
	{ FAULT_TRANSPORT_FIRST, RTSP_H_TRANSPORT, first_of_list },
	{ FAULT_TRANSPORT_LAST, RTSP_H_TRANSPORT, last_of_list },
	{ FAULT_ACCEPT_FIRST, RTSP_H_ACCEPT, first_of_list },
	{ FAULT_BASIC_REFUSED, RTSP_H_AUTHORIZATION, no_basic },
	{ FAULT_MD5_REFUSED, RTSP_H_AUTHORIZATION, no_md5 },
	{ FAULT_ALGORITHM_NEEDED, RTSP_H_AUTHORIZATION, with_algorithm },
	{ FAULT_DIGEST_ORDER, RTSP_H_AUTHORIZATION, user_first },
	{ FAULT_NC_ONCE, RTSP_H_AUTHORIZATION, one_count },
	{ FAULT_LOGINS, RTSP_H_AUTHORIZATION, first_logins },
};

void fault_request_set(struct rtsp_txn *t, enum rtsp_header_id id, struct bytes value)
{
	/* The header is in the txn's own arena, and nobody has looked at it yet. */
	struct rtsp_header *h = (struct rtsp_header *)(uintptr_t)rtsp_header(&t->req, id);
	h->value = bytes_dup(&t->arena, value);
}

void fault_request_edit(const struct faults *f, struct rtsp_txn *t)
{
	for (size_t i = 0; i < COUNT(misreads); i++) {
		const struct misread *m = &misreads[i];
		struct bytes was = rtsp_value(&t->req, m->header), is;
		if (!f->on[m->fault] || !rtsp_header(&t->req, m->header))
			continue;
		is = m->value(f, was);
		if (is.p != was.p || is.n != was.n)
			fault_request_set(t, m->header, is);
	}
}
