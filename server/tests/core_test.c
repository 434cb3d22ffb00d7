/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/rtp_stream.h"
#include "server/core/server.h"
#include "server/tests/unit.h"

/* ---- prefs ---- */

static void t_prefs_set(void)
{
	struct prefs p;
	char why[PREFS_WHY];

	prefs_init(&p);
	CU_ASSERT_EQUAL(p.rtsp_port, 8554);
	CU_ASSERT_STRING_EQUAL(p.bind_ip_addr, "127.0.0.1");
	CU_ASSERT_EQUAL(prefs_set(&p, "rtp-timeout", "5", why), 0);
	CU_ASSERT_EQUAL(p.rtp_timeout, 5);
	CU_ASSERT_EQUAL(prefs_set(&p, "movie_folder", "/a b", why), 0);
	CU_ASSERT_STRING_EQUAL(p.movie_folder, "/a b");
	static const char *const bad[] = { "", "-1", "x", "1x", "0x10", " 1",
		"99999999999999999999" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		CU_ASSERT_EQUAL(prefs_set(&p, "rtp_timeout", bad[i], why), ERR_SYNTAX);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "rtp_timeout"));
	}
	CU_ASSERT_EQUAL(prefs_set(&p, "rtp_timeout", "0", why), ERR_RANGE);
	CU_ASSERT_EQUAL(prefs_set(&p, "rtp_timeou", "1", why), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(prefs_set(&p, "rtp_timeouts", "1", why), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(p.rtp_timeout, 5);
	CU_ASSERT_EQUAL(p.unlimited_addresses.n, 2);
	CU_ASSERT_EQUAL(prefs_set(&p, "unlimited-addresses", "10.0.0.0/8,::1 192.0.2.1", why), 0);
	CU_ASSERT_EQUAL(p.unlimited_addresses.n, 3);
	CU_ASSERT_EQUAL(prefs_set(&p, "unlimited-addresses", "10.0.0.0/33", why), ERR_SYNTAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "unlimited_addresses"));
	CU_ASSERT_EQUAL(p.unlimited_addresses.n, 3);
	prefs_clear(&p);
}

static int read_text(struct prefs *p, const char *text, char *why)
{
	char path[] = "/tmp/beagle-prefs-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	int err = prefs_read_file(p, path, why);
	(void)unlink(path);
	return err;
}

static void t_prefs_file(void)
{
	struct prefs p;
	char why[PREFS_WHY];

	prefs_init(&p);
	CU_ASSERT_EQUAL(
		read_text(&p, "[server]\n; a comment\nrtsp_port = 554\nrun_num_threads=3\n", why),
		0);
	CU_ASSERT_EQUAL(p.rtsp_port, 554);
	CU_ASSERT_EQUAL(p.run_num_threads, 3);
	CU_ASSERT_EQUAL(read_text(&p, "rtsp_port = 1\nrtsp_prt = 2\n", why), ERR_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, ":2: "));
	CU_ASSERT_EQUAL(read_text(&p, "rtsp_port = 99999\n", why), ERR_RANGE);
	CU_ASSERT_EQUAL(read_text(&p, "nonsense\n", why), ERR_SYNTAX);
	CU_ASSERT_TRUE(prefs_read_file(&p, "/nonexistent/x.ini", why) < 0);
	prefs_clear(&p);
}

static void t_prefs_faults(void)
{
	struct prefs p;

	prefs_init(&p);
	for (int i = 0; i < PREFS_FAULTS_MAX; i++)
		CU_ASSERT_EQUAL(prefs_add_fault(&p, "loss=3"), 0);
	CU_ASSERT_EQUAL(prefs_add_fault(&p, "loss=3"), ERR_LIMIT);
	prefs_clear(&p);
}

/* ---- demux ---- */

static size_t make_rr(uint8_t *room, size_t cap, uint32_t from, uint32_t about)
{
	struct rtcp_writer w;
	struct rtcp_block b = { .ssrc = about };

	rtcp_begin(&w, room, cap);
	rtcp_put_rr(&w, from, &b, about ? 1 : 0);
	rtcp_put_cname(&w, from, B("x"));
	int n = rtcp_end(&w);
	CU_ASSERT_FATAL(n > 0);
	return (size_t)n;
}

static struct rtp_stream *find(
	struct demux *d, const char *host, uint16_t port, uint32_t from, uint32_t about)
{
	struct addr a;
	uint8_t room[128];

	CU_ASSERT_EQUAL_FATAL(addr_read(&a, host, port), 0);
	bool foreign = false;
	struct rtp_stream *st = demux_find(
		d, &a, bytes_of(room, make_rr(room, sizeof room, from, about)), &foreign);
	CU_ASSERT_FALSE(st && foreign);
	return st;
}

static void add(
	struct demux *d, struct rtp_stream *st, uint32_t ssrc, const char *host, uint16_t port)
{
	*st = (struct rtp_stream){ .ssrc = ssrc };
	demux_add(d, &st->demux, st, ssrc);
	CU_ASSERT_EQUAL_FATAL(addr_read(&st->rtcp_to, host, port), 0);
	demux_name(d, &st->demux, &st->rtcp_to);
}

