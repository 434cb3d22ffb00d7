/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_CHANNELS_H
#define SERVER_CORE_RTSP_CHANNELS_H

#include <stdbool.h>

#include "server/base/tick.h"
#include "server/core/stats.h"
#include "server/wire/frame.h"

/*
 * What is interleaved with the requests of a connection: which channels are granted, whose the frames on them
 * are, and when media must wait for room.
 */
struct rtsp_session;

/* Grants a pair of channels: the wished one when both are free and differ, else the next free pair.
 * False: none is left. */
bool rtsp_session_take_channels(
	struct rtsp_session *c, int lo, int hi, uint8_t *rtp, uint8_t *rtcp);
/* Takes a pair back that was given up and is still free. */
void rtsp_session_keep_channels(struct rtsp_session *c, uint8_t rtp, uint8_t rtcp);
void rtsp_session_free_channels(struct rtsp_session *c, uint8_t rtp, uint8_t rtcp);
/* Bytes that may wait in its output before stored media wait in their source instead. */
size_t rtsp_session_room(const struct rtsp_session *c);
/* At each turn: tells the media that waited, when half of the room is free. */
void rtsp_session_tell_room(struct rtsp_session *c);

/* A frame has come; on a channel of nobody's it is counted. */
void rtsp_session_on_frame(struct rtsp_session *c, const struct frame *f, tick_t now);
/* conn's on_drop: a frame that was counted as sent is given up. `arg` is the rtsp_session. */
void rtsp_session_on_drop(void *arg, uint16_t tag, size_t n);

/* Ends the sessions whose media has nowhere to go without it. */
void rtsp_session_end_tied(struct rtsp_session *c, enum close_reason why, tick_t now);
/* Does media play over it? */
bool rtsp_session_is_carrying(struct rtsp_session *c);

#endif
