/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/ts_index.h"
#include "server/tests/played.h"

/* Transport streams, made packet by packet. */
enum { PCR_PID = 0x101, VIDEO_PID = 0x101, PMT_PID = 0x100, HZ_MS = TS_HZ / 1000, SLICE = 7 * 188 };

struct stream {
	struct buf out;
	uint64_t pcr;
	unsigned n; /* packets */
};

struct flags {
	uint16_t pid;
	bool starts, random_access, jumps, has_pcr;
	uint64_t pcr;
};

static void begin(struct stream *s)
{
	*s = (struct stream){ 0 };
	buf_init(&s->out, 64 << 20);
}

/* A packet whose payload is filled with its number. */
static void put(struct stream *s, const struct flags *f, struct bytes payload)
{
	uint8_t p[188];
	size_t at = 4;

	memset(p, (int)(s->n & 0x3f), sizeof p);
	p[0] = 0x47;
	put_be16(p + 1, (uint16_t)(f->pid | (f->starts ? 0x4000 : 0)));
	p[3] = 0x10 | (s->n++ & 15);
	if (f->has_pcr || f->random_access || f->jumps) {
		p[3] |= 0x20;
		p[4] = 7;
		p[5] = (uint8_t)((f->jumps ? 0x80 : 0) | (f->random_access ? 0x40 : 0) |
				 (f->has_pcr ? 0x10 : 0));
		put_be32(p + 6, (uint32_t)(f->pcr / 300 >> 1));
		put_be16(p + 10, (uint16_t)((f->pcr / 300 & 1) << 15 | 0x7e00 | f->pcr % 300));
		at = 12;
	}
	memcpy(p + at, payload.p, payload.n);
	CU_ASSERT_EQUAL_FATAL(buf_put(&s->out, bytes_of(p, sizeof p)), 0);
}

static void put_plain(struct stream *s, unsigned n)
{
	while (n--)
		put(s, &(struct flags){ .pid = VIDEO_PID }, B(""));
}

static void put_pcr(struct stream *s, uint64_t pcr)
{
	put(s, &(struct flags){ .pid = PCR_PID, .has_pcr = true, .pcr = pcr % TS_PCR_WRAP }, B(""));
}

/* PAT with a network PID and two programs; the PMT of the first. */
static void put_psi(struct stream *s)
{
	put(s, &(struct flags){ .pid = 0, .starts = true },
		B("\0"
		  "\0\xb0\x15\0\1\xc1\0\0"
		  "\0\0\xe0\x10"
		  "\0\1\xe1\0"
		  "\0\2\xe2\0"
		  "crc!"));
	put(s, &(struct flags){ .pid = PMT_PID, .starts = true },
		B("\0"
		  "\2\xb0\x12\0\1\xc1\0\0"
		  "\xe1\1\xf0\0"
		  "\x1b\xe1\1\xf0\0"
		  "crc!"));
}

static struct bytes view(const struct stream *s)
{
	return buf_bytes(&s->out);
}

/* groups of 20 packets, the first of each with a PCR: one every step_ms */
static void put_groups(struct stream *s, unsigned n, unsigned step_ms)
{
	while (n--) {
		put_pcr(s, s->pcr);
		put_plain(s, 19);
		s->pcr = (s->pcr + (uint64_t)step_ms * HZ_MS) % TS_PCR_WRAP;
	}
}

/* ---- tests ---- */

