/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_sdp_parts.h"
#include "conformance/oracle/ox_text.h"

static void on_version(struct ox_sdp_reader *r)
{
	if (r->line != 1 || !bytes_is_eq(r->value, B("0")))
		ox_sdp_bad(r, OX_SDP_5_1_01, 0, "the first line is v=0", r->value);
}

/* nettype, addrtype and an address that fits; false when they don't. */
static bool is_address(struct bytes net, struct bytes type, struct bytes address)
{
	if (!bytes_is_eq(net, B("IN")))
		return false;
	if (bytes_is_eq(type, B("IP4")))
		return ox_is_host(address) && !ox_is_ip6(address);
	return bytes_is_eq(type, B("IP6")) &&
	       (ox_is_ip6(address) || (ox_is_host(address) && !ox_is_ip4(address)));
}

static bool is_ascii(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] >= 0x80)
			return false;
	}
	return true;
}

static void on_origin(struct ox_sdp_reader *r)
{
	struct bytes v[6] = { { 0 } };
	size_t n = ox_sdp_fields(r, v, 6);

	if (n != 6) {
		ox_sdp_bad(r, OX_SDP_5_2_01, 0, "o= has six sub-fields", r->value);
		return;
	}
	r->s->session_id = v[1];
	r->s->session_version = v[2];
	if (!ox_is_digits(v[1]) || !ox_is_digits(v[2]))
		ox_sdp_bad(r, OX_SDP_5_2_02, 0, "sess-id and sess-version are digits", r->value);
	if (!is_ascii(v[5]))
		ox_sdp_bad(r, OX_SDP_5_14, 0, "a domain name that is not ASCII", v[5]);
	else if (!is_address(v[3], v[4], v[5]))
		ox_sdp_bad(r, OX_SDP_5_2_05, 0, "no IN, IP4 or IP6 and an address of that kind",
			r->value);
}

static void on_name(struct ox_sdp_reader *r)
{
	r->s->name = r->value;
	if (r->value.n == 0)
		ox_sdp_bad(r, OX_SDP_5_3_02, 0, "s= is empty", r->value);
	else if (bytes_trim(r->value).n == 0 && r->value.n > 1)
		ox_sdp_remark(r, OX_SDP_5_3_03, 0, "a nameless session has one blank", r->value);
}

static void on_information(struct ox_sdp_reader *r)
{
	if (r->value.n == 0)
		ox_sdp_bad(r, OX_SDP_9_01, 0, "i= is empty", r->value);
}

static void on_uri(struct ox_sdp_reader *r)
{
	size_t colon = bytes_index(r->value, ':');
	struct bytes rest = bytes_sub(r->value, colon + 1, r->value.n);

	if (r->value.n == 0 || bytes_index(r->value, ' ') < r->value.n || colon == 0 ||
		bytes_is_eq(rest, B("//")) || bytes_has_prefix(rest, B("///")))
		ox_sdp_bad(r, OX_SDP_9_01, 0, "u= is no URI", r->value);
}

/* name@host, as far as a description needs it */
static bool is_addr_spec(struct bytes b)
{
	size_t at = bytes_index(b, '@');

	return at > 0 && at < b.n && ox_is_host(bytes_sub(b, at + 1, b.n)) &&
	       bytes_index(bytes_sub(b, 0, at), ' ') == at;
}

/* "addr", "addr (comment)" or "Name <addr>" */
static void on_email(struct ox_sdp_reader *r)
{
	size_t open = bytes_index(r->value, '<'), comment = bytes_index(r->value, '(');
	struct bytes address = r->value;

	if (open < r->value.n)
		address = bytes_sub(r->value, open + 1,
			bytes_index(bytes_sub(r->value, open + 1, r->value.n), '>'));
	else if (comment < r->value.n)
		address = bytes_trim(bytes_sub(r->value, 0, comment));
	if (!is_addr_spec(address))
		ox_sdp_bad(r, OX_SDP_5_6_03, 0, "e= is no mail address", r->value);
}

static void on_phone(struct ox_sdp_reader *r)
{
	size_t open = bytes_index(r->value, '<');
	struct bytes number =
		open < r->value.n ? bytes_sub(r->value, open + 1, r->value.n) : r->value;

	if (number.n == 0 || number.p[0] != '+')
		ox_sdp_remark(r, OX_SDP_5_6_02, 0, "a phone number without +", r->value);
}

static bool is_multicast4(struct bytes address)
{
	uint64_t first;

	return ox_is_ip4(address) &&
	       bytes_to_u64(bytes_sub(address, 0, bytes_index(address, '.')), 255, &first) &&
	       first >= 224 && first <= 239;
}

static bool is_multicast6(struct bytes address)
{
	return ox_is_ip6(address) && bytes_has_iprefix(address, B("ff"));
}

