/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/media/format/language.h"
#include "server/media/format/sample_entry.h"
#include "server/tests/mp4file.h"
#include "server/tests/unit.h"

/* Sample entries and languages: what containers say, and what it means. */
enum { FILE_MAX = 1 << 16 };

#define ESDS(type, more) \
	"\0\0\0\0\3\x80\x80\x19\0\1\0\4\x11" type "\x15\0\0\0\0\0\0\0\0\0\0\0" more "\6\1\2"

static void read_sound(struct sample_entry *e, const char *type, uint16_t bits, bool wave,
	const char *box, struct bytes body)
{
	struct buf b;
	size_t entry, outer = 0, inner;

	buf_init(&b, FILE_MAX);
	entry = mp4file_open_sound(&b, type, 2, bits, 44100);
	if (wave)
		outer = mp4file_open(&b, "wave");
	inner = mp4file_open(&b, box);
	mp4file_put(&b, body);
	mp4file_close(&b, inner);
	if (wave)
		mp4file_close(&b, outer);
	mp4file_close(&b, entry);
	CU_ASSERT_EQUAL(sample_entry_read(buf_bytes(&b), false, false, e), 0);
	e->codec.config = (struct bytes){ NULL, e->codec.config.n }; /* gone with b */
	buf_clear(&b);
}

static void t_esds(void)
{
	static const struct {
		struct bytes esds;
		enum codec_id codec;
		size_t config_n;
	} cases[] = {
		{ B(ESDS("\x40", "\5\2\x12\x10")), CODEC_AAC, 2 },
		{ B(ESDS("\x67", "\5\2\x12\x10")), CODEC_AAC, 2 },
		{ B(ESDS("\x6b", "\5\0")), CODEC_MPA, 0 },
		{ B(ESDS("\xa5", "\5\0")), CODEC_AC3, 0 },
		{ B(ESDS("\xe1", "\5\0")), CODEC_NONE, 0 },
	};
	struct sample_entry e;

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		read_sound(&e, "mp4a", 16, i % 2, "esds", cases[i / 2].esds);
		CU_ASSERT_EQUAL(e.codec.id, cases[i / 2].codec);
		CU_ASSERT_EQUAL(e.codec.config.n, cases[i / 2].config_n);
		CU_ASSERT_PTR_NULL(e.why);
	}
	CU_ASSERT_EQUAL(e.codec.sample_hz, 44100);
	/* lengths that lead out of the box, at every place where it may end */
	for (size_t n = 0; n <= cases[0].esds.n; n++)
		read_sound(&e, "mp4a", 16, false, "esds", bytes_sub(cases[0].esds, 0, n));
	CU_ASSERT_EQUAL(e.codec.id, CODEC_AAC);
	read_sound(&e, "mp4a", 16, false, "esds", B("\0\0\0\0\3\x7f"));
	CU_ASSERT_PTR_NOT_NULL(e.why);
}

static void t_pcm(void)
{
	static const struct {
		const char *type, *box;
		uint16_t bits;
		struct bytes body;
		uint8_t sample_bits;
		bool is_little, is_unsigned, refused;
	} cases[] = {
		{ "twos", "free", 16, { 0 }, 16, false, false, false },
		{ "twos", "free", 8, { 0 }, 8, false, false, false },
		{ "sowt", "free", 16, { 0 }, 16, true, false, false },
		{ "raw ", "free", 8, { 0 }, 8, false, true, false },
		{ "in24", "free", 16, { 0 }, 24, false, false, false },
		{ "in24", "enda", 16, B("\0\1"), 24, true, false, false },
		{ "ipcm", "pcmC", 16, B("\0\0\0\0\1\x18"), 24, true, false, false },
		{ "ipcm", "pcmC", 16, B("\0\0\0\0\1\x20"), 32, true, false, true },
		{ "ipcm", "free", 16, { 0 }, 16, false, false, true },
		{ "twos", "free", 12, { 0 }, 12, false, false, true },
	};
	struct sample_entry e;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool enda = strcmp(cases[i].box, "enda") == 0;

		read_sound(&e, cases[i].type, cases[i].bits, enda, cases[i].box, cases[i].body);
		CU_ASSERT_EQUAL(e.codec.id, CODEC_PCM);
		CU_ASSERT_EQUAL(e.codec.sample_bits, cases[i].sample_bits);
		CU_ASSERT_EQUAL(e.codec.is_little, cases[i].is_little);
		CU_ASSERT_EQUAL(e.codec.is_unsigned, cases[i].is_unsigned);
		CU_ASSERT_EQUAL(e.why != NULL, cases[i].refused);
		CU_ASSERT_EQUAL(e.frame_bytes, 2u * cases[i].sample_bits / 8);
	}
}