static void t_pace(void)
{
	struct stream s;
	struct played f;

	begin(&s);
	put_pcr(&s, 0);
	put_plain(&s, 13); /* 14 packets in 14 ms */
	put_pcr(&s, (uint64_t)14 * HZ_MS);
	put_plain(&s, 6); /* 7 packets in 70 ms */
	put_pcr(&s, (uint64_t)84 * HZ_MS);
	put_plain(&s, 13); /* 14 packets in 28 ms */
	put_pcr(&s, (uint64_t)112 * HZ_MS);
	played_open(&f, view(&s), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL_FATAL(f.n, 6);
	{
		static const int ms[] = { 0, 7, 14, 84, 98, 112 };

		for (size_t i = 0; i < f.n; i++) {
			CU_ASSERT_EQUAL(f.packets[i].due, ms[i] * TICK_MS);
			CU_ASSERT_EQUAL(f.packets[i].rtp_time, (uint32_t)ms[i] * 90);
			CU_ASSERT_EQUAL(f.packets[i].n, i < 5 ? SLICE : 188);
		}
	}
	CU_ASSERT(bytes_is_eq(buf_bytes(&f.payload), view(&s)));
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "m=video 0 RTP/AVP 33\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "a=rtpmap:33 MP2T/90000\r\n"));
	played_close(&f);
	buf_clear(&s.out);
}

/* Every packet is due after the one before it and not long after. */
static void check_steady(const struct played *f, tick_t most)
{
	for (size_t i = 1; i < f->n; i++) {
		CU_ASSERT(f->packets[i].due >= f->packets[i - 1].due);
		CU_ASSERT(f->packets[i].due - f->packets[i - 1].due <= most);
	}
}

static void t_wrap(void)
{
	struct stream s;
	struct played f;

	begin(&s);
	s.pcr = TS_PCR_WRAP - (uint64_t)55 * HZ_MS;
	put_groups(&s, 50, 20);
	played_open(&f, view(&s), "x");
	(void)played_play(&f, 0, -1);
	check_steady(&f, 7 * TICK_MS + 1);
	/* 49 steps, and the last group at the average rate */
	CU_ASSERT(f.source->duration > 999 * TICK_MS && f.source->duration < 1001 * TICK_MS);
	played_close(&f);
	buf_clear(&s.out);
}

static void put_jumps(struct stream *s, unsigned groups)
{
	put_groups(s, groups, 20);
	s->pcr = 5; /* back, unannounced */
	put_groups(s, groups, 20);
	s->pcr += (uint64_t)1000 * TS_HZ; /* far ahead */
	put_groups(s, groups, 20);
	/* a little back, announced */
	s->pcr -= (uint64_t)40 * HZ_MS;
	put(s, &(struct flags){ .pid = PCR_PID, .has_pcr = true, .jumps = true, .pcr = s->pcr },
		B(""));
	put_plain(s, 19);
	s->pcr += (uint64_t)20 * HZ_MS;
	put_groups(s, groups, 20);
}

static void t_jump(void)
{
	struct stream s;
	struct played f;

	begin(&s);
	s.pcr = (uint64_t)3600 * TS_HZ;
	put_jumps(&s, 30);
	played_open(&f, view(&s), "x");
	(void)played_play(&f, 0, -1);
	check_steady(&f, 8 * TICK_MS);
	CU_ASSERT(f.source->duration > 121 * 20 * TICK_MS - 5 * TICK_MS);
	CU_ASSERT(f.source->duration < 121 * 20 * TICK_MS + 5 * TICK_MS);
	played_close(&f);
	buf_clear(&s.out);
}

static void t_layouts(void)
{
	static const unsigned strides[] = { 192, 204 };

	for (size_t k = 0; k < COUNT(strides); k++) {
		struct stream s;
		struct played f;
		struct buf file;

		begin(&s);
		put_groups(&s, 20, 20);
		buf_init(&file, 1 << 20);
		/* junk, then what may stand before and behind each packet */
		CU_ASSERT_EQUAL_FATAL(buf_put(&file, B("some junk G with a sync octet")), 0);
		for (size_t i = 0; i < s.n; i++) {
			if (strides[k] == 192)
				CU_ASSERT_EQUAL_FATAL(buf_put(&file, B("time")), 0);
			CU_ASSERT_EQUAL_FATAL(buf_put(&file, bytes_sub(view(&s), i * 188, 188)), 0);
			if (strides[k] == 204)
				CU_ASSERT_EQUAL_FATAL(buf_put(&file, B("sixteen of these")), 0);
		}
		played_open(&f, buf_bytes(&file), "x");
		(void)played_play(&f, 0, -1);
		CU_ASSERT(bytes_is_eq(buf_bytes(&f.payload), view(&s)));
		played_close(&f);
		buf_clear(&file);
		buf_clear(&s.out);
	}
}

static void t_damage(void)
{
	struct stream s;
	struct played f;
	struct buf file;
	struct bytes v;

	begin(&s);
	put_groups(&s, 40, 20);
	v = view(&s);
	buf_init(&file, 1 << 20);
	/* 100 octets are missing, then a sync octet is broken, then something is put in */
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, bytes_sub(v, 0, 188 * 205 + 50)), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, bytes_sub(v, 188 * 205 + 150, 188 * 200 - 150)), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, B("!")), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, bytes_sub(v, 188 * 405 + 1, 188 * 200 - 1)), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, B("GGGG and no packet")), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&file, bytes_sub(v, 188 * 605, v.n)), 0);
	played_open(&f, buf_bytes(&file), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(f.payload.n, v.n - 2 * 188);
	for (size_t i = 0; i < f.n; i++) {
		struct bytes p = played_payload(&f, i);

		CU_ASSERT_EQUAL(p.n % 188, 0);
		for (size_t at = 0; at < p.n; at += 188)
			CU_ASSERT_EQUAL(p.p[at], 0x47);
	}
	check_steady(&f, 20 * TICK_MS);
	played_close(&f);
	buf_clear(&file);
	buf_clear(&s.out);
}

