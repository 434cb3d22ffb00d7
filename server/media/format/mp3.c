/* SPDX-License-Identifier: MIT */
#include "server/media/format/frames.h"
#include "server/media/format/made.h"
#include "server/media/format/readers.h"
#include "server/media/pack/mpegaudio.h"

/* MPEG audio of any layer as bare frames, with the tags that people put around them. */

static int read_frame(struct bytes b, struct frame *f)
{
	struct mpa_header h;
	struct mpa_info info;
	int err = mpa_header_read(b, &h);

	if (err)
		return err;
	f->n = h.frame_n;
	f->samples = h.frame_samples;
	f->skip = h.frame_n <= b.n && mpa_info_read(bytes_sub(b, 0, h.frame_n), &info);
	f->like[0] = h.version;
	f->like[1] = h.layer;
	put_be32(f->like + 2, h.sample_hz);
	return 0;
}

/* Says why there is nothing to be sent. */
static void note_none(struct movie *m)
{
	uint8_t head[MPA_HEADER_BYTES];
	struct mpa_header h;

	if (media_file_read(&m->file, 0, head, sizeof head) == 0 &&
		mpa_header_read(bytes_of(head, sizeof head), &h) == ERR_UNSUPPORTED)
		movie_note(
			m, "MPEG audio of free format, whose frames have no length, is not read");
	else
		movie_note(m, "no MPEG audio frames found");
}

static int open_mp3(struct movie *m)
{
	struct table_build *b = table_build_new();
	struct frames s = { .read = read_frame };
	struct made_track k = { .id = 1, .codec = { .id = CODEC_MPA } };
	int err = frames_read(&s, &m->file, b);

	if (err) {
		if (err == ERR_UNSUPPORTED)
			note_none(m);
		table_build_free(b);
		return err;
	}
	if (s.lost)
		movie_note(m, "MPEG audio: %llu octets between frames are no frames",
			(unsigned long long)s.lost);
	k.timescale = k.codec.sample_hz = be32(s.first.like + 2);
	return made_add(m, &k, b, s.samples);
}

static bool probe_mp3(const struct media_file *f, struct bytes head, struct bytes name)
{
	static const char *const extensions[] = { ".mp3", ".mp2", ".mp1", ".mpa", NULL };

	return made_has_extension(name, extensions) || frames_probe(read_frame, f, head);
}

const struct movie_reader reader_mp3 = {
	.name = "MPEG audio", .probe = probe_mp3, .open = open_mp3
};
