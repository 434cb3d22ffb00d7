/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_SDP_H
#define CONFORMANCE_ORACLE_OX_SDP_H

#include "conformance/oracle/ox_fields.h"
#include "conformance/oracle/ox_finding.h"
#include "server/base/err.h"

/* Facts of a session description. Views borrow from the text. */
enum { OX_MAX_MEDIA = 32, OX_MAX_FORMATS = 32 };

/* One format of an RTP media section. */
struct ox_format {
	struct bytes text; /* as in the m= line */
	bool is_pt;
	uint8_t pt;
	struct bytes encoding; /* of rtpmap, or of the static table; empty: unknown */
	uint32_t clock_hz;     /* 0: unknown */
	unsigned channels;     /* 1 when not given */
	bool has_rtpmap;
	struct bytes fmtp; /* parameters, without the format */
};
struct ox_media {
	size_t at; /* offset of its m= line */
	struct bytes type, proto, control;
	uint32_t port, n_ports;
	struct ox_format formats[OX_MAX_FORMATS];
	size_t n_formats;
	bool has_connection, has_range;
	struct bytes connection; /* address of its c= */
	struct ox_range range;
	uint32_t as_kbps; /* b=AS; 0: none */
	bool has_extmap, has_as;
};
struct ox_sdp {
	struct bytes text;
	struct bytes name, session_id, session_version, control, connection, tool;
	bool has_connection, has_range;
	struct ox_range range;
	uint32_t as_kbps;
	bool has_extmap, has_as;
	struct ox_media media[OX_MAX_MEDIA];
	size_t n_media;  /* all that were met, also those beyond OX_MAX_MEDIA */
	size_t bad_line; /* number (from 1) and offset of the first line that breaks the grammar; */
	size_t bad_at;   /* bad_line 0: the whole text derives from the grammar */
	const char *bad_why;
};

/*
 * Reads a description by RFC 4566 and by RTSP's use of it (2326 Appendix C), and lists every clause
 * it breaks (SDP-, RTSP-C, H264-8, AAC-, PROF- rules), each with the offset in the text. Answers 0 when
 * the grammar holds, else ERR_SYNTAX; the facts hold what could be read either way.
 */
int ox_sdp_read(struct bytes text, struct ox_sdp *s, struct ox_findings *fs);

/* The media section with that control URL (compared as text, then resolved against base), or NULL. */
const struct ox_media *ox_sdp_media_by_url(
	const struct ox_sdp *s, struct bytes base, struct bytes url);
/* The media section's format with that payload type, or NULL. */
const struct ox_format *ox_media_format(const struct ox_media *m, uint8_t pt);
/* Value of one parameter in an fmtp ("packetization-mode"), any case; empty when absent. */
struct bytes ox_fmtp_value(struct bytes fmtp, const char *name);

#endif
