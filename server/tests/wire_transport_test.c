/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/transport.h"

#define EQ(v, lit) CU_ASSERT(bytes_is_eq(v, B(lit)))

static struct transport one(const char *in)
{
	struct transport_list l = { 0 };
	struct fault f;

	CU_ASSERT_EQUAL(transport_read(bytes_str(in), &l, &f), 0);
	CU_ASSERT_EQUAL(l.n, 1);
	return l.v[0];
}

static void t_udp(void)
{
	struct transport t = one("RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257;"
				 "ssrc=4dd55626;source=10.0.0.1;destination=\"10.0.0.2\"");

	CU_ASSERT_EQUAL(t.err, 0);
	CU_ASSERT(t.is_rtp_avp && t.lower == TRANSPORT_UDP && t.cast == TRANSPORT_UNICAST);
	CU_ASSERT(t.client_port.n == 2 && t.client_port.lo == 4588 && t.client_port.hi == 4589);
	CU_ASSERT(t.server_port.n == 2 && t.server_port.lo == 6256);
	CU_ASSERT(t.has_ssrc && t.ssrc == 0x4dd55626);
	EQ(t.source, "10.0.0.1");
	EQ(t.destination, "10.0.0.2");
	CU_ASSERT(t.mode == TRANSPORT_PLAY && !t.has_mode);
}

static void t_tcp(void)
{
	struct transport t =
		one(" rtp/avp/tcp ; UNICAST ; interleaved = 0-1 ; mode=\"PLAY,record\";");

	CU_ASSERT_EQUAL(t.err, 0);
	CU_ASSERT_EQUAL(t.lower, TRANSPORT_TCP);
	CU_ASSERT(t.interleaved.n == 2 && t.interleaved.lo == 0 && t.interleaved.hi == 1);
	CU_ASSERT_EQUAL(t.mode, TRANSPORT_PLAY | TRANSPORT_RECORD);
	t = one("RTP/AVP/TCP;interleaved=254");
	CU_ASSERT(t.interleaved.n == 1 && t.interleaved.hi == 255);
	CU_ASSERT_EQUAL(t.cast, TRANSPORT_CAST_NONE);
	t = one("RTP/AVP/UDP;multicast;ttl=127;port=3456-3457;layers=2;append;destination");
	CU_ASSERT(t.cast == TRANSPORT_MULTICAST && t.ttl == 127 && t.port.lo == 3456);
	CU_ASSERT(t.has_layers && t.layers == 2 && t.append && t.has_destination);
	CU_ASSERT_EQUAL(t.destination.n, 0);
	t = one("RTP/AVP;unicast;client_port=1-2;ssrc=ZZZZZZZZ;x-foo=bar;mode=record");
	CU_ASSERT(!t.has_ssrc && t.err == 0 && t.mode == TRANSPORT_RECORD);
}

