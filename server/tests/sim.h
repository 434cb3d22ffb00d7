/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_SIM_H
#define SERVER_TESTS_SIM_H

#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/wire/rtsp.h"

/*
 * A whole server in virtual time, in one thread: its workers' loops are turned by the test, which moves
 * the clock from deadline to deadline. Clients are real sockets on loopback.
 */
enum { SIM_WORKERS_MAX = 2, SIM_BYTES = 1 << 20, SIM_MODULES_MAX = 4 };

struct sim {
	tick_t clock;
	struct prefs prefs;
	struct server server;
	struct worker workers[SIM_WORKERS_MAX];
};

void sim_open(struct sim *s, unsigned workers);
/* With a module of the test's own behind those for pattern and files. */
void sim_open_with(struct sim *s, unsigned workers, const struct module *more);
/* With several; `setting` (may be NULL) is a preference of one, as --set has it. */
void sim_open_modules(struct sim *s, unsigned workers, const struct module *const *more, size_t n,
	const char *setting);
/* Drains and frees; checks that nothing is left. */
void sim_close(struct sim *s);
/* Turns the loops until nothing is ready; the clock stands still. */
void sim_settle(struct sim *s);
/* Lets time pass. */
void sim_run(struct sim *s, tick_t span);

/* A client: one connection, and the frames and the reply that came over it. */
struct sim_client {
	struct sim *sim;
	int fd;
	int post; /* > 0: descriptor of a tunnel's POST, over which it sends, in base64 */
	uint32_t cseq;
	struct buf in;
	struct arena arena;
	struct rtsp_msg reply; /* of the last ask; views die with the next */
	struct buf raw;
	char session[32];
	void (*on_frame)(void *arg, uint8_t channel, struct bytes payload);
	void *arg;
};

/* Connects to worker n. */
void sim_connect(struct sim_client *c, struct sim *s, unsigned worker);
/* From another address of the loopback. */
void sim_connect_from(struct sim_client *c, struct sim *s, unsigned worker, const char *host);
/* And to another one of the server's. */
void sim_connect_to(
	struct sim_client *c, struct sim *s, unsigned worker, const char *host, const char *local);
void sim_hang_up(struct sim_client *c);
/* Sends bytes as they are. */
void sim_send(struct sim_client *c, const char *text);
void sim_send_bytes(struct sim_client *c, struct bytes v);
/* Takes what is there into c->in. */
void sim_take(struct sim_client *c);
/* Takes the next reply off the connection (frames before it go to on_frame): its status, or 0 when none
 * is there. */
int sim_reply(struct sim_client *c);
/* Takes the frames that are there. */
void sim_frames(struct sim_client *c);
/* One request with CSeq and, when there is one, Session; `headers` are whole lines. The status. */
int sim_ask(struct sim_client *c, const char *method, const char *path, const char *headers);
#define SIM_INTERLEAVED "RTP/AVP/TCP;unicast;interleaved=0-1"
/* SETUP; notes the session. */
int sim_setup(struct sim_client *c, const char *path, const char *transport);
/* Header of the last reply as a string in `dst`. */
const char *sim_header(struct sim_client *c, enum rtsp_header_id id, char *dst, size_t cap);

/* A pair of UDP ports of a client. */
struct sim_ports {
	int fd[2];
	uint16_t port;
};
void sim_ports_open(struct sim_ports *p);
void sim_ports_close(struct sim_ports *p);
/* SETUP with these ports. */
int sim_setup_udp(struct sim_client *c, const struct sim_ports *p, const char *path);
/* One datagram that is there: its length, or -1. */
int sim_ports_read(struct sim_ports *p, int which, uint8_t *dst, size_t cap);

#endif
