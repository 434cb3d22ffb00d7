/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TS_INDEX_H
#define SERVER_MEDIA_FORMAT_TS_INDEX_H

#include "server/media/format/file.h"
#include "server/media/format/ts_clock.h"
#include "server/media/format/ts_psi.h"

/*
 * What is read of a transport stream when it is opened: its clock, and the places where decoding can
 * begin. A file of up to scan_max octets is read whole; of a longer one samples all along it are, that
 * many octets in all, and what lies between two samples that contradict each other. So entries of a
 * long file are some of those that it has, and each of them exact.
 */
#define TS_SCAN_MAX ((uint64_t)256 << 20)
enum {
	TS_SLICE_PACKETS = 7, /* what a datagram of 1316 octets holds (RFC 2250 2) */
	TS_ENTRIES_MAX = 65536
};

/* A packet begins a datagram of its own there, so that decoders see nothing of what stands before it. */
struct ts_entry {
	tick_t npt;
	uint64_t at; /* of the PAT before it, or its own */
};

struct ts_index {
	struct ts_layout layout;
	struct ts_psi psi;
	struct ts_clock clock;
	struct ts_entry *entries; /* owned; ascending */
	uint32_t n_entries;
	uint32_t n_slices;
	uint64_t scan_max; /* TS_SCAN_MAX, or less in a test */
	bool is_sampled;
};

/* psi, layout, scan_max: found and set. ERR_MISSING: no clock; ERR_LIMIT, ERR_TRUNCATED, -errno. Clear it in any case. */
MUST_USE int ts_index_read(struct ts_index *x, const struct media_file *f);
void ts_index_clear(struct ts_index *x);

/* Octets of the file from one slice to the next. */
static inline uint64_t ts_slice_bytes(const struct ts_layout *l)
{
	return (uint64_t)l->stride * TS_SLICE_PACKETS;
}

static inline uint64_t ts_slice_at(const struct ts_layout *l, uint32_t slice)
{
	return l->base + ts_slice_bytes(l) * slice;
}

static inline uint32_t ts_slice_of(const struct ts_layout *l, uint64_t at)
{
	return (uint32_t)((at - l->base) / ts_slice_bytes(l));
}

#endif