static void t_order(void)
{
	struct transport_list l = { 0 };
	struct fault f;

	CU_ASSERT_EQUAL(transport_read(B("RTP/XYZ;unicast,RTP/AVP/TCP;interleaved=9-9, "
					 "RTP/AVP/TCP;mode=\"PLAY,RECORD\";interleaved=2-3"),
				&l, &f),
		0);
	CU_ASSERT_EQUAL(transport_read(B("RTP/AVP;unicast;client_port=7000-7001"), &l, &f), 0);
	CU_ASSERT_EQUAL(l.n, 4);
	CU_ASSERT_EQUAL(l.v[0].err, ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(l.v[1].err, ERR_RANGE);
	CU_ASSERT(l.v[2].err == 0 && l.v[2].interleaved.lo == 2);
	CU_ASSERT(l.v[3].err == 0 && l.v[3].client_port.lo == 7000);
}

static void t_bad_values(void)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {
		{ "RTP/AVP/SCTP;unicast;client_port=41000-41001", ERR_UNSUPPORTED },
		{ "RAW/RAW/UDP;unicast;client_port=41000-41001", ERR_UNSUPPORTED },
		{ "RTP/AVPF;unicast;client_port=41000-41001", ERR_UNSUPPORTED },
		{ "RTP/AVP;unicast;client_port=0-1", ERR_RANGE },
		{ "RTP/AVP;unicast;client_port=41000-41000", ERR_RANGE },
		{ "RTP/AVP;unicast;client_port=65536-65537", ERR_RANGE },
		{ "RTP/AVP;unicast;client_port=65535", ERR_RANGE },
		{ "RTP/AVP;unicast;client_port=99999999999999999999", ERR_RANGE },
		{ "RTP/AVP;unicast;client_port=-1", ERR_SYNTAX },
		{ "RTP/AVP;unicast;client_port=", ERR_SYNTAX },
		{ "RTP/AVP;unicast;client_port", ERR_SYNTAX },
		{ "RTP/AVP;unicast;client_port=1-", ERR_SYNTAX },
		{ "RTP/AVP;unicast;client_port=1-2-3", ERR_SYNTAX },
		{ "RTP/AVP;unicast;client_port=0x10-0x11", ERR_SYNTAX },
		{ "RTP/AVP/TCP;unicast;interleaved=256-257", ERR_RANGE },
		{ "RTP/AVP/TCP;unicast;interleaved=0-0", ERR_RANGE },
		{ "RTP/AVP;unicast;multicast;client_port=41000-41001", ERR_SYNTAX },
		{ "RTP/AVP;multicast;ttl=256", ERR_RANGE },
		{ "RTP/AVP;unicast", ERR_MISSING },
		{ "RTP/AVP", ERR_MISSING },
		{ "RTP/AVP;unicast;client_port=41000", 0 },
		{ "RTP/AVP;unicast;client_port=41001-41002", 0 },
		{ "RTP/AVP;multicast", 0 },
		{ "RTP/AVP/TCP;unicast;interleaved=1-0", 0 },
		{ "RTP/AVP/TCP", 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct transport t = one(rows[i].in);
		const char *why = NULL;
		CU_ASSERT_EQUAL(transport_check_request(&t, &why), rows[i].err);
		CU_ASSERT_EQUAL(why != NULL, rows[i].err != 0);
	}
}

static void t_none_and_many(void)
{
	struct transport_list l = { 0 };
	struct fault f;
	char many[4000] = "";
	size_t n = 0;

	CU_ASSERT_EQUAL(transport_read(B(""), &l, &f), ERR_SYNTAX);
	CU_ASSERT_EQUAL(transport_read(B(" , ,"), &l, &f), ERR_SYNTAX);
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "X-FOO/BAR;unicast,");
	CU_ASSERT_EQUAL(transport_read(bytes_str(many), &l, &f), ERR_LIMIT);
	CU_ASSERT_EQUAL(l.n, TRANSPORT_SPECS_MAX);
}

static void t_write(void)
{
	static const char *const rows[] = {
		"RTP/AVP;unicast;source=10.0.0.1;client_port=1-2;server_port=3-4;ssrc=000000AB",
		"RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=4DD55626;mode=\"PLAY\"",
		"RTP/AVP;multicast;destination=224.2.0.1;port=3456-3457;ttl=127",
		"RTP/AVP;unicast;client_port=7000",
	};
	struct buf out;

	buf_init(&out, 200);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct transport t = one(rows[i]);
		CU_ASSERT_EQUAL(transport_write(&t, &out), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i])));
		buf_cut(&out, 0);
	}
	struct transport bad = one("RTP/AVP;source=\"a;ssrc=1\"");
	CU_ASSERT_EQUAL(transport_write(&bad, &out), ERR_SYNTAX);
	bad = one("RTP/XYZ");
	CU_ASSERT_EQUAL(transport_write(&bad, &out), ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(out.n, 0);
	buf_clear(&out);
}

UNIT_SUITE(wire_transport, { "UDP parameters are read (2326 12.39)", t_udp },
	{ "interleaved, multicast and unknown parameters are read (2326 12.39)", t_tcp },
	{ "alternatives keep the peer's order, a bad one spoils no other (2326 12.39)", t_order },
	{ "ports and channels are numbers in range, two of a pair differ", t_bad_values },
	{ "no transport and too many are errors", t_none_and_many },
	{ "a transport is written in a fixed order", t_write });
