/* SPDX-License-Identifier: MIT */
#include "server/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "server/base/buf.h"
#include "server/base/utf8.h"
#include "server/core/rtsp_methods.h"
#include "server/media/format/movie.h"
#include "server/media/pack/block.h"
#include "server/media/source.h"
#include "server/media/title.h"

enum { SDP_MAX = 64 << 10, DATE_TEXT = 32, TIME_TEXT = 32, RTP_HEADER = 12 };

/* What the packets of a track come to. */
struct tally {
	uint64_t packets, octets; /* octets of payloads */
	uint64_t sync_packets;
	uint32_t longest;
	bool is_cut; /* more than DESCRIBE_BLOCKS_MAX */
	int err;     /* what ended the count, at unit `at` */
	uint32_t at;
};

static struct tally tally_of(const struct movie *m, uint32_t track)
{
	const struct stream *s = m->streams[track];
	struct tally t = { 0 };
	struct block *b;

	for (uint32_t blocks = 0; t.at < s->n_units; blocks++) {
		if (blocks == DESCRIBE_BLOCKS_MAX) {
			t.is_cut = true;
			break;
		}
		t.err = s->ops->fill(s, &m->file, track, t.at, &b);
		if (t.err)
			break;
		for (uint32_t i = 0; i < b->n_rows; i++) {
			t.packets++;
			t.octets += b->rows[i].n;
			t.sync_packets += b->rows[i].sync;
			t.longest = b->rows[i].n > t.longest ? b->rows[i].n : t.longest;
		}
		uint32_t next = b->next;
		block_unref(b);
		if (next <= t.at) {
			t.err = ERR_CORRUPT;
			break;
		}
		t.at = next;
	}
	return t;
}

/* Average of RTP packets with their headers; 0 when it is not known. */
static uint64_t tally_bps(const struct tally *t, tick_t duration)
{
	if (duration <= 0 || duration == TICK_NEVER)
		return 0;
	return (uint64_t)((double)(t->octets + t->packets * RTP_HEADER) * 8.0 * (double)TICK_S /
			  (double)duration);
}

