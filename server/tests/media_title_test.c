/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#define ERR_STATE OPENSSL_ERR_STATE /* a type of theirs, an error of ours */
#include <openssl/evp.h>
#undef ERR_STATE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/builtin.h"
#include "server/media/root.h"
#include "server/media/title.h"
#include "server/tests/unit.h"
#include "server/wire/sdp.h"

enum { SDP_MAX = 65536 };

/* ---- what one track of a file gives, as text: "packets md5" ---- */

struct digest {
	EVP_MD_CTX *md;
	unsigned packets;
};

static int seek_to(struct source *s, uint32_t tracks, tick_t npt, tick_t *actual)
{
	return source_seek(s, tracks, &(struct source_start){ .npt = npt, .scale = 1 }, actual);
}

static void digest_add(struct digest *d, const struct packet *p)
{
	unsigned char one[EVP_MAX_MD_SIZE];
	char line[128], hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;
	int len;

	CU_ASSERT_EQUAL(EVP_Digest(p->body.p, p->body.n, one, &n, EVP_md5(), NULL), 1);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", one[i]);
	len = snprintf(line, sizeof line, "%u %d %s\n", p->payload_type, p->marker, hex);
	CU_ASSERT_EQUAL(EVP_DigestUpdate(d->md, line, (size_t)len), 1);
	d->packets++;
}

static char *digest_end(struct digest *d)
{
	unsigned char all[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned n = 0;

	CU_ASSERT_EQUAL(EVP_DigestFinal_ex(d->md, all, &n), 1);
	EVP_MD_CTX_free(d->md);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", all[i]);
	return xasprintf("%u %s", d->packets, hex);
}

/* Pulls one track to its end. NULL after a failed check. */
static char *track_digest(struct title *t, uint32_t track)
{
	struct source *s = title_source(t, media_io_sync());
	struct digest d = { .md = EVP_MD_CTX_new() };
	struct packet p;
	tick_t now = 0;
	int err;

	CU_ASSERT_EQUAL(EVP_DigestInit_ex(d.md, EVP_md5(), NULL), 1);
	while ((err = source_next(s, 1u << track, TICK_NEVER, ++now, &p)) == 0)
		digest_add(&d, &p);
	CU_ASSERT_EQUAL(err, ERR_END);
	source_free(s);
	return digest_end(&d);
}

static struct title *open_path(const char *path)
{
	struct title *t = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	err = title_open_fd(fd, B("test.mp4"), &t);
	CU_ASSERT_EQUAL(err, 0);
	if (err)
		(void)close(fd);
	return t;
}

static struct title *open_clip(void)
{
	struct title *t = NULL;

	CU_ASSERT_EQUAL_FATAL(title_open_memory(builtin_clip(), B("test.mp4"), &t), 0);
	return t;
}

/* Packets and the digest over payload type, marker and payload of every packet, as
 * server/tests/media_packets.py (another reading of the hint tracks) gives them. */
static const struct {
	const char *name;
	const char *video, *audio;
} samples[] = {
	{ "sample_100kbit.mov", "1211 2640078230c1659783cd25ea8fd4b6d6",
		"144 e707273db6bb9adc60c6dcc96f519567" },
	{ "sample_300kbit.mov", "2339 6f8a7c6be22912596b8f49be1a430135",
		"336 e97c615fe25274726f5fb084e0d079ed" },
	{ "sample_100kbit.mp4", "1208 cacf6eca3fb73fd0ef20109d27524f57",
		"547 a5d51101a152f0069588de3d1607c6e7" },
	{ "sample_300kbit.mp4", "2825 2daabfbfb88eadd3a40652be96d59755",
		"754 8170fc0a7b27712d49573e36f1a42a60" },
	{ "sample_h264_100kbit.mp4", "2148 fa2119e1763a617de492d14b4ed01ac4",
		"547 a5d51101a152f0069588de3d1607c6e7" },
	{ "sample_h264_300kbit.mp4", "2754 5438016745412b5f63a2727c58b986a1",
		"754 8170fc0a7b27712d49573e36f1a42a60" },
	{ "sample_50kbit.3gp", "1068 3c4ba0c1535bb7ab0d495b1a5a98fb0a",
		"699 29d0e52150f3ae81f65d72926e713f8b" },
};

static void check_digest(struct title *t, uint32_t track, const char *want)
{
	char *got = track_digest(t, track);

	CU_ASSERT_STRING_EQUAL(got, want);
	free(got);
}

static void t_samples(void)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		char *rel = xasprintf("media/%s", samples[i].name), *path = unit_data(rel);
		struct title *t;

		free(rel);
		if (!path)
			return;
		t = open_path(path);
		free(path);
		if (!t)
			continue;
		check_digest(t, 0, samples[i].video);
		check_digest(t, 1, samples[i].audio);
		title_unref(t);
	}
}

