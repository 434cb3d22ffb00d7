/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TS_PSI_H
#define SERVER_MEDIA_FORMAT_TS_PSI_H

#include <stdbool.h>
#include <stdint.h>

#include "server/media/format/ts_packet.h"

/*
 * What a transport stream says of itself (ISO/IEC 13818-1 2.4.4): the first program of its PAT, and of
 * that program's PMT the PID that carries the clock and the one that carries the pictures. Embedded,
 * owns nothing.
 */
enum { TS_SECTION_MAX = 1024, TS_PID_PAT = 0 };

struct ts_psi {
	uint16_t pmt_pid, pcr_pid, video_pid; /* TS_PID_NONE: not known yet, or there is none */
	uint8_t video_type;                   /* stream_type */
	uint32_t n_programs;
	bool has_pat, has_pmt;
	uint8_t section[TS_SECTION_MAX]; /* of the PMT, as far as it has come */
	size_t section_n;
};

void ts_psi_init(struct ts_psi *s);
/* Takes in a packet of any PID. The first PAT and the first PMT count. */
void ts_psi_add(struct ts_psi *s, const struct ts_packet *p);

/*
 * Whether a decoder can begin with this packet of the video PID: it says so, or (many a broadcast does not)
 * a picture's run of headers begins in it.
 */
bool ts_psi_is_entry(const struct ts_psi *s, const struct ts_packet *p);

#endif