/* "2026-11-22T20:15:00Z", or "" when the file does not say. */
static const char *date_text(int64_t ns, char *text)
{
	time_t t = (time_t)(ns / TICK_S);
	struct tm tm;

	if (ns == 0 || !gmtime_r(&t, &tm) || !strftime(text, DATE_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
	return text;
}

/* "1:02:03.456" */
static const char *time_text(tick_t t, char *text)
{
	int64_t ms = (t + TICK_MS / 2) / TICK_MS;

	if (t == TICK_NEVER)
		(void)snprintf(text, TIME_TEXT, "endless");
	else
		(void)snprintf(text, TIME_TEXT, "%" PRId64 ":%02d:%02d.%03d", ms / 3600000,
			(int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
	return text;
}

/* A file's own words: nothing that moves a terminal's cursor. */
static void put_clean(FILE *f, struct bytes b)
{
	while (b.n) {
		size_t n = utf8_length(b);

		if (n)
			(void)fwrite(b.p, 1, n, f);
		else if (*b.p != '\r')
			(void)fputc(*b.p == '\n' ? '\n' : '?', f);
		b = bytes_sub(b, n ? n : 1, b.n);
	}
}

/* ---- for people ---- */

static void text_track(FILE *f, const struct movie *m, uint32_t i, const struct tally *t)
{
	const struct stream *s = m->streams[i];
	char text[TIME_TEXT];

	(void)fprintf(f, "\n%s  ", s->control);
	put_clean(f, bytes_str(s->title));
	(void)fprintf(f, "\n  sent as      %s, RTP payload type %u, clock %" PRIu32 " Hz (%s)\n",
		s->media_type, s->payload_type, s->clock_hz, s->ops->kind);
	(void)fprintf(f, "  duration     %s\n", time_text(s->duration, text));
	if (s->language[0]) {
		(void)fprintf(f, "  language     ");
		put_clean(f, bytes_str(s->language));
		(void)fputc('\n', f);
	}
	if (s->n_syncs)
		(void)fprintf(f, "  sync points  %" PRIu32 " in %" PRIu32 " units\n", s->n_syncs,
			s->n_units);
	else
		(void)fprintf(f, "  sync points  everywhere, %" PRIu32 " units\n", s->n_units);
	if (s->bitrate_bps)
		(void)fprintf(f, "  announced    %" PRIu32 " kbit/s\n", s->bitrate_bps / 1000);
	if (!t)
		return;
	(void)fprintf(f, "  packets      %s%" PRIu64, t->is_cut ? "at least " : "", t->packets);
	if (t->packets)
		(void)fprintf(f,
			", payloads of %" PRIu64 " octets on average, %" PRIu32 " at most, %" PRIu64
			" kbit/s",
			t->octets / t->packets, t->longest, tally_bps(t, s->duration) / 1000);
	(void)fputc('\n', f);
	if (t->err)
		(void)fprintf(
			f, "  broken       at unit %" PRIu32 ": %s\n", t->at, err_text(t->err));
}

static void text_notes(FILE *f, struct bytes notes)
{
	if (!notes.n)
		return;
	(void)fprintf(f, "\nLeft out:\n");
	put_clean(f, notes);
	if (notes.p[notes.n - 1] != '\n')
		(void)fputc('\n', f);
}

static void text_head(FILE *f, const struct movie *m, const char *path)
{
	char text[DATE_TEXT > TIME_TEXT ? DATE_TEXT : TIME_TEXT];

	put_clean(f, bytes_str(path));
	(void)fprintf(f, "\n  format       %s\n", m->format);
	(void)fprintf(f, "  duration     %s\n", time_text(m->duration, text));
	(void)fprintf(f, "  size         %" PRIu64 " octets\n", m->file.size);
	if (date_text(m->created_ns, text)[0])
		(void)fprintf(f, "  created      %s\n", text);
}

/* ---- for programs ---- */

static void json_string(FILE *f, struct bytes b)
{
	(void)fputc('"', f);
	while (b.n) {
		size_t n = utf8_length(b);
		uint8_t c = *b.p;

		if (c == '"' || c == '\\')
			(void)fprintf(f, "\\%c", c);
		else if (c == '\n' || c == '\r')
			(void)fputs(c == '\n' ? "\\n" : "\\r", f);
		else if (n)
			(void)fwrite(b.p, 1, n, f);
		else /* what is no UTF-8 as if it were Latin-1 */
			(void)fprintf(f, "\\u%04x", c);
		b = bytes_sub(b, n ? n : 1, b.n);
	}
	(void)fputc('"', f);
}

static void json_member(FILE *f, const char *name, const char *value)
{
	(void)fprintf(f, "\"%s\": ", name);
	json_string(f, bytes_str(value));
}

/* Seconds, or null for what has no end. */
static void json_seconds(FILE *f, const char *name, tick_t t)
{
	if (t == TICK_NEVER)
		(void)fprintf(f, "\"%s\": null", name);
	else
		(void)fprintf(f, "\"%s\": %.6f", name, (double)t / (double)TICK_S);
}

static void json_track(FILE *f, const struct movie *m, uint32_t i, const struct tally *t)
{
	const struct stream *s = m->streams[i];

	(void)fprintf(f, "%s\n    {", i ? "," : "");
	json_member(f, "control", s->control);
	(void)fprintf(f, ", \"id\": %" PRIu32 ", ", s->id);
	json_member(f, "title", s->title);
	(void)fprintf(f, ", ");
	json_member(f, "kind", s->ops->kind);
	(void)fprintf(f, ", ");
	json_member(f, "media", s->media_type);
	(void)fprintf(f, ", ");
	json_member(f, "language", s->language);
	(void)fprintf(f, ",\n     \"payload_type\": %u, \"clock_hz\": %" PRIu32 ", ",
		s->payload_type, s->clock_hz);
	json_seconds(f, "duration_s", s->duration);
	(void)fprintf(f,
		", \"units\": %" PRIu32 ", \"sync_points\": %" PRIu32
		", \"announced_bps\": %" PRIu32,
		s->n_units, s->n_syncs, s->bitrate_bps);
	if (t) {
		(void)fprintf(f,
			",\n     \"packets\": %" PRIu64 ", \"payload_octets\": %" PRIu64
			", \"payload_max\": %" PRIu32 ", \"sync_packets\": %" PRIu64
			", \"bps\": %" PRIu64 ", \"complete\": %s",
			t->packets, t->octets, t->longest, t->sync_packets,
			tally_bps(t, s->duration), t->is_cut || t->err ? "false" : "true");
		if (t->err)
			(void)fprintf(f, ", \"broken_at\": %" PRIu32 ", \"error\": \"%s\"", t->at,
				err_name(t->err));
	}
	(void)fprintf(f, "}");
}

static void json_notes(FILE *f, struct bytes notes)
{
	const char *between = "";

	(void)fprintf(f, "  \"left_out\": [");
	while (notes.n) {
		const uint8_t *end = memchr(notes.p, '\n', notes.n);
		size_t n = end ? (size_t)(end - notes.p) : notes.n;
		(void)fputs(between, f);
		json_string(f, bytes_of(notes.p, n));
		notes = bytes_sub(notes, n + (end != NULL), notes.n);
		between = ", ";
	}
	(void)fprintf(f, "],\n");
}

static void json_head(FILE *f, const struct movie *m, const char *path)
{
	char date[DATE_TEXT];

	(void)fprintf(f, "{\n  ");
	json_member(f, "file", path);
	(void)fprintf(f, ", ");
	json_member(f, "format", m->format);
	(void)fprintf(f, ", ");
	json_seconds(f, "duration_s", m->duration);
	(void)fprintf(f, ", \"octets\": %" PRIu64 ", ", m->file.size);
	json_member(f, "created", date_text(m->created_ns, date));
	(void)fprintf(f, ",\n  \"tracks\": [");
}

/* ---- both ---- */

static void write_all(const struct describe_options *o, FILE *out, const struct movie *m,
	struct bytes notes, struct bytes sdp)
{
	struct tally tally;

	(o->as_json ? json_head : text_head)(out, m, o->path);
	for (uint32_t i = 0; i < m->n_streams; i++) {
		if (!o->is_quick)
			tally = tally_of(m, i);
		(o->as_json ? json_track : text_track)(out, m, i, o->is_quick ? NULL : &tally);
	}
	if (o->as_json) {
		(void)fprintf(out, "],\n");
		json_notes(out, notes);
		(void)fprintf(out, "  \"sdp\": ");
		json_string(out, sdp);
		(void)fprintf(out, "\n}\n");
	} else {
		text_notes(out, notes);
		(void)fprintf(out, "\nSession description:\n");
		put_clean(out, sdp);
	}
}

/* err, in the words of who looks for a film. */
static const char *reason_text(int err, bool has_notes)
{
	switch (err) {
	case ERR_UNSUPPORTED:
		return has_notes ? "cannot be streamed" : "cannot be streamed: no known format";
	case -ENODATA: return "the file is empty";
	case -ENXIO: return "neither a file nor a folder";
	default: return err_text(err);
	}
}

/* One line: the notes, or what the error means. */
static void complain(FILE *f, const char *path, int err, struct bytes notes)
{
	(void)fprintf(f, "beagle-server: ");
	put_clean(f, bytes_str(path));
	(void)fprintf(f, ": %s", reason_text(err, notes.n > 0));
	while (notes.n) {
		const uint8_t *end = memchr(notes.p, '\n', notes.n);
		size_t n = end ? (size_t)(end - notes.p) : notes.n;
		(void)fputs("; ", f);
		put_clean(f, bytes_of(notes.p, n));
		notes = bytes_sub(notes, n + (end != NULL), notes.n);
	}
	(void)fputc('\n', f);
}

int describe(const struct describe_options *o, FILE *out, FILE *errors)
{
	struct source_place place = { .host = { 0 } };
	struct title *t = NULL;
	struct buf notes, sdp;

	buf_init(&notes, MOVIE_NOTES_BYTES_MAX);
	buf_init(&sdp, SDP_MAX);
	int err = title_open_path(o->path, &notes, &t);
	if (!err) {
		struct source *s = title_source(t, media_io_sync());
		err = source_describe(s, &place, &sdp);
		if (!err)
			err = rtsp_put_etag(&sdp);
		source_free(s);
	}
	if (err)
		complain(errors, o->path, err, buf_bytes(&notes));
	else
		write_all(o, out, title_movie(t), buf_bytes(&notes), buf_bytes(&sdp));
	title_unref(t);
	buf_clear(&notes);
	buf_clear(&sdp);
	return err ? 1 : 0;
}