static void t_demux(void)
{
	struct demux d = { 0 };
	struct rtp_stream a, b;

	add(&d, &a, 100, "127.0.0.1", 5001);
	add(&d, &b, 200, "127.0.0.2", 5001);
	CU_ASSERT_TRUE(demux_has_ssrc(&d, 100));
	CU_ASSERT_FALSE(demux_has_ssrc(&d, 101));
	/* by the block's SSRC, from any port of the right host only */
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.1", 5001, 1, 100), &a);
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.2", 9999, 2, 200), &b);
	CU_ASSERT_PTR_NULL(find(&d, "127.0.0.3", 5001, 3, 100));
	/* without a block: by what was learnt, else by the address of SETUP */
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.2", 9999, 2, 0), &b);
	CU_ASSERT_PTR_NULL(find(&d, "127.0.0.2", 9998, 2, 0));
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.1", 5001, 77, 0), &a);
	demux_remove(&d, &a.demux);
	CU_ASSERT_PTR_NULL(find(&d, "127.0.0.1", 5001, 1, 100));
	CU_ASSERT_PTR_NULL(find(&d, "127.0.0.1", 5001, 1, 0));
	demux_remove(&d, &b.demux);
	CU_ASSERT_PTR_NULL(d.ssrcs);
	CU_ASSERT_PTR_NULL(d.named);
	CU_ASSERT_PTR_NULL(d.learnt);
}

static void t_demux_replace(void)
{
	struct demux d = { 0 };
	struct rtp_stream a, b;

	add(&d, &a, 100, "127.0.0.1", 5001);
	add(&d, &b, 200, "127.0.0.1", 5001);
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.1", 5001, 9, 0), &b);
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.1", 5001, 9, 100), &a);
	CU_ASSERT_PTR_EQUAL(find(&d, "127.0.0.1", 5001, 9, 0), &a);
	demux_remove(&d, &b.demux);
	demux_remove(&d, &a.demux);
	CU_ASSERT_PTR_NULL(d.learnt);
}

/* ---- stats ---- */

static void t_stats(void)
{
	struct stats a = { .requests = 2, .packets_sent = 3 }, b = { .requests = 5 };
	char path[] = "/tmp/beagle-stats-XXXXXX", *text;
	size_t n;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	(void)close(fd);
	b.ended[CLOSE_TIMEOUT] = 4;
	stats_add(&a, &b);
	CU_ASSERT_EQUAL(a.requests, 7);
	CU_ASSERT_EQUAL(stats_write_file(&a, 2, "bench", 1.5, path, NULL, NULL), 0);
	CU_ASSERT_EQUAL(os_read_file(path, 1 << 20, &text, &n), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"requests\": 7,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"timeout\": 4"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"profile\": \"bench\","));
	free(text);
	(void)unlink(path);
	CU_ASSERT_TRUE(
		stats_write_file(&a, 2, "bench", 1.5, "/nonexistent/x.json", NULL, NULL) < 0);
}

static void t_read_any(void)
{
	char path[32], *text = NULL;
	size_t n = 0;
	int fd[2];

	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	CU_ASSERT_EQUAL(write(fd[1], "anna:pass\n", 10), 10);
	(void)close(fd[1]);
	(void)snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
	CU_ASSERT_EQUAL(os_read_file(path, 100, &text, &n), ERR_NO_FILE);
	CU_ASSERT_EQUAL_FATAL(os_read_any(path, 100, &text, &n), 0);
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_STRING_EQUAL(text, "anna:pass\n");
	free(text);
	(void)close(fd[0]);
	CU_ASSERT_EQUAL(os_read_any("/nonexistent", 100, &text, &n), -ENOENT);
}

static void swallow(struct sender *s, struct rtp_stream *st, struct rtp_out *o)
{
	(void)s;
	(void)st;
	(void)o;
}

static void t_octets_without_padding(void)
{
	struct rtp_stream st = { .sender.rtp = swallow };
	struct packet p = { .body = B("abcd\0\0\3"), .padding = true };

	rtp_stream_send(&st, &p, 0);
	CU_ASSERT_EQUAL(st.octets, 4);
	p.padding = false;
	rtp_stream_send(&st, &p, 0);
	CU_ASSERT_EQUAL(st.octets, 4 + 7);
	CU_ASSERT_EQUAL(st.packets, 2);
}

UNIT_SUITE(core,
	{ "an SR counts payload octets without padding (3550 6.4.1)", t_octets_without_padding },
	{ "prefs: a value outside its table row is refused, with its name", t_prefs_set },
	{ "prefs: a bad line of the file is named by file and line", t_prefs_file },
	{ "prefs: faults are capped", t_prefs_faults },
	{ "demux: report block, then what was learnt, then SETUP's address", t_demux },
	{ "demux: a later stream takes over an address, reports still find both", t_demux_replace },
	{ "stats: counters add up and are written whole", t_stats },
	{ "os: who waits for nobody reads files alone, a program takes a pipe", t_read_any });