/* An entry of this version, with octets of its own before the wave atom that says little-endian. */
static void read_version(
	struct sample_entry *e, const char *type, uint8_t version, bool iso, struct bytes more)
{
	struct buf b;
	size_t entry, wave, enda;

	buf_init(&b, FILE_MAX);
	entry = mp4file_open_sound(&b, type, 2, 16, 44100);
	b.p[b.at + 17] = version;
	mp4file_put(&b, more);
	wave = mp4file_open(&b, "wave");
	enda = mp4file_open(&b, "enda");
	mp4file_put(&b, B("\0\1"));
	mp4file_close(&b, enda);
	mp4file_close(&b, wave);
	mp4file_close(&b, entry);
	CU_ASSERT_EQUAL(sample_entry_read(buf_bytes(&b), false, iso, e), 0);
	buf_clear(&b);
}

#define V2(flags)                                                                  \
	"\0\0\0\x48\x40\xf7\x70\0\0\0\0\0\0\0\0\2\x7f\0\0\0\0\0\0\x18\0\0\0" flags \
	"\0\0\0\6\0\0\0\1"

static void t_versions(void)
{
	struct sample_entry e;

	read_version(&e, "twos", 0, false, (struct bytes){ 0 });
	CU_ASSERT_TRUE(e.codec.is_little);
	read_version(&e, "twos", 1, false, B("\0\0\0\1\0\0\0\2\0\0\0\4\0\0\0\2"));
	CU_ASSERT_TRUE(e.codec.is_little);
	/* ISO's version 1 is no longer than its version 0 */
	read_version(&e, "twos", 1, true, (struct bytes){ 0 });
	CU_ASSERT_TRUE(e.codec.is_little);
	/* 96000 as a floating point number, 24 bits, signed */
	read_version(&e, "lpcm", 2, false, B(V2("\x0c")));
	CU_ASSERT_EQUAL(e.codec.sample_hz, 96000);
	CU_ASSERT_EQUAL(e.codec.channels, 2);
	CU_ASSERT_EQUAL(e.codec.sample_bits, 24);
	CU_ASSERT_EQUAL(e.frame_bytes, 6);
	CU_ASSERT_TRUE(e.codec.is_little && !e.codec.is_unsigned && !e.why);
	read_version(&e, "lpcm", 2, false, B(V2("\x0e")));
	CU_ASSERT_FALSE(e.codec.is_little);
	read_version(&e, "lpcm", 2, false, B(V2("\x09")));
	CU_ASSERT_PTR_NOT_NULL(e.why);
}

/* What 3GPP entries say of channels and rate is not true of what is in them. */
static void t_amr(void)
{
	struct sample_entry e;

	read_sound(&e, "samr", 16, false, "damr", B("test\0\x81\xff\0\1"));
	CU_ASSERT(e.codec.id == CODEC_AMR && e.codec.channels == 1 && e.codec.sample_hz == 8000);
	read_sound(&e, "sawb", 16, false, "damr", B("test\0\x81\xff\0\1"));
	CU_ASSERT(
		e.codec.id == CODEC_AMR_WB && e.codec.channels == 1 && e.codec.sample_hz == 16000);
}

static void t_language(void)
{
	static const struct {
		const char *name, *tag;
	} names[] = { { "deu", "de" }, { "ger", "de" }, { "zul", "zu" }, { "aar", "aa" },
		{ "nds", "nds" }, { "und", "" }, { "en-GB", "en-GB" }, { "", "" }, { "x", "" },
		{ "d\ne", "" }, { "en--us", "" }, { "en-", "" }, { "abcdefghi", "" } };
	char tag[LANGUAGE_TAG_MAX];

	for (size_t i = 0; i < COUNT(names); i++) {
		language_of_name(bytes_str(names[i].name), tag);
		CU_ASSERT_STRING_EQUAL(tag, names[i].tag);
	}
	language_of_mdhd(0, tag);
	CU_ASSERT_STRING_EQUAL(tag, "");
	language_of_mdhd(2, tag);
	CU_ASSERT_STRING_EQUAL(tag, "de");
	language_of_mdhd(0x55c4, tag); /* und */
	CU_ASSERT_STRING_EQUAL(tag, "");
	language_of_mdhd(0x7fff, tag);
	CU_ASSERT_STRING_EQUAL(tag, "");
	language_of_mdhd(0x3ff, tag);
	CU_ASSERT_STRING_EQUAL(tag, "");
}

UNIT_SUITE(media_entry,
	{ "entry: elementary stream descriptors tell the codec, in a wave atom too", t_esds },
	{ "entry: every way of writing PCM", t_pcm },
	{ "entry: QuickTime's sound descriptions of versions 0, 1 and 2", t_versions },
	{ "entry: AMR is mono, whatever its entry says", t_amr },
	{ "entry: languages become the shortest tag (4646 4.1)", t_language });
