/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/frames.h"
#include "server/media/format/made.h"
#include "server/media/format/readers.h"
#include "server/media/pack/aacconfig.h"

/* AAC in ADTS frames (ISO/IEC 14496-3 1.A.2.2.1). */
enum { FRAME_SAMPLES = 1024 };

static int read_frame(struct bytes b, struct frame *f)
{
	struct adts_header h;
	int err = adts_header_read(b, &h);

	if (err)
		return err;
	f->n = h.frame_n;
	f->header_n = h.header_n;
	f->samples = FRAME_SAMPLES;
	/* several raw_data_blocks: where one ends is known to a decoder only */
	f->skip = h.n_blocks != 1;
	f->like[0] = h.object_type;
	f->like[1] = h.rate_index;
	f->like[2] = h.channel_config;
	return 0;
}

static int make_config(const struct media_file *file, const struct frames *s,
	uint8_t config[AAC_CONFIG_BYTES], struct adts_header *h)
{
	uint8_t *frame = xmalloc(s->first.n);
	int n = media_file_read(file, s->first_at, frame, s->first.n);

	if (!n)
		n = adts_header_read(bytes_of(frame, s->first.n), h);
	if (!n)
		n = aac_config_of_adts(bytes_of(frame, s->first.n), config);
	free(frame);
	return n;
}

static int open_adts(struct movie *m)
{
	struct table_build *b = table_build_new();
	struct frames s = { .read = read_frame };
	struct adts_header h = { 0 };
	uint8_t config[AAC_CONFIG_BYTES];
	struct made_track k = { .id = 1, .codec = { .id = CODEC_AAC } };
	int err = frames_read(&s, &m->file, b), n = err;

	if (!err)
		n = make_config(&m->file, &s, config, &h);
	if (n < 0) {
		movie_note(m, "ADTS: %s",
			s.first.skip ? "frames of several raw data blocks are not read"
				     : "no AAC that can be sent");
		table_build_free(b);
		return n;
	}
	if (s.lost)
		movie_note(m, "ADTS: %llu octets between frames are damaged",
			(unsigned long long)s.lost);
	k.timescale = k.codec.sample_hz = h.sample_hz;
	k.codec.channels = h.channel_config == 7 ? 8 : h.channel_config;
	k.codec.config = bytes_of(config, (size_t)n);
	return made_add(m, &k, b, s.samples);
}

static bool probe_adts(const struct media_file *f, struct bytes head, struct bytes name)
{
	static const char *const extensions[] = { ".aac", ".adts", NULL };

	return made_has_extension(name, extensions) || frames_probe(read_frame, f, head);
}

const struct movie_reader reader_adts = { .name = "ADTS", .probe = probe_adts, .open = open_adts };
