/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TS_PACKET_H
#define SERVER_MEDIA_FORMAT_TS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/media/format/sweep.h"

/* Transport packets (ISO/IEC 13818-1 2.4.3), and how they lie in a file. */
enum {
	TS_PACKET_BYTES = 188,
	TS_SYNC = 0x47,
	TS_PID_NONE = 0x1fff, /* the null packets' */
	TS_HZ = 27000000      /* of the system clock, which PCRs count */
};
/* PCRs count modulo this. */
#define TS_PCR_WRAP ((uint64_t)300 << 33)

struct ts_packet {
	uint16_t pid;
	bool starts;        /* payload_unit_start_indicator */
	bool jumps;         /* discontinuity_indicator */
	bool random_access; /* random_access_indicator */
	bool has_pcr;
	uint64_t pcr;         /* of 27 MHz */
	struct bytes payload; /* empty when scrambled */
};

/* p: TS_PACKET_BYTES octets, the first of them the sync byte. Views borrow. False: damaged. */
bool ts_packet_read(const uint8_t *p, struct ts_packet *out);

/* Packets of 188 octets, or 192 (a time stamp before each), or 204 (parity behind each). */
struct ts_layout {
	uint64_t base;   /* where the first packet begins */
	uint32_t stride; /* from one to the next */
};

/* Finds it in the first octets of a file (of which there is no more when is_all). False: there are not
 * some packets one behind the other. */
bool ts_layout_find(struct bytes head, bool is_all, struct ts_layout *l);

/*
 * Goes from packet to packet through a part of a file, past damage to the next place where packets
 * follow each other again. Embedded; one thread; clear it.
 */
struct ts_walk {
	struct sweep sweep;
	uint32_t stride;
	/* the next packet to look for begins at or after `at`, and before `end` */
	uint64_t at, end;
	bool in_sync;
};
void ts_walk_init(struct ts_walk *w, const struct media_file *f, const struct ts_layout *l);
void ts_walk_clear(struct ts_walk *w);
/* Walks the packets that begin in [from, to). */
void ts_walk_to(struct ts_walk *w, uint64_t from, uint64_t to);
/* The next one: *at its place, *p its octets (until the next call). ERR_END, or what reading the file ran
 * into. */
MUST_USE int ts_walk_next(struct ts_walk *w, uint64_t *at, const uint8_t **p);

#endif