static void t_python(void)
{
	FILE *f = popen("python3 server/tests/media_packets.py server/tests/media/clip.mp4 summary "
			"2>/dev/null",
		"r");
	struct title *t = open_clip();
	char line[256];
	uint32_t track = 0;

	while (f && fgets(line, sizeof line, f)) {
		unsigned id, packets, other[7];
		char md5[40], *want;

		CU_ASSERT_EQUAL(sscanf(line, "%u %u %u %u %u %u %u %u %u %39s", &id, &packets,
					other, other + 1, other + 2, other + 3, other + 4,
					other + 5, other + 6, md5),
			10);
		want = xasprintf("%u %s", packets, md5);
		check_digest(t, track++, want);
		free(want);
	}
	if (!f || pclose(f) != 0)
		unit_skip("no python3, or not run from the repository root");
	else
		CU_ASSERT_EQUAL(track, 2);
	title_unref(t);
}

/* ---- session description ---- */

static void describe(struct title *t, struct buf *sdp)
{
	struct source *s = title_source(t, media_io_sync());
	struct source_place place = { .host = B("192.0.2.1") };

	buf_init(sdp, SDP_MAX);
	CU_ASSERT_EQUAL(source_describe(s, &place, sdp), 0);
	source_free(s);
}

static void t_sdp_clip(void)
{
	struct title *t = open_clip();
	struct sdp sdp;
	struct fault f;
	struct buf text;

	describe(t, &text);
	CU_ASSERT_EQUAL_FATAL(sdp_read(buf_bytes(&text), &sdp, &f), 0);
	CU_ASSERT_TRUE(bytes_is_eq(sdp.control, B("*")));
	CU_ASSERT_TRUE(bytes_is_eq(sdp.range, B("npt=0-10.000")));
	CU_ASSERT_TRUE(bytes_is_eq(sdp.connection, B("IN IP4 0.0.0.0")));
	CU_ASSERT_EQUAL(sdp.n_media, 2);
	CU_ASSERT_TRUE(bytes_is_eq(sdp.media[0].control, B("streamid=3")));
	CU_ASSERT_TRUE(bytes_is_eq(sdp.media[0].encoding, B("H264")));
	CU_ASSERT_TRUE(bytes_is_eq(sdp.media[1].encoding, B("MPEG4-GENERIC")));
	CU_ASSERT_EQUAL(sdp.media[1].clock_hz, 48000);
	CU_ASSERT_TRUE(bytes_find(buf_bytes(&text), B("sprop-parameter-sets=")) < text.n);
	buf_clear(&text);
	title_unref(t);
}

static void t_sdp_junk(void)
{
	char *path = unit_data("media/sample_h264_300kbit.mp4");
	struct title *t;
	struct buf text;
	struct sdp sdp;
	struct fault f;

	if (!path)
		return;
	t = open_path(path);
	free(path);
	describe(t, &text);
	CU_ASSERT_EQUAL_FATAL(sdp_read(buf_bytes(&text), &sdp, &f), 0);
	CU_ASSERT_EQUAL(sdp.bandwidth_kbps, 0);
	CU_ASSERT_EQUAL(sdp.media[0].bandwidth_kbps, 0);
	CU_ASSERT_EQUAL(sdp.media[1].bandwidth_kbps, 48);
	CU_ASSERT_TRUE(bytes_find(sdp.lines, B("a=isma-compliance:2,2.0,2")) < sdp.lines.n);
	buf_clear(&text);
	title_unref(t);
}

/* ---- times ---- */

static void t_clip_times(void)
{
	struct title *t = open_clip();
	struct source *s = title_source(t, media_io_sync());
	struct packet p;
	uint32_t last[2] = { 0, 0 };
	tick_t due = INT64_MIN;
	unsigned n[2] = { 0, 0 };

	CU_ASSERT_EQUAL(s->duration, 10 * TICK_S);
	CU_ASSERT_TRUE(s->tracks[0].is_video && !s->tracks[1].is_video);
	while (source_next(s, 3, TICK_NEVER, 1, &p) == 0) {
		CU_ASSERT_TRUE(p.due >= due);
		due = p.due;
		if (!n[p.track]++) /* the AAC priming of 1024 samples lies before NPT 0 */
			CU_ASSERT_EQUAL(p.rtp_time, p.track ? (uint32_t)-1024 : 0);
		last[p.track] = p.rtp_time;
		CU_ASSERT_TRUE(p.train >= 1 && p.train <= 16);
		CU_ASSERT_TRUE(p.sync || !p.track);
	}
	CU_ASSERT_EQUAL(n[0], 259);
	CU_ASSERT_EQUAL(n[1], 23);
	CU_ASSERT_EQUAL(last[0], 249 * 3600);
	source_free(s);
	title_unref(t);
}

