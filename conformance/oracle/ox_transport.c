/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_fields.h"
#include "conformance/oracle/ox_text.h"

/* One parameter being read: where it stands and whom to tell. */
struct place {
	struct bytes text; /* "client_port=5000-5001" */
	size_t at;
	struct ox_transport *t;
	struct ox_findings *fs;
};

static void bad(struct place *p, enum ox_rule rule, const char *why)
{
	p->t->is_bad = true;
	ox_got(ox_find(p->fs, rule, p->at, why), p->text);
}

/* "a" or "a-b" with both at most max; b follows a. */
static bool read_pair(struct bytes v, uint64_t max, uint64_t pair[2], bool *single)
{
	struct bytes low, high = v;

	if (!bytes_cut(&high, '-', &low) || !bytes_to_u64(low, max, &pair[0]))
		return false;
	*single = low.n == v.n;
	pair[1] = pair[0];
	return *single || bytes_to_u64(high, max, &pair[1]);
}

static bool read_ports(struct place *p, struct bytes v, uint16_t port[2], bool *single)
{
	uint64_t pair[2];

	if (!read_pair(v, 65535, pair, single)) {
		bad(p, OX_RTSP_12_39_03, "a port pair must be numbers up to 65535");
		return false;
	}
	port[0] = (uint16_t)pair[0];
	port[1] = (uint16_t)(*single && pair[0] < 65535 ? pair[0] + 1 : pair[1]);
	return true;
}

static void on_client_port(struct place *p, struct bytes v)
{
	p->t->has_client_port = read_ports(p, v, p->t->client_port, &p->t->is_single_client_port);
}

static void on_server_port(struct place *p, struct bytes v)
{
	p->t->has_server_port = read_ports(p, v, p->t->server_port, &p->t->is_single_server_port);
}

static void on_port(struct place *p, struct bytes v)
{
	bool single;

	p->t->has_port = read_ports(p, v, p->t->port, &single);
}

static void on_interleaved(struct place *p, struct bytes v)
{
	uint64_t pair[2];

	if (!read_pair(v, 255, pair, &p->t->is_single_channel)) {
		bad(p, OX_RTSP_12_39_15, "channels must be numbers from 0 to 255");
		return;
	}
	if (pair[1] < pair[0])
		bad(p, OX_RTSP_12_39_14, "the channel range runs backwards");
	p->t->has_interleaved = true;
	p->t->interleaved[0] = (uint8_t)pair[0];
	p->t->interleaved[1] = (uint8_t)pair[1];
}

static void on_ssrc(struct place *p, struct bytes v)
{
	uint64_t ssrc;

	p->t->ssrc_text = v;
	/* blanks inside and lost leading zeroes are known slips: read the value all the same */
	if (v.n != 8)
		bad(p, OX_RTSP_12_39_20, "ssrc must be 8 hexadecimal digits");
	if (!bytes_hex_to_u64(bytes_trim(v), UINT32_MAX, &ssrc)) {
		if (v.n == 8)
			bad(p, OX_RTSP_12_39_20, "ssrc must be 8 hexadecimal digits");
		return;
	}
	p->t->has_ssrc = true;
	p->t->ssrc = (uint32_t)ssrc;
}

static void on_ttl(struct place *p, struct bytes v)
{
	uint64_t n;

	if (!bytes_to_u64(v, 255, &n)) {
		bad(p, OX_RTSP_12_39_10, "ttl must be a number up to 255");
		return;
	}
	p->t->has_ttl = true;
	p->t->ttl = (unsigned)n;
}

static void on_layers(struct place *p, struct bytes v)
{
	uint64_t n;

	if (!bytes_to_u64(v, 65535, &n)) {
		bad(p, OX_RTSP_12_39_10, "layers must be a number");
		return;
	}
	p->t->has_layers = true;
	p->t->layers = (unsigned)n;
}

static void on_mode(struct place *p, struct bytes v)
{
	bool closed;

	p->t->has_mode = true;
	p->t->mode = ox_unquote(v, &closed);
	if (v.n > 0 && v.p[0] == '"' && !closed)
		bad(p, OX_RTSP_15_1_01, "the quote of mode is not closed");
}

static void on_source(struct place *p, struct bytes v)
{
	p->t->source = v;
}

static void on_destination(struct place *p, struct bytes v)
{
	p->t->destination = v;
}

static void on_unicast(struct place *p, struct bytes v)
{
	(void)v;
	p->t->unicast = true;
}

static void on_multicast(struct place *p, struct bytes v)
{
	(void)v;
	p->t->multicast = true;
}

static void on_append(struct place *p, struct bytes v)
{
	(void)v;
	p->t->has_append = true;
}

static const struct {
	const char *name;
	void (*read)(struct place *p, struct bytes v);
} parameters[] = {
	{ "unicast", on_unicast },
	{ "multicast", on_multicast },
	{ "client_port", on_client_port },
	{ "server_port", on_server_port },
	{ "port", on_port },
	{ "interleaved", on_interleaved },
	{ "ssrc", on_ssrc },
	{ "ttl", on_ttl },
	{ "layers", on_layers },
	{ "mode", on_mode },
	{ "source", on_source },
	{ "destination", on_destination },
	{ "append", on_append },
};

static void read_protocol(struct ox_transport *t, struct bytes v)
{
	struct bytes rest = v, part[4] = { { 0 } };
	size_t n = 0;

	t->protocol = v;
	while (n < 4 && bytes_cut(&rest, '/', &part[n]))
		n++;
	t->is_rtp_avp =
		n >= 2 && bytes_is_ieq(part[0], B("RTP")) && bytes_is_ieq(part[1], B("AVP"));
	t->is_tcp = n == 3 && bytes_is_ieq(part[2], B("TCP"));
	t->is_known = t->is_rtp_avp && rest.n == 0 &&
		      (n == 2 || (n == 3 && (t->is_tcp || bytes_is_ieq(part[2], B("UDP")))));
}

static void read_spec(struct place *p, struct bytes spec)
{
	struct bytes rest = spec, part;
	bool is_first = true;

	p->t->spec = spec;
	while (bytes_cut_quoted(&rest, ';', &part)) {
		struct bytes name, value = part = bytes_trim(part);
		if (is_first) {
			read_protocol(p->t, part);
			is_first = false;
			continue;
		}
		p->text = part;
		if (!bytes_cut(&value, '=', &name))
			continue; /* ";;" and a ';' at the end are met and harmless */
		for (size_t i = 0; i < COUNT(parameters); i++) {
			if (bytes_is_ieq(bytes_trim(name), bytes_str(parameters[i].name)))
				parameters[i].read(p, value);
		}
	}
}

size_t ox_transport_read(
	struct bytes value, size_t at, struct ox_transport *t, size_t max, struct ox_findings *fs)
{
	struct bytes rest = value, spec;
	size_t n = 0;

	while (bytes_cut_quoted(&rest, ',', &spec)) {
		struct ox_transport spare = { .is_bad = false }, *into = n < max ? &t[n] : &spare;
		struct bytes trimmed = bytes_trim(spec);
		struct place p = { .at = at + ox_offset(value, spec), .t = into, .fs = fs };
		if (trimmed.n == 0)
			continue;
		*into = (struct ox_transport){ .is_bad = false };
		read_spec(&p, trimmed);
		n++;
	}
	return n;
}
