/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "server/base/os.h"
#include "server/tests/mp4_maker.h"
#include "server/tests/unit.h"

/* Headers of MP4 files that are compressed, or broken. */

/* ---- a compressed header ---- */

static void put_cmov(struct buf *out, struct bytes moov, const char *method, uint32_t said)
{
	uLongf n = compressBound((uLong)moov.n);
	uint8_t *packed = xmalloc(n);
	size_t outer = mp4file_open(out, "moov"), cmov = mp4file_open(out, "cmov"), box;

	CU_ASSERT_EQUAL(compress(packed, &n, moov.p, (uLong)moov.n), Z_OK);
	box = mp4file_open(out, "dcom");
	mp4file_put(out, bytes_str(method));
	mp4file_close(out, box);
	box = mp4file_open(out, "cmvd");
	mp4file_put32(out, said);
	mp4file_put(out, bytes_of(packed, n));
	mp4file_close(out, box);
	mp4file_close(out, cmov);
	mp4file_close(out, outer);
	free(packed);
}

static void t_compressed(void)
{
	static const struct {
		const char *method;
		int more, err;
	} cases[] = { { "zlib", 0, 0 }, { "zlib", -1, ERR_CORRUPT }, { "bzip", 0, ERR_UNSUPPORTED },
		{ "zlib", 1 << 30, ERR_LIMIT } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mp4_maker k;
		struct mp4_opened o;
		struct buf moov;
		size_t mdat;

		mp4_maker_init(&k);
		buf_init(&moov, MP4_FILE_MAX);
		buf_init(&o.file, MP4_FILE_MAX);
		mdat = mp4file_open(&o.file, "mdat");
		mp4file_put(&o.file, k.file.tracks[0].data);
		mp4file_put(&o.file, k.file.tracks[1].data);
		mp4file_close(&o.file, mdat);
		mp4file_write_moov(&k.file, 8, &moov);
		put_cmov(&o.file, buf_bytes(&moov), cases[i].method,
			(uint32_t)((int)moov.n + cases[i].more));
		mp4_open_bytes(&o, buf_bytes(&o.file));
		CU_ASSERT_EQUAL(o.err, cases[i].err);
		if (!o.err)
			mp4_check_sound(&o, 1, 160, 160);
		buf_clear(&moov);
		mp4_close(&o);
		mp4_maker_clear(&k);
	}
}

/* ---- faults ---- */

/* So many blocks of every stream. */
static void pull(struct bytes file, unsigned blocks)
{
	struct movie m = { 0 };

	media_file_open_memory(&m.file, file);
	if (movie_open(&m, B("x.mp4")) == 0) {
		for (uint32_t i = 0; i < m.n_streams; i++) {
			const struct stream *s = m.streams[i];
			struct block *b;
			uint32_t unit = 0;

			for (unsigned k = 0; k < blocks && unit < s->n_units; k++) {
				if (s->ops->fill(s, &m.file, i, unit, &b))
					break;
				CU_ASSERT_FATAL(b->next > unit);
				unit = b->next;
				block_unref(b);
			}
		}
	}
	movie_clear(&m);
}

static void pull_all(struct bytes file)
{
	pull(file, UINT_MAX);
}

static void pull_starts(struct bytes file)
{
	pull(file, 2);
}

/* Every octet of the header in turn, in three ways. */
static void t_broken_octets(void)
{
	static const uint8_t flips[] = { 0xff, 0x80, 0x01 };
	struct mp4_maker k;
	struct buf file;
	size_t at;

	mp4_maker_init(&k);
	k.file.tracks[0].composition = 60;
	k.file.tracks[0].edit = k.file.tracks[1].edit = 60;
	buf_init(&file, MP4_FILE_MAX);
	mp4file_write(&k.file, &file);
	at = bytes_find(buf_bytes(&file), B("moov"));
	CU_ASSERT(at < file.n);
	for (size_t i = at - 4; i < file.n; i++) {
		for (size_t f = 0; f < COUNT(flips); f++) {
			file.p[file.at + i] ^= flips[f];
			pull_all(buf_bytes(&file));
			file.p[file.at + i] ^= flips[f];
		}
	}
	for (size_t n = 0; n < file.n; n++)
		pull_all(bytes_sub(buf_bytes(&file), 0, n));
	buf_clear(&file);
	mp4_maker_clear(&k);
}

/* Real files, hinted and with all that writers leave in them: octets of their headers, here and there. */
static void t_broken_samples(void)
{
	static const char *const names[] = { "sample_100kbit.mov", "sample_50kbit.3gp",
		"sample_h264_100kbit.mp4" };
	enum { FLIPS = 150, REAL_MAX = 4 << 20 };

	for (size_t i = 0; i < COUNT(names); i++) {
		char *rel = xasprintf("media/%s", names[i]), *path = unit_data(rel), *p;
		size_t n, at;

		free(rel);
		if (!path)
			return;
		CU_ASSERT_EQUAL_FATAL(os_read_file(path, REAL_MAX, &p, &n), 0);
		at = bytes_find(bytes_of(p, n), B("moov"));
		for (size_t k = 0; k < FLIPS; k++) {
			size_t place = at + k * (n - at < 60000 ? n - at : 60000) / FLIPS;

			p[place] = (char)~p[place];
			pull_starts(bytes_of(p, n));
			p[place] = (char)~p[place];
		}
		free(p);
		free(path);
	}
}

UNIT_SUITE(media_mp4_broken,
	{ "mp4: a compressed header is unpacked, within its limits", t_compressed },
	{ "mp4: a broken octet is an error or other packets, never a fault", t_broken_octets },
	{ "mp4: nor is one in a real file's header", t_broken_samples });
