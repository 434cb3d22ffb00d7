/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_STEPS_H
#define SERVER_CORE_RTSP_STEPS_H

#include "server/core/rtsp_txn.h"

/* What is done with a request in each phase from Filtering to PostProcessing. */
enum step {
	STEP_NEXT,    /* on to the next phase */
	STEP_REPLIED, /* the reply is written: on to PostProcessing */
	STEP_WAIT,    /* again after a signal, or at t->wake_at */
	STEP_AWAY,    /* it is with another worker, or another process */
};

/* Takes the step of t->phase, which stays. */
enum step rtsp_step(struct rtsp_txn *t, tick_t now);

#endif
