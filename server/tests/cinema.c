/* SPDX-License-Identifier: MIT */
#include "server/tests/cinema.h"

#include <stdio.h>

#include "server/tests/unit.h"

#define VIDEO_TCP "RTP/AVP/TCP;unicast;interleaved=0-1"
#define AUDIO_TCP "RTP/AVP/TCP;unicast;interleaved=2-3"

void cinema_open(struct cinema *x)
{
	sim_open_with(&x->s, 1, &film_module);
	x->v = (struct film_viewer){ 0 };
	sim_connect(&x->c, &x->s, 0);
	x->c.on_frame = film_view;
	x->c.arg = &x->v;
}

void cinema_setup(struct cinema *x)
{
	CU_ASSERT_EQUAL(sim_setup(&x->c, "/film/trackID=1", VIDEO_TCP), 200);
	CU_ASSERT_EQUAL(sim_setup(&x->c, "/film/trackID=2", AUDIO_TCP), 200);
}

void cinema_close(struct cinema *x)
{
	sim_hang_up(&x->c);
	sim_close(&x->s);
}

uint32_t cinema_came(const struct cinema *x)
{
	return x->v.n[0] + x->v.n[1];
}

struct rtp_session *cinema_session(struct cinema *x)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(x->s.workers[0].sessions);
	return x->s.workers[0].sessions;
}

void cinema_check(const struct cinema *x)
{
	CU_ASSERT_EQUAL(x->v.lost, 0);
	CU_ASSERT_EQUAL(x->v.repeated, 0);
	CU_ASSERT_EQUAL(x->v.torn, 0);
	CU_ASSERT_EQUAL(x->v.undecodable, 0);
}

double cinema_range(struct cinema *x)
{
	char text[64];
	double npt = -1;

	sim_header(&x->c, RTSP_H_RANGE, text, sizeof text);
	CU_ASSERT_EQUAL(sscanf(text, "npt=%lf-", &npt), 1);
	return npt;
}