/* 3 s; every second PAT, PMT, and a picture at which decoding can begin */
static void put_entries(struct stream *s)
{
	for (int i = 0; i < 3; i++) {
		put_groups(s, 50, 20);
		put_psi(s);
		put(s, &(struct flags){ .pid = VIDEO_PID, .starts = true, .random_access = true },
			B("\0\0\1\xe0"));
	}
	put_groups(s, 1, 20);
}

static void t_seek(void)
{
	struct stream s;
	struct played f;
	tick_t at;

	begin(&s);
	put_psi(&s);
	put_entries(&s);
	played_open(&f, view(&s), "x");
	at = played_play(&f, 0, 2500 * TICK_MS);
	/* the second PAT stands behind 2 + 2 * 1003 - 3 packets, in the middle of a slice */
	CU_ASSERT(at > 1980 * TICK_MS && at <= 2000 * TICK_MS);
	CU_ASSERT_FATAL(f.n > 1);
	CU_ASSERT(f.packets[0].sync);
	CU_ASSERT_EQUAL(f.packets[0].due, at);
	CU_ASSERT(bytes_is_eq(
		buf_bytes(&f.payload), bytes_sub(view(&s), (size_t)188 * 2005, view(&s).n)));
	CU_ASSERT(f.packets[0].n < SLICE);
	CU_ASSERT_EQUAL(f.packets[1].n, SLICE);
	/* before the first place there is only the beginning */
	at = played_play(&f, 0, 500 * TICK_MS);
	CU_ASSERT_EQUAL(at, 500 * TICK_MS);
	played_close(&f);
	buf_clear(&s.out);
}

static void t_same(void)
{
	struct stream s;
	struct played f, g;
	tick_t at;
	size_t k;

	begin(&s);
	put_psi(&s);
	put_entries(&s);
	played_open(&f, view(&s), "x");
	played_open(&g, view(&s), "x");
	(void)played_play(&f, 0, -1);
	at = played_play(&g, 0, 2200 * TICK_MS);
	for (k = 0; k < f.n && f.packets[k].due < at; k++)
		;
	CU_ASSERT_EQUAL_FATAL(f.n - k, g.n);
	for (size_t i = 0; i < g.n; i++) {
		CU_ASSERT_EQUAL(f.packets[k + i].due, g.packets[i].due);
		CU_ASSERT_EQUAL(f.packets[k + i].rtp_time, g.packets[i].rtp_time);
	}
	played_close(&g);
	played_close(&f);
	buf_clear(&s.out);
}

