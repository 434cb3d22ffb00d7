/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/modules/auth_sign.h"
#include "server/modules/auth_users.h"
#include "server/modules/mod_auth.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/auth.h"

/* Somebody sets the wall clock while the server runs, in virtual time. */

#define HOUR (3600 * TICK_S)

struct place {
	struct sim s;
	struct sim_client c;
	char users[32], key[32];
};

/* A file of this text; its name goes to `path`. */
static void make_file(char *path, size_t cap, struct bytes text)
{
	(void)snprintf(path, cap, "/tmp/beagle-clock.XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text.p, text.n), (ssize_t)text.n);
	(void)close(fd);
}

static void place_open(struct place *p, bool has_users)
{
	char why[PREFS_WHY] = "";
	struct buf line;

	*p = (struct place){ 0 };
	sim_open_with(&p->s, 2, &mod_auth);
	buf_init(&line, 4096);
	CU_ASSERT_EQUAL(auth_user_line(B("anna"), B("Beagle"), B("s3cret"), &line), 0);
	make_file(p->users, sizeof p->users, buf_bytes(&line));
	make_file(p->key, sizeof p->key, B("0123456789abcdef\n"));
	buf_clear(&line);
	if (has_users) {
		struct module *auth = p->s.server.modules[p->s.server.n_modules - 1];
		CU_ASSERT_EQUAL(prefs_set(&p->s.prefs, "auth_users", p->users, why), 0);
		CU_ASSERT_EQUAL(prefs_set(&p->s.prefs, "auth_sign_key", p->key, why), 0);
		CU_ASSERT_EQUAL(auth->prefs_changed(auth, &p->s.prefs, why), 0);
		CU_ASSERT_STRING_EQUAL(why, "");
	}
	sim_connect(&p->c, &p->s, 1);
}

static void place_close(struct place *p)
{
	sim_hang_up(&p->c);
	sim_close(&p->s);
	CU_ASSERT_EQUAL(unlink(p->users), 0);
	CU_ASSERT_EQUAL(unlink(p->key), 0);
}

static void step(struct place *p, int64_t by)
{
	server_set_wall(&p->s.server, atomic_load(&p->s.workers[1].wall_offset) + by);
}

/* Seconds since 1970 that an answer says. */
static int64_t date_of(struct place *p)
{
	CU_ASSERT_EQUAL(sim_ask(&p->c, "OPTIONS", "/pattern", ""), 200);
	return date_read(rtsp_value(&p->c.reply, RTSP_H_DATE));
}

static void t_date(void)
{
	struct place p;

	place_open(&p, false);
	int64_t at = date_of(&p);
	CU_ASSERT_TRUE(at > 0);
	step(&p, HOUR);
	CU_ASSERT_EQUAL(date_of(&p), at + 3600);
	sim_run(&p.s, 5 * TICK_S);
	CU_ASSERT_EQUAL(date_of(&p), at + 3605);
	step(&p, -2 * HOUR);
	CU_ASSERT_EQUAL(date_of(&p), at + 5 - 3600);
	place_close(&p);
}

/* The clip, as if it had been written in 1994. */
static int open_dated(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	int err = mod_file.open_source(self, t, path, out);

	t->last_modified = 784111777;
	return err;
}

/* A date of the client's that lies before now by the new clock counts, by the old one it does not. */
static void t_modified(void)
{
	struct place p;
	char date[DATE_TEXT], line[96];

	place_open(&p, false);
	for (size_t i = 0; i < p.s.server.n_modules; i++) {
		if (p.s.server.modules[i]->open_source == mod_file.open_source)
			p.s.server.modules[i]->open_source = open_dated;
	}
	date_text(date_of(&p) + 1800, date);
	(void)snprintf(line, sizeof line, "If-Modified-Since: %s\r\n", date);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", "/clip.mp4", line), 200);
	step(&p, HOUR);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", "/clip.mp4", line), 304);
	step(&p, -HOUR);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", "/clip.mp4", line), 200);
	place_close(&p);
}

static void t_signed(void)
{
	struct place p;
	struct auth_key key;
	struct buf url;
	char why[PREFS_WHY], path[256];

	place_open(&p, true);
	int64_t until = date_of(&p) + 600;
	CU_ASSERT_EQUAL_FATAL(auth_key_read(&key, NULL, p.key, why), 0);
	buf_init(&url, 1024);
	CU_ASSERT_EQUAL(auth_sign_url(&key, B("rtsp://h/pattern"), until, NULL, &url), 0);
	(void)snprintf(path, sizeof path, "%.*s",
		BYTES_FMT(bytes_sub(buf_bytes(&url), strlen("rtsp://h"), url.n)));
	buf_clear(&url);
	auth_key_clear(&key);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", path, ""), 200);
	step(&p, HOUR);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", path, ""), 403);
	/* what it granted to this connection is over, too */
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", "/pattern", ""), 401);
	step(&p, -HOUR);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", path, ""), 200);
	place_close(&p);
}

/* ---- what must not move ---- */

/* A login with this challenge, used `count` times: the status. */
static int log_in(struct place *p, struct bytes challenge, uint32_t count)
{
	static const char uri[] = "rtsp://127.0.0.1/pattern";
	const struct auth_login l = { B("anna"), B("s3cret"), B("c0ffee"), count };
	struct auth_challenge ch;
	struct arena a = { 0 };
	char line[1024];
	struct buf b;

	CU_ASSERT_EQUAL_FATAL(auth_challenge_next(&challenge, &a, &ch), 1);
	buf_init(&b, 900);
	CU_ASSERT_EQUAL(auth_answer_write(&ch, &l, B("DESCRIBE"), bytes_str(uri), &b), 0);
	(void)snprintf(line, sizeof line, "Authorization: %.*s\r\n", BYTES_FMT(buf_bytes(&b)));
	buf_clear(&b);
	arena_clear(&a);
	return sim_ask(&p->c, "DESCRIBE", "/pattern", line);
}

static void t_nonce(void)
{
	struct place p;
	char text[512];
	uint32_t count = 0;

	place_open(&p, true);
	p.s.prefs.auth_nonce_lifetime = 60;
	CU_ASSERT_EQUAL(sim_ask(&p.c, "DESCRIBE", "/pattern", ""), 401);
	(void)sim_header(&p.c, RTSP_H_WWW_AUTHENTICATE, text, sizeof text);
	struct bytes challenge = bytes_str(text);
	CU_ASSERT_EQUAL(log_in(&p, challenge, ++count), 200);
	step(&p, HOUR);
	CU_ASSERT_EQUAL(log_in(&p, challenge, ++count), 200);
	step(&p, -2 * HOUR);
	CU_ASSERT_EQUAL(log_in(&p, challenge, ++count), 200);
	/* its life is not longer for it */
	sim_run(&p.s, 60 * TICK_S);
	CU_ASSERT_EQUAL(log_in(&p, challenge, ++count), 401);
	place_close(&p);
}

/* The SRs that have come, each against the one before: NTP and RTP time go on by the same span. */
struct reports {
	unsigned n;
	int64_t ntp;
	uint32_t timestamp;
};

static void take_reports(struct reports *r, struct sim_ports *ports)
{
	uint8_t d[1500];
	int len;

	while ((len = sim_ports_read(ports, 1, d, sizeof d)) > 0) {
		struct bytes rest = bytes_of(d, (size_t)len);
		struct rtcp_view v;
		CU_ASSERT_EQUAL_FATAL(rtcp_next(&rest, &v), 1);
		CU_ASSERT_EQUAL_FATAL(v.type, RTCP_SR);
		int64_t ntp = ntp_to_unix(v.sr.ntp);
		if (r->n++) {
			double by_ntp = tick_seconds(ntp - r->ntp);
			double by_rtp = (v.sr.timestamp - r->timestamp) / 90000.0;
			CU_ASSERT_DOUBLE_EQUAL(by_ntp, by_rtp, 0.001);
			CU_ASSERT_TRUE(by_ntp > 0 && by_ntp < 10);
		}
		r->ntp = ntp;
		r->timestamp = v.sr.timestamp;
	}
}

static void play_on(struct place *p, struct reports *r, struct sim_ports *ports)
{
	for (int i = 0; i < 30; i++) {
		sim_run(&p->s, TICK_S);
		take_reports(r, ports);
	}
	CU_ASSERT_EQUAL(sim_ask(&p->c, "GET_PARAMETER", "/pattern/8k/1p", ""), 200);
}

static void play(struct place *p, struct sim_ports *ports)
{
	char transport[64];

	sim_ports_open(ports);
	(void)snprintf(transport, sizeof transport, "RTP/AVP;unicast;client_port=%u-%u",
		ports->port, ports->port + 1);
	CU_ASSERT_EQUAL(sim_setup(&p->c, "/pattern/8k/1p/trackID=1", transport), 200);
	CU_ASSERT_EQUAL(sim_ask(&p->c, "PLAY", "/pattern/8k/1p", ""), 200);
}

static void t_reports(void)
{
	struct place p;
	struct sim_ports ports;
	struct reports r = { 0 };

	place_open(&p, false);
	play(&p, &ports);
	play_on(&p, &r, &ports);
	step(&p, HOUR);
	play_on(&p, &r, &ports);
	step(&p, -3 * HOUR);
	play_on(&p, &r, &ports);
	CU_ASSERT_TRUE(r.n >= 12);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "TEARDOWN", "/pattern/8k/1p", ""), 200);
	sim_ports_close(&ports);
	/* one that begins now has the time that it is now */
	p.c.session[0] = '\0';
	r = (struct reports){ 0 };
	play(&p, &ports);
	play_on(&p, &r, &ports);
	CU_ASSERT_TRUE(r.n >= 4);
	int64_t late = date_of(&p) - r.ntp / TICK_S;
	CU_ASSERT_TRUE(late >= 0 && late < 10);
	CU_ASSERT_EQUAL(sim_ask(&p.c, "TEARDOWN", "/pattern/8k/1p", ""), 200);
	sim_ports_close(&ports);
	place_close(&p);
}

UNIT_SUITE(clock, { "Date follows when the wall clock is set, either way (2326 12.18)", t_date },
	{ "If-Modified-Since is compared with the clock as it is set (2326 12.23)", t_modified },
	{ "a signed URL expires by the clock as it is set", t_signed },
	{ "a nonce lives as long as it lives, whatever the wall clock does", t_nonce },
	{ "the NTP time of a session's SRs never steps; a new session's is that of now (3550 6.4.1)",
		t_reports });
