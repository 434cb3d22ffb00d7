/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_SDP_PARTS_H
#define CONFORMANCE_ORACLE_OX_SDP_PARTS_H

#include "conformance/oracle/ox_sdp.h"

/* The inside of the SDP reader: for ox_sdp*.c only. */
struct ox_sdp_reader {
	struct ox_sdp *s;
	struct ox_findings *fs;
	struct ox_media *m;       /* section that the lines belong to; NULL: session level */
	struct ox_media overflow; /* sections beyond OX_MAX_MEDIA go here */
	size_t line;              /* number, from 1 */
	size_t at;                /* offset of the line */
	struct bytes value;       /* of the line, after '=' */
	uint8_t last_letter;      /* of the line before; 0: none */
	int rank;                 /* how far the order has come in this section */
	unsigned seen[26];        /* lines of each letter in this section */
	unsigned session_seen[26];
	unsigned directions; /* sendrecv and the like in this section */
	bool has_control;    /* in this section */
};

/* A finding about the value at `at` (offset in it) that also breaks the grammar. */
void ox_sdp_bad(
	struct ox_sdp_reader *r, enum ox_rule rule, size_t at, const char *why, struct bytes got);
/* A finding that leaves the grammar whole. */
struct ox_finding *ox_sdp_remark(
	struct ox_sdp_reader *r, enum ox_rule rule, size_t at, const char *why, struct bytes got);
/* Exactly n sub-fields parted by single blanks, into v; `n_max` fields at most. Answers how many
 * there are; blanks too many are reported once (SDP-5-05). */
size_t ox_sdp_fields(struct ox_sdp_reader *r, struct bytes *v, size_t n_max);

/* ox_sdp_lines.c: the value of one line, by its letter; letters of the grammar only */
void ox_sdp_line(struct ox_sdp_reader *r, uint8_t letter);
/* ox_sdp_attrs.c */
void ox_sdp_attribute(struct ox_sdp_reader *r);
/* ox_sdp_codecs.c: a media section is complete; the description is */
void ox_sdp_media_end(struct ox_sdp_reader *r, struct ox_media *m);
/* Static payload type (3551 tables 4 and 5): false when it has no meaning. */
bool ox_static_format(uint8_t pt, struct bytes *encoding, uint32_t *clock_hz, unsigned *channels);

#endif