/* /ttl[/number] of multicast IPv4, /number of multicast IPv6, nothing else. */
static void check_slashes(struct ox_sdp_reader *r, struct bytes address, struct bytes slashes)
{
	struct bytes part[3] = { { 0 } }, rest = bytes_sub(slashes, 1, slashes.n);
	bool four = is_multicast4(address), six = is_multicast6(address);
	uint64_t ttl = 0, number = 1;
	size_t n = 0;

	while (n < 3 && bytes_cut(&rest, '/', &part[n]))
		n++;
	if (!four && !six) {
		if (slashes.n > 0)
			ox_sdp_bad(
				r, OX_SDP_5_7_03, 0, "a slash after a unicast address", r->value);
		return;
	}
	if (four && (n == 0 || n > 2 || !bytes_to_u64(part[0], 255, &ttl) ||
			    (n == 2 && !bytes_to_u64(part[1], 65535, &number))))
		ox_sdp_bad(r, OX_SDP_5_7_02, 0, "multicast IPv4 has /ttl from 0 to 255", r->value);
	if (six && (n > 1 || (n == 1 && !bytes_to_u64(part[0], 65535, &number))))
		ox_sdp_bad(r, OX_SDP_5_7_02, 0, "multicast IPv6 has no ttl", r->value);
	if (!r->m && number > 1)
		ox_sdp_bad(r, OX_SDP_5_7_04, 0, "several addresses at session level", r->value);
}

static void on_connection(struct ox_sdp_reader *r)
{
	struct bytes v[3] = { { 0 } }, address;
	size_t n = ox_sdp_fields(r, v, 3);

	if (n != 3) {
		ox_sdp_bad(r, OX_SDP_9_01, 0, "c= has three sub-fields", r->value);
		return;
	}
	address = bytes_sub(v[2], 0, bytes_index(v[2], '/'));
	*(r->m ? &r->m->connection : &r->s->connection) = address;
	*(r->m ? &r->m->has_connection : &r->s->has_connection) = true;
	if (!is_ascii(address)) {
		ox_sdp_bad(r, OX_SDP_5_14, 0, "a domain name that is not ASCII", address);
		return;
	}
	if (!is_address(v[0], v[1], address)) {
		ox_sdp_bad(r, OX_SDP_9_01, 0, "no IN, IP4 or IP6 and an address of that kind",
			r->value);
		return;
	}
	check_slashes(r, address, bytes_sub(v[2], address.n, v[2].n));
	if (!is_multicast4(address) && !is_multicast6(address) &&
		!bytes_is_eq(address, B("0.0.0.0")) && !bytes_is_eq(address, B("::")))
		ox_sdp_remark(r, OX_RTSP_C_1_7_01, 0, "a unicast address other than the null one",
			address);
}

static void on_bandwidth(struct ox_sdp_reader *r)
{
	struct bytes type = { 0 }, number = r->value;
	uint64_t kbps;

	if (!bytes_cut(&number, ':', &type) || !ox_is_token(type) || !ox_is_digits(number)) {
		bool is_fraction = ox_is_token(type) && ox_is_decimal(number);
		ox_sdp_bad(r, OX_SDP_5_8_01, 0,
			is_fraction ? "the bandwidth is no whole number" : "b= is type:number",
			r->value);
		return;
	}
	if (!bytes_is_eq(type, B("AS")) || !bytes_to_u64(number, UINT32_MAX, &kbps))
		return;
	if (kbps == 0)
		ox_sdp_remark(r, OX_SDP_5_8_01, 0, "a bandwidth of 0", r->value);
	if (r->m ? r->m->has_as : r->s->has_as)
		return; /* the first one counts */
	*(r->m ? &r->m->as_kbps : &r->s->as_kbps) = (uint32_t)kbps;
	*(r->m ? &r->m->has_as : &r->s->has_as) = true;
}

/* "0" or at least 10 digits */
static bool is_time(struct bytes b)
{
	return bytes_is_eq(b, B("0")) || (ox_is_digits(b) && b.n >= 10 && b.p[0] != '0');
}

static void on_time(struct ox_sdp_reader *r)
{
	struct bytes v[2] = { { 0 } };
	uint64_t start, stop;

	if (ox_sdp_fields(r, v, 2) != 2 || !is_time(v[0]) || !is_time(v[1])) {
		ox_sdp_bad(
			r, OX_SDP_5_9_01, 0, "t= has two numbers, each 0 or NTP seconds", r->value);
		return;
	}
	if (bytes_to_u64(v[0], UINT64_MAX, &start) && bytes_to_u64(v[1], UINT64_MAX, &stop) &&
		stop != 0 && stop < start)
		ox_sdp_remark(r, OX_SDP_5_9_02, 0, "the session stops before it starts", r->value);
}

/* digits with at most one unit of time */
static bool is_typed_time(struct bytes b)
{
	if (b.n > 1 && strchr("dhms", b.p[b.n - 1]) && b.p[b.n - 1])
		b.n--;
	return ox_is_digits(b);
}

static void on_repeat(struct ox_sdp_reader *r)
{
	struct bytes v[16] = { { 0 } };
	size_t n = ox_sdp_fields(r, v, COUNT(v));
	bool good = n >= 3;

	for (size_t i = 0; i < n && i < COUNT(v); i++)
		good = good && is_typed_time(v[i]);
	if (!good)
		ox_sdp_bad(r, OX_SDP_5_10_01, 0, "r= has an interval, a duration and offsets",
			r->value);
}

