/* SPDX-License-Identifier: MIT */
#include "server/media/format/readers.h"

/* Formats that are known by name and not read: people want to know that it is not their file's fault. */
static const struct {
	uint16_t at;
	struct bytes magic;
	const char *name;
} formats[] = {
#define FORMAT(at, magic, name)                                           \
	{                                                                 \
		at, { (const uint8_t *)(magic), sizeof(magic) - 1 }, name \
	}
	FORMAT(8, "AVI ", "AVI"),
	FORMAT(8, "AVIX", "AVI"),
	FORMAT(0, "FLV\x01", "Flash video"),
	FORMAT(0, "OggS", "Ogg"),
	FORMAT(0, "\0\0\x01\xba", "MPEG program stream"),
	FORMAT(0, "fLaC", "FLAC"),
	FORMAT(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
	FORMAT(0, ".RMF", "RealMedia"),
	FORMAT(0, "MThd", "MIDI"),
	FORMAT(0, "FORM", "AIFF"),
	FORMAT(0, ".snd", "Sun audio"),
	FORMAT(0, "DKIF", "IVF"),
	FORMAT(0, "wvpk", "WavPack"),
	FORMAT(0, "\x89PNG", "PNG"),
	FORMAT(0, "\xff\xd8\xff", "JPEG"),
	FORMAT(0, "GIF8", "GIF"),
	FORMAT(0, "%PDF", "PDF"),
	FORMAT(0, "PK\x03\x04", "ZIP"),
	FORMAT(0, "\x0b\x77", "AC-3"),
	FORMAT(0, "#EXTM3U", "playlist"),
#undef FORMAT
};

static const char *name_of(struct bytes head)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		if (bytes_has_prefix(bytes_sub(head, formats[i].at, head.n), formats[i].magic))
			return formats[i].name;
	}
	return NULL;
}

static bool probe_unread(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return name_of(head) != NULL;
}

static int open_unread(struct movie *m)
{
	uint8_t head[16] = { 0 };
	size_t n = m->file.size < sizeof head ? (size_t)m->file.size : sizeof head;
	int err = media_file_read(&m->file, 0, head, n);
	const char *name = name_of(bytes_of(head, n));

	if (err)
		return err;
	movie_note(m, "%s files are not read", name ? name : "such");
	return ERR_UNSUPPORTED;
}

const struct movie_reader reader_unread = {
	.name = "unread", .probe = probe_unread, .open = open_unread
};
