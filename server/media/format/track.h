/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TRACK_H
#define SERVER_MEDIA_FORMAT_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/media/format/language.h"
#include "server/media/format/table.h"

/* One track of a movie (ISO/IEC 14496-12 8.3 …), as far as streaming needs it. Views borrow from the
 * moov box. */
enum { TRACK_REFS_MAX = 16, TIMESCALE_SECONDS_MAX = 1000000000 };

/* Presentation = decode time - media_time + delay, in seconds of the respective scale (edit list:
 * empty edits first, then the first real one; later edits don't reach into a stream). */
struct edit {
	int64_t media_time; /* in the track's timescale */
	uint64_t delay;     /* in the movie's timescale */
	uint64_t length;    /* of what is shown, in the movie's timescale; 0: to the end */
	bool has_more;      /* further edits that show something */
	bool has_rate;      /* it asks for another rate than 1: played at 1 */
};

struct track {
	uint32_t id;
	uint32_t handler; /* FOURCC: vide, soun, hint … */
	uint32_t timescale;
	struct edit edit;
	struct table table;
	uint8_t *made;     /* what the table looks into when fragments have made it; else NULL */
	struct bytes stsd; /* entries only */
	uint32_t n_stsd;
	bool is_iso_stsd; /* its version is not 0 */
	bool is_enabled;
	bool is_external;  /* its data lie in another file */
	bool is_chapters;  /* of another track; mp4.c finds that out */
	uint16_t group;    /* of alternates; 0: none */
	uint16_t rotation; /* degrees clockwise: 0, 90, 180, 270 */
	char language[LANGUAGE_TAG_MAX];
	uint32_t chapters; /* tref/chap: the first track it names, 0: none */
	/* hint tracks (14496-12 Annex, QuickTime "hint media") */
	uint32_t refs[TRACK_REFS_MAX]; /* track ids, tref/hint */
	uint32_t n_refs;
	struct bytes sdp;    /* udta/hnti/sdp */
	uint32_t rtp_scale;  /* stsd "rtp " tims; 0: none */
	uint32_t packet_max; /* its maxpacketsize */
};

/* trak: the box's body. 0, ERR_CORRUPT, ERR_MISSING. Clear it in any case. */
MUST_USE int track_read(struct track *t, struct bytes trak);
void track_clear(struct track *t);

/* When sample n is presented, in ns of NPT. */
tick_t track_presentation(const struct track *t, uint32_t n, uint32_t movie_timescale);

/* value * num / den, rounded down (towards minus infinity); den > 0. Saturates. */
int64_t scale_floor(int64_t value, uint64_t num, uint64_t den);
/* The same, rounded to the nearest. */
int64_t scale_near(int64_t value, uint64_t num, uint64_t den);

/* Sample description entry `index` (from 1), with its header; the empty view when there is none. */
struct bytes track_description(const struct track *t, uint32_t index);

#endif