static void on_zone(struct ox_sdp_reader *r)
{
	struct bytes v[32] = { { 0 } };
	size_t n = ox_sdp_fields(r, v, COUNT(v));
	bool good = n >= 2 && n % 2 == 0;

	for (size_t i = 0; i < n && i < COUNT(v); i++) {
		bool is_negative = v[i].n > 0 && v[i].p[0] == '-';
		good = good && (i % 2 == 0 ? is_time(v[i])
					   : is_typed_time(bytes_sub(v[i], is_negative, v[i].n)));
	}
	if (!good)
		ox_sdp_bad(r, OX_SDP_5_11_01, 0, "z= has pairs of a time and an offset", r->value);
}

/* The key itself is not quoted in a finding. */
static void on_key(struct ox_sdp_reader *r)
{
	bool is_clear =
		bytes_has_prefix(r->value, B("clear:")) || bytes_has_prefix(r->value, B("base64:"));
	struct ox_finding *f;

	if (is_clear) {
		f = ox_sdp_remark(r, OX_SDP_5_12_01, 0, "a key in clear text", B(""));
		if (f)
			f->weight = OX_FAIL;
	} else if (bytes_is_eq(r->value, B("prompt")) || bytes_has_prefix(r->value, B("uri:"))) {
		ox_sdp_remark(r, OX_SDP_5_12_01, 0, "k= is out of use", B(""));
	} else {
		ox_sdp_bad(r, OX_SDP_9_01, 0, "a method of k= that is unknown", B(""));
	}
}

static void read_format(struct ox_sdp_reader *r, struct bytes text, bool is_rtp)
{
	struct ox_media *m = r->m;
	struct ox_format f = { .text = text, .channels = 1 };
	uint64_t pt;

	f.is_pt = is_rtp && bytes_to_u64(text, 127, &pt);
	if (f.is_pt) {
		f.pt = (uint8_t)pt;
		(void)ox_static_format(f.pt, &f.encoding, &f.clock_hz, &f.channels);
		if (ox_media_format(m, f.pt))
			ox_sdp_bad(r, OX_SDP_5_14_03, 0, "a payload type stands twice", r->value);
	} else if (is_rtp) {
		ox_sdp_bad(r, OX_SDP_5_14_03, 0, "a format that is no payload type from 0 to 127",
			text);
	}
	if (m->n_formats < OX_MAX_FORMATS)
		m->formats[m->n_formats++] = f;
}

static void read_port(struct ox_sdp_reader *r, struct bytes v)
{
	size_t slash = bytes_index(v, '/');
	uint64_t port, n = 1;

	if (!bytes_to_u64(bytes_sub(v, 0, slash), 65535, &port) ||
		(slash < v.n && !bytes_to_u64(bytes_sub(v, slash + 1, v.n), 65535, &n))) {
		ox_sdp_bad(r, OX_SDP_5_14_01, 0, "the port is no number up to 65535 (with /number)",
			v);
		return;
	}
	r->m->port = (uint32_t)port;
	r->m->n_ports = (uint32_t)n;
}

static void on_media(struct ox_sdp_reader *r)
{
	static const char *const types[] = { "audio", "video", "text", "application", "message" };
	struct bytes v[3 + OX_MAX_FORMATS] = { { 0 } };
	size_t n = ox_sdp_fields(r, v, COUNT(v));
	bool known = false, is_rtp;

	if (n < 4) {
		ox_sdp_bad(
			r, OX_SDP_5_14_01, 0, "m= has media, port, protocol and formats", r->value);
		if (n < 3)
			return;
	}
	r->m->type = v[0];
	r->m->proto = v[2];
	read_port(r, v[1]);
	for (size_t i = 0; i < COUNT(types); i++)
		known = known || bytes_is_eq(v[0], bytes_str(types[i]));
	if (!known)
		ox_sdp_bad(r, OX_SDP_5_14_02, 0, "a media type that is not registered", v[0]);
	is_rtp = bytes_has_prefix(v[2], B("RTP/AVP")) || bytes_has_prefix(v[2], B("RTP/SAVP"));
	for (size_t i = 3; i < n && i < COUNT(v); i++)
		read_format(r, v[i], is_rtp);
	if (r->m->port != 0 && !is_multicast4(r->s->connection) && !is_multicast6(r->s->connection))
		ox_sdp_remark(r, OX_RTSP_C_1_2_01, 0, "the port is not 0", v[1]);
}

static const struct {
	uint8_t letter;
	void (*read)(struct ox_sdp_reader *r);
} lines[] = {
	{ 'v', on_version },
	{ 'o', on_origin },
	{ 's', on_name },
	{ 'i', on_information },
	{ 'u', on_uri },
	{ 'e', on_email },
	{ 'p', on_phone },
	{ 'c', on_connection },
	{ 'b', on_bandwidth },
	{ 't', on_time },
	{ 'r', on_repeat },
	{ 'z', on_zone },
	{ 'k', on_key },
	{ 'm', on_media },
};

void ox_sdp_line(struct ox_sdp_reader *r, uint8_t letter)
{
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (lines[i].letter == letter)
			lines[i].read(r);
	}
}
