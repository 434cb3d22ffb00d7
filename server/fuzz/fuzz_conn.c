/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/socket.h>

#include "server/fuzz/holds.h"
#include "server/fuzz/world.h"

/*
 * A whole server in virtual time: bytes of several clients, in pieces, with time between them, and datagrams
 * to its media ports. Holds: no assert, no leak, no loop that spins, buffers within their caps, whatever
 * comes back is a reply or a frame, no more replies than requests, counters that add up, nothing left at
 * the end.
 *
 * Input: one octet of flags, then text for the client at hand. ESC and a letter is a command (on_command).
 */
enum {
	ESC = 0xf5,
	PACKETS_MAX = 1500, /* then time stands still: enough was played */
	SECONDS_MAX = 100,  /* of one input */
};

static void put_text(struct client *c, unsigned what)
{
	char text[64];
	uint8_t ssrc[4];

	put_be32(ssrc, c->ssrc);
	(void)snprintf(text, sizeof text, "%u-%u", world.udp_port, world.udp_port + 1u);
	if (what == 'S')
		client_put(c, bytes_str(c->session[0] ? c->session : world.session));
	else if (what == 'I')
		client_put(c, bytes_of(ssrc, sizeof ssrc));
	else
		client_put(c, bytes_str(text));
}

static void pass(struct client *c, tick_t span)
{
	client_flush(c);
	if (world.clock - world.began < SECONDS_MAX * TICK_S)
		world_run(span, PACKETS_MAX);
}

/* Commands; those with an argument take one more octet. */
static void on_command(unsigned what, unsigned arg)
{
	struct client *c = world.at;

	switch (what) {
	case '0' ... '3': world.at = &world.clients[what - '0']; break;
	case 'S':                           /* the session's id */
	case 'I':                           /* the stream's SSRC */
	case 'P': put_text(c, what); break; /* the client's ports */
	case 'A': client_log_in(c); break;
	case 'B': client_encode(c); break;
	case '*': client_repeat(c, arg); break;
	case 'f': client_flush(c); break;
	case 't': pass(c, arg * 10 * TICK_MS); break;
	case 'T': pass(c, arg * TICK_S); break;
	case 'd': c->is_deaf = !c->is_deaf; break;
	case 'x': client_hang_up(c); break;
	case 'h':
		client_flush(c);
		(void)shutdown(c->fd, SHUT_WR);
		world_settle();
		break; /* also of -1 */
	case 'u': client_datagram(c, world.udp[0], 0); break;
	case 'v': client_datagram(c, world.udp[1], 1); break;
	case 'w': client_datagram(c, world.third, 1); break;
	}
	clients_listen();
}

static void play_input(struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != ESC) {
			client_put(world.at, bytes_sub(in, i, 1));
			continue;
		}
		unsigned what = i + 1 < in.n ? in.p[i + 1] : 0;
		unsigned arg = i + 2 < in.n ? in.p[i + 2] : 0;
		i += what == 't' || what == 'T' || what == '*' ? 2 : 1;
		on_command(what, arg);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.udp_port)
		world_init();
	if (size == 0)
		return 0;
	world.flags = data[0];
	world_open();
	play_input(bytes_of(data + 1, size - 1));
	world_close();
	return 0;
}