static void t_no_clock(void)
{
	struct stream s;
	char notes[200];

	begin(&s);
	put_psi(&s);
	put_plain(&s, 100);
	CU_ASSERT_EQUAL(played_refuses(view(&s), "x.ts", notes), ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(notes, "PCR"));
	put_pcr(&s, 5); /* one is not enough */
	put_plain(&s, 100);
	CU_ASSERT_EQUAL(played_refuses(view(&s), "x.ts", NULL), ERR_UNSUPPORTED);
	buf_clear(&s.out);
}

static void t_programs(void)
{
	struct stream s;
	struct played f;

	begin(&s);
	put(&s, &(struct flags){ .pid = 0x201, .has_pcr = true, .pcr = 999 }, B(""));
	put_psi(&s);
	for (unsigned i = 0; i < 50; i++) {
		put_groups(&s, 1, 20);
		put(&s,
			&(struct flags){
				.pid = 0x201, .has_pcr = true, .pcr = i * (uint64_t)500 * HZ_MS },
			B(""));
	}
	played_open(&f, view(&s), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT(f.source->duration < 1100 * TICK_MS);
	check_steady(&f, 8 * TICK_MS);
	played_close(&f);
	buf_clear(&s.out);
}

static void read_index(const struct stream *s, uint64_t scan_max, struct ts_index *x)
{
	struct media_file f;

	*x = (struct ts_index){ .scan_max = scan_max, .layout = { .stride = 188 } };
	ts_psi_init(&x->psi);
	x->psi.pcr_pid = PCR_PID;
	x->psi.video_pid = VIDEO_PID;
	media_file_open_memory(&f, view(s));
	CU_ASSERT_EQUAL_FATAL(ts_index_read(x, &f), 0);
}

static void t_sampled(void)
{
	struct stream s;
	struct ts_index all, some;

	begin(&s);
	s.pcr = (uint64_t)3600 * TS_HZ;
	put_psi(&s);
	for (int i = 0; i < 30; i++)
		put_entries(&s);
	s.pcr = 0; /* a file behind another one */
	for (int i = 0; i < 30; i++)
		put_entries(&s);
	read_index(&s, TS_SCAN_MAX, &all);
	read_index(&s, 2 << 20, &some);
	CU_ASSERT_FALSE(all.is_sampled);
	CU_ASSERT_TRUE(some.is_sampled);
	CU_ASSERT(all.clock.end.npt > 181 * TICK_S && all.clock.end.npt < 183 * TICK_S);
	CU_ASSERT(llabs(all.clock.end.npt - some.clock.end.npt) < 100 * TICK_MS);
	CU_ASSERT_EQUAL(all.n_entries, 180);
	CU_ASSERT(some.n_entries > 20 && some.n_entries < 180);
	/* those that were met are the same */
	for (uint32_t i = 0, k = 0; i < some.n_entries; i++) {
		while (k < all.n_entries && all.entries[k].at < some.entries[i].at)
			k++;
		CU_ASSERT_EQUAL_FATAL(all.entries[k].at, some.entries[i].at);
		CU_ASSERT(llabs(all.entries[k].npt - some.entries[i].npt) < 100 * TICK_MS);
	}
	ts_index_clear(&all);
	ts_index_clear(&some);
	buf_clear(&s.out);
}

UNIT_SUITE(media_ts, { "ts: seven packets to a datagram, due by their clock (2250 2)", t_pace },
	{ "ts: the clock goes on over its wrap (13818-1 2.4.3.5)", t_wrap },
	{ "ts: the clock goes on over jumps, announced or not", t_jump },
	{ "ts: 192 and 204 octets a packet are stripped to 188", t_layouts },
	{ "ts: damage costs the packets that it hits, no others", t_damage },
	{ "ts: a seek goes to the PAT before a picture to begin with", t_seek },
	{ "ts: a packet is the same however one gets to it", t_same },
	{ "ts: a stream without a clock is refused, with the reason", t_no_clock },
	{ "ts: of several programs the first one's clock counts", t_programs },
	{ "ts: samples of a long file tell what all of it would", t_sampled });
