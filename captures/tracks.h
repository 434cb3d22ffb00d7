/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_TRACKS_H
#define CAPTURES_TRACKS_H

#include "captures/dialog.h"

/* Fills c->tracks from the SETUP replies among c->messages (2326 10.4, 12.39): ports, channels and
 * addresses of every stream that was agreed on. */
void tracks_read(struct dialog_connection *c);

/* What a datagram is to a track. */
struct track_role {
	enum dialog_payload payload; /* DIALOG_RTP, DIALOG_RTCP; DIALOG_OTHER: not of this track */
	bool from_client;
};
struct track_role track_role_of(const struct dialog_connection *c, const struct dialog_track *t,
	const struct host_port *src, const struct host_port *dst);

#endif