static void t_later(void)
{
	struct title *t = open_clip();
	struct source *s = title_source(t, media_io_sync());
	struct packet p, q;
	tick_t until = 5 * TICK_S;

	while (source_next(s, 1, until, 1, &p) == 0)
		CU_ASSERT_TRUE(p.due <= until);
	CU_ASSERT_EQUAL(source_next(s, 1, until, 2, &p), SOURCE_LATER);
	CU_ASSERT_EQUAL(p.due, until + 40 * TICK_MS);
	CU_ASSERT_EQUAL(source_next(s, 1, p.due, 3, &q), 0);
	CU_ASSERT_EQUAL(q.due, p.due);
	source_free(s);
	title_unref(t);
}

static void t_seek(void)
{
	struct title *t = open_clip();
	struct source *s = title_source(t, media_io_sync());
	struct packet p;
	tick_t at;
	bool seen[2] = { false, false };

	/* sync samples every 2 s */
	CU_ASSERT_EQUAL(seek_to(s, 3, 7 * TICK_S + 1, &at), 0);
	CU_ASSERT_EQUAL(at, 6 * TICK_S);
	while (!(seen[0] && seen[1]) && source_next(s, 3, TICK_NEVER, 1, &p) == 0) {
		if (!seen[p.track] && p.track == 0) {
			CU_ASSERT_TRUE(p.sync);
			CU_ASSERT_EQUAL(p.rtp_time, source_rtp_at(s, 0, at));
		}
		/* its packets of sound last for 0.43 s: the first is the one that sounds then */
		CU_ASSERT_TRUE(p.due >= at - (p.track ? 430 * TICK_MS : 0));
		seen[p.track] = true;
	}
	CU_ASSERT_TRUE(seen[0] && seen[1]);
	CU_ASSERT_EQUAL(seek_to(s, 3, 6 * TICK_S, &at), 0);
	CU_ASSERT_EQUAL(at, 6 * TICK_S);
	CU_ASSERT_EQUAL(seek_to(s, 2, 7 * TICK_S, &at), 0);
	CU_ASSERT_EQUAL(at, 7 * TICK_S); /* audio alone begins anywhere */
	CU_ASSERT_EQUAL(seek_to(s, 3, 0, &at), 0);
	CU_ASSERT_EQUAL(at, 0);
	CU_ASSERT_EQUAL(seek_to(s, 3, 11 * TICK_S, &at), ERR_RANGE);
	CU_ASSERT_EQUAL(seek_to(s, 3, 10 * TICK_S, &at), 0);
	source_free(s);
	title_unref(t);
}

/* At every sync sample of a real file with B frames: the first video packet after a seek to it is its
 * first, and its RTP time is that of the range start. */
static void t_seek_sample(void)
{
	char *path = unit_data("media/sample_h264_300kbit.mp4");
	struct source *s;
	struct title *t;
	struct packet p;
	tick_t at, before = -1;
	unsigned starts = 0;

	if (!path)
		return;
	t = open_path(path);
	free(path);
	s = title_source(t, media_io_sync());
	for (tick_t npt = 0; npt < s->duration; npt += TICK_S / 2) {
		CU_ASSERT_EQUAL(seek_to(s, 3, npt, &at), 0);
		CU_ASSERT_TRUE(at <= npt && at >= before && npt - at < 2 * TICK_S);
		starts += at != before;
		before = at;
		CU_ASSERT_EQUAL(source_next(s, 1, TICK_NEVER, 1, &p), 0);
		CU_ASSERT_TRUE(p.sync);
		CU_ASSERT_EQUAL(p.rtp_time, source_rtp_at(s, 0, at));
		CU_ASSERT_EQUAL(source_next(s, 2, TICK_NEVER, 1, &p), 0);
		/* the sound is what sounds at that moment */
		CU_ASSERT_TRUE(source_rtp_at(s, 1, at) - p.rtp_time < 4096);
	}
	CU_ASSERT_TRUE(starts > 60);
	source_free(s);
	title_unref(t);
}

