/* SPDX-License-Identifier: MIT */
#include "server/wire/transport.h"

#include <string.h>

static void refuse(struct transport *t, int err, const char *why)
{
	if (!t->err) {
		t->err = err;
		t->why = why;
	}
}

static struct bytes unquote(struct bytes v)
{
	v = bytes_trim(v);
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v = bytes_sub(v, 1, v.n - 2);
	return v;
}

static bool is_digits(struct bytes v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	}
	return v.n > 0;
}

/* Digits only, min … max. */
static bool read_number(
	struct transport *t, struct bytes v, uint64_t min, uint64_t max, uint64_t *n)
{
	v = bytes_trim(v);
	if (!is_digits(v)) {
		refuse(t, ERR_SYNTAX, "a parameter is no number");
		return false;
	}
	if (!bytes_to_u64(v, max, n) || *n < min) {
		refuse(t, ERR_RANGE, "a number is outside its range");
		return false;
	}
	return true;
}

static void read_pair(
	struct transport *t, struct bytes v, uint64_t min, uint64_t max, struct transport_pair *p)
{
	size_t dash = bytes_index(v, '-');
	uint64_t lo, hi;

	if (!read_number(t, bytes_sub(v, 0, dash), min, max, &lo))
		return;
	if (dash == v.n) {
		hi = lo + 1;
		if (hi > max) {
			refuse(t, ERR_RANGE, "no room for the second of a pair");
			return;
		}
	} else if (!read_number(t, bytes_sub(v, dash + 1, v.n), min, max, &hi)) {
		return;
	}
	if (lo == hi) {
		refuse(t, ERR_RANGE, "both of a pair are the same");
		return;
	}
	*p = (struct transport_pair){
		.n = dash == v.n ? 1 : 2, .lo = (uint16_t)lo, .hi = (uint16_t)hi
	};
}

/* ---- one function a parameter ---- */

static void on_unicast(struct transport *t, struct bytes v)
{
	(void)v;
	if (t->cast == TRANSPORT_MULTICAST)
		refuse(t, ERR_SYNTAX, "both unicast and multicast");
	t->cast = TRANSPORT_UNICAST;
}

static void on_multicast(struct transport *t, struct bytes v)
{
	(void)v;
	if (t->cast == TRANSPORT_UNICAST)
		refuse(t, ERR_SYNTAX, "both unicast and multicast");
	t->cast = TRANSPORT_MULTICAST;
}

static void on_client_port(struct transport *t, struct bytes v)
{
	read_pair(t, v, 1, UINT16_MAX, &t->client_port);
}

static void on_server_port(struct transport *t, struct bytes v)
{
	read_pair(t, v, 1, UINT16_MAX, &t->server_port);
}

static void on_port(struct transport *t, struct bytes v)
{
	read_pair(t, v, 1, UINT16_MAX, &t->port);
}

static void on_interleaved(struct transport *t, struct bytes v)
{
	read_pair(t, v, 0, UINT8_MAX, &t->interleaved);
}

static void on_ssrc(struct transport *t, struct bytes v)
{
	uint64_t n;

	v = bytes_trim(v);
	if (v.n <= 8 && bytes_hex_to_u64(v, UINT32_MAX, &n)) {
		t->has_ssrc = true;
		t->ssrc = (uint32_t)n;
	}
}

static void on_destination(struct transport *t, struct bytes v)
{
	t->has_destination = true;
	t->destination = unquote(v);
}

static void on_source(struct transport *t, struct bytes v)
{
	t->source = unquote(v);
}

static void on_ttl(struct transport *t, struct bytes v)
{
	uint64_t n;

	t->has_ttl = read_number(t, v, 0, UINT8_MAX, &n);
	if (t->has_ttl)
		t->ttl = (uint8_t)n;
}

static void on_layers(struct transport *t, struct bytes v)
{
	uint64_t n;

	t->has_layers = read_number(t, v, 1, UINT32_MAX, &n);
	if (t->has_layers)
		t->layers = (uint32_t)n;
}

static void on_append(struct transport *t, struct bytes v)
{
	(void)v;
	t->append = true;
}

static void on_mode(struct transport *t, struct bytes v)
{
	struct bytes mode;

	v = unquote(v);
	t->mode = 0;
	t->has_mode = true;
	while (bytes_cut(&v, ',', &mode)) {
		mode = unquote(mode);
		if (bytes_is_ieq(mode, B("PLAY")))
			t->mode |= TRANSPORT_PLAY;
		else if (bytes_is_ieq(mode, B("RECORD")))
			t->mode |= TRANSPORT_RECORD;
		else
			t->mode |= TRANSPORT_MODE_OTHER;
	}
}

static const struct parameter_row {
	const char *name;
	void (*read)(struct transport *t, struct bytes v);
} parameters[] = {
	{ "unicast", on_unicast },
	{ "multicast", on_multicast },
	{ "client_port", on_client_port },
	{ "server_port", on_server_port },
	{ "port", on_port },
	{ "interleaved", on_interleaved },
	{ "ssrc", on_ssrc },
	{ "destination", on_destination },
	{ "source", on_source },
	{ "ttl", on_ttl },
	{ "layers", on_layers },
	{ "append", on_append },
	{ "mode", on_mode },
};

