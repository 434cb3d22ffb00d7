/* SPDX-License-Identifier: MIT */
#include "server/base/os.h"
#include "server/media/format/made.h"
#include "server/media/format/readers.h"
#include "server/media/format/sweep.h"
#include "server/media/pack/amr.h"

/* AMR and AMR-WB speech as RFC 4867 5 stores it: a magic number, then frames of 20 ms. */
static const struct kind {
	struct bytes magic;
	enum codec_id codec;
	const struct amr_kind *frames;
} kinds[] = {
	{ { (const uint8_t *)"#!AMR\n", 6 }, CODEC_AMR, &amr_narrow },
	{ { (const uint8_t *)"#!AMR-WB\n", 9 }, CODEC_AMR_WB, &amr_wide },
};

static const struct kind *kind_of(struct bytes head)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (bytes_has_prefix(head, kinds[i].magic))
			return &kinds[i];
	}
	return NULL;
}

struct amr {
	const struct kind *kind;
	struct table_build *build;
	uint64_t samples, lost;
};

/* Frames have no sync word: behind damage, the next octet that may be a header begins one. */
static int read_frames(struct amr *a, struct sweep *w)
{
	uint64_t at = a->kind->magic.n;

	for (;;) {
		struct table_sample s = { .at = at, .dts = a->samples, .is_sync = true };
		struct bytes b;
		int err = sweep_view(w, at, 1, &b);

		if (err)
			return err;
		if (!b.n)
			return 0;
		s.size = (uint32_t)amr_frame_bytes(a->kind->frames, b.p[0]);
		if (!s.size || b.p[0] & 0x83) { /* F and padding are 0 in files */
			at++;
			a->lost++;
			continue;
		}
		if (s.size > w->file->size - at)
			return 0;
		err = table_build_add(a->build, &s);
		if (err)
			return err;
		a->samples += a->kind->frames->ticks;
		at += s.size;
	}
}

static int open_amr(struct movie *m)
{
	uint8_t head[16] = { 0 };
	size_t n = m->file.size < sizeof head ? (size_t)m->file.size : sizeof head;
	struct amr a = { 0 };
	struct sweep w;
	int err = media_file_read(&m->file, 0, head, n);

	if (err)
		return err;
	a.kind = kind_of(bytes_of(head, n));
	if (!a.kind) {
		movie_note(m, "AMR of several channels is not read");
		return ERR_UNSUPPORTED;
	}
	a.build = table_build_new();
	sweep_init(&w, &m->file);
	err = read_frames(&a, &w);
	sweep_clear(&w);
	if (!err && !a.samples)
		err = ERR_TRUNCATED;
	if (err) {
		table_build_free(a.build);
		return err;
	}
	if (a.lost)
		movie_note(m, "AMR: %llu octets are damaged", (unsigned long long)a.lost);
	return made_add(m,
		&(struct made_track){ .id = 1,
			.timescale = a.kind->frames->clock_hz,
			.codec = { .id = a.kind->codec,
				.sample_hz = a.kind->frames->clock_hz,
				.channels = 1 } },
		a.build, a.samples);
}

static bool probe_amr(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return bytes_has_prefix(head, B("#!AMR"));
}

const struct movie_reader reader_amr = { .name = "AMR", .probe = probe_amr, .open = open_amr };