/* ---- faults ---- */

static void pull_all(struct bytes file)
{
	struct source_place place = { 0 };
	struct packet p;
	struct source *s;
	struct title *t;
	struct buf sdp;
	tick_t at;

	if (title_open_memory(file, B("test.mp4"), &t))
		return;
	s = title_source(t, media_io_sync());
	buf_init(&sdp, SDP_MAX);
	(void)!source_describe(s, &place, &sdp);
	buf_clear(&sdp);
	while (source_next(s, source_all(s), TICK_NEVER, 1, &p) == 0)
		;
	(void)!seek_to(s, source_all(s), s->duration / 2, &at);
	while (source_next(s, source_all(s), TICK_NEVER, 2, &p) == 0)
		;
	source_free(s);
	title_unref(t);
}

static void t_cut_short(void)
{
	struct bytes clip = builtin_clip();
	struct title *t;

	CU_ASSERT_EQUAL(title_open_memory(bytes_sub(clip, 0, clip.n - 1), B("test.mp4"), &t),
		ERR_TRUNCATED);
	CU_ASSERT_EQUAL(
		title_open_memory(bytes_sub(clip, 0, 1000), B("test.mp4"), &t), ERR_TRUNCATED);
	CU_ASSERT_EQUAL(
		title_open_memory(bytes_sub(clip, 0, 32), B("test.mp4"), &t), ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(title_open_memory(bytes_sub(clip, 0, 0), B("test.mp4"), &t), -ENODATA);
	CU_ASSERT_EQUAL(title_open_memory(B("ID3\003 no movie at all"), B("test.mp4"), &t),
		ERR_UNSUPPORTED);
}

/* Every byte of the movie box in turn; the answer may be anything but a fault. */
static void t_broken_bytes(void)
{
	struct bytes clip = builtin_clip();
	uint8_t *copy = xmalloc(clip.n);
	size_t moov = bytes_find(clip, B("moov"));

	memcpy(copy, clip.p, clip.n);
	CU_ASSERT_TRUE(moov < clip.n);
	for (size_t i = moov; i < clip.n; i += 37) {
		copy[i] ^= 0xff;
		pull_all((struct bytes){ copy, clip.n });
		copy[i] = clip.p[i];
	}
	free(copy);
}

static char *write_clip(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(builtin_clip().p, 1, builtin_clip().n, f), builtin_clip().n);
	CU_ASSERT_EQUAL(fclose(f), 0);
	return path;
}

static void t_changed(void)
{
	char dir[] = "/tmp/beagle-media-XXXXXX", *path;
	struct source *s;
	struct title *t;
	struct packet p;
	tick_t at;
	int err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	path = write_clip(dir, "clip.mp4");
	t = open_path(path);
	s = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(source_next(s, 3, 0, 1, &p), 0);
	CU_ASSERT_EQUAL(truncate(path, 5000), 0);
	while ((err = source_next(s, 3, TICK_NEVER, 1, &p)) == 0)
		;
	CU_ASSERT_EQUAL(err, ERR_CHANGED);
	CU_ASSERT_EQUAL(source_next(s, 3, TICK_NEVER, 1, &p), ERR_CHANGED);
	CU_ASSERT_EQUAL(seek_to(s, 3, 0, &at), 0);
	CU_ASSERT_EQUAL(source_next(s, 3, 0, 1, &p), ERR_CHANGED); /* though it is kept */
	source_free(s);
	title_unref(t);
	(void)unlink(path);
	(void)rmdir(dir);
	free(path);
}

UNIT_SUITE(media_title,
	{ "media: the hinted samples give the packets that another reader finds", t_samples },
	{ "media: our clip gives the packets that another reader finds", t_python },
	{ "media: a description has one medium per hint track, control and range (2326 C.1)",
		t_sdp_clip },
	{ "media: absurd bandwidths of hinters are left out, their other lines kept", t_sdp_junk },
	{ "media: packets of all tracks come in the order in which they are due", t_clip_times },
	{ "media: what is due later is not consumed", t_later },
	{ "media: a seek lands on the sync sample before, audio with it (2326 10.5)", t_seek },
	{ "media: the RTP time of the range start is that of its sync sample", t_seek_sample },
	{ "media: a file cut short is an error", t_cut_short },
	{ "media: a broken movie box is an error or other packets, never a fault", t_broken_bytes },
	{ "media: a file changed in place ends with ERR_CHANGED", t_changed });