static void read_parameter(struct transport *t, struct bytes v)
{
	size_t eq = bytes_index(v, '=');
	struct bytes name = bytes_trim(bytes_sub(v, 0, eq));

	for (size_t i = 0; i < COUNT(parameters); i++) {
		if (bytes_is_ieq(name, bytes_str(parameters[i].name)))
			parameters[i].read(t, bytes_trim(bytes_sub(v, eq + 1, v.n)));
	}
}

/* "RTP/AVP/TCP" */
static void read_protocol(struct transport *t, struct bytes v)
{
	struct bytes lower;

	v = bytes_trim(v);
	(void)bytes_cut(&v, '/', &t->protocol);
	(void)bytes_cut(&v, '/', &t->profile);
	lower = v;
	t->is_rtp_avp = bytes_is_ieq(t->protocol, B("RTP")) && bytes_is_ieq(t->profile, B("AVP"));
	if (lower.n == 0 || bytes_is_ieq(lower, B("UDP")))
		t->lower = TRANSPORT_UDP;
	else if (bytes_is_ieq(lower, B("TCP")))
		t->lower = TRANSPORT_TCP;
	else
		t->lower = TRANSPORT_OTHER;
	if (!t->is_rtp_avp)
		refuse(t, ERR_UNSUPPORTED, "the profile is not RTP/AVP");
	else if (t->lower == TRANSPORT_OTHER)
		refuse(t, ERR_UNSUPPORTED, "the lower transport is neither UDP nor TCP");
}

static void read_one(struct bytes v, struct transport *t)
{
	struct bytes part = { 0 };

	*t = (struct transport){ .text = v, .mode = TRANSPORT_PLAY };
	(void)bytes_cut_quoted(&v, ';', &part);
	read_protocol(t, part);
	while (bytes_cut_quoted(&v, ';', &part))
		read_parameter(t, bytes_trim(part));
}

int transport_read(struct bytes v, struct transport_list *list, struct fault *f)
{
	const uint8_t *start = v.p;
	size_t before = list->n;
	struct bytes one;

	*f = (struct fault){ 0 };
	while (bytes_cut_quoted(&v, ',', &one)) {
		one = bytes_trim(one);
		if (one.n == 0)
			continue;
		if (list->n == TRANSPORT_SPECS_MAX) {
			*f = (struct fault){ (size_t)(one.p - start), "too many transports" };
			return ERR_LIMIT;
		}
		read_one(one, &list->v[list->n++]);
	}
	if (list->n == before) {
		f->why = "no transport";
		return ERR_SYNTAX;
	}
	return 0;
}

int transport_check_request(const struct transport *t, const char **why)
{
	if (t->err) {
		*why = t->why;
		return t->err;
	}
	if (t->lower == TRANSPORT_UDP && t->cast != TRANSPORT_MULTICAST && !t->client_port.n) {
		*why = "no client_port";
		return ERR_MISSING;
	}
	return 0;
}

/* ---- writing ---- */

static int put_pair(struct buf *out, const char *name, const struct transport_pair *p)
{
	if (p->n == 0)
		return 0;
	if (p->n == 1)
		return buf_printf(out, ";%s=%u", name, p->lo);
	return buf_printf(out, ";%s=%u-%u", name, p->lo, p->hi);
}

static int put_text(struct buf *out, const char *name, struct bytes v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f || strchr("\",;", v.p[i]))
			return ERR_SYNTAX;
	}
	return v.n ? buf_printf(out, ";%s=%.*s", name, BYTES_FMT(v)) : 0;
}

static int put_mode(struct buf *out, unsigned mode)
{
	if (mode == (TRANSPORT_PLAY | TRANSPORT_RECORD))
		return buf_put(out, B(";mode=\"PLAY,RECORD\""));
	return buf_put(out, mode & TRANSPORT_RECORD ? B(";mode=\"RECORD\"") : B(";mode=\"PLAY\""));
}

static int put_all(const struct transport *t, struct buf *out)
{
	int err = buf_put(out, t->lower == TRANSPORT_TCP ? B("RTP/AVP/TCP") : B("RTP/AVP"));

	if (!err && t->cast != TRANSPORT_CAST_NONE)
		err = buf_put(out, t->cast == TRANSPORT_UNICAST ? B(";unicast") : B(";multicast"));
	if (!err && t->has_destination)
		err = t->destination.n ? put_text(out, "destination", t->destination)
				       : buf_put(out, B(";destination"));
	if (!err)
		err = put_text(out, "source", t->source);
	if (!err)
		err = put_pair(out, "client_port", &t->client_port);
	if (!err)
		err = put_pair(out, "server_port", &t->server_port);
	if (!err)
		err = put_pair(out, "port", &t->port);
	if (!err)
		err = put_pair(out, "interleaved", &t->interleaved);
	if (!err && t->has_ttl)
		err = buf_printf(out, ";ttl=%u", t->ttl);
	if (!err && t->has_layers)
		err = buf_printf(out, ";layers=%u", t->layers);
	if (!err && t->append)
		err = buf_put(out, B(";append"));
	if (!err && t->has_ssrc)
		err = buf_printf(out, ";ssrc=%08X", t->ssrc);
	if (!err && t->has_mode)
		err = put_mode(out, t->mode);
	return err;
}

int transport_write(const struct transport *t, struct buf *out)
{
	size_t start = out->n;
	int err;

	if (!t->is_rtp_avp || t->lower == TRANSPORT_OTHER)
		return ERR_UNSUPPORTED;
	err = put_all(t, out);
	if (err)
		buf_cut(out, start);
	return err;
}
