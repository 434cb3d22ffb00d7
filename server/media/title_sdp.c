/* SPDX-License-Identifier: MIT */
#include "server/media/title_parts.h"
#include "server/wire/sdp.h"

static void put_stream(const struct stream *s, struct sdp_writer *w)
{
	sdp_line(w, 'm', "%s 0 RTP/AVP %u", s->media_type, s->payload_type);
	if (s->bitrate_bps >= 1000)
		sdp_line(w, 'b', "AS:%u", s->bitrate_bps / 1000);
	sdp_line(w, 'a', "control:%s", s->control);
	if (s->language[0])
		sdp_line(w, 'a', "lang:%s", s->language);
	s->ops->describe(s, w);
}

/* Lines that the reader has made clean. */
static void put_lines(struct bytes text, struct sdp_writer *w)
{
	char letter;
	struct bytes value;

	while (sdp_line_next(&text, &letter, &value))
		sdp_line(w, letter, "%.*s", BYTES_FMT(value));
}

static void put_session(
	const struct title *t, const struct source_place *place, struct sdp_writer *w)
{
	const struct movie *m = &t->movie;
	const char *any = place->is_ip6 ? "::" : "0.0.0.0";
	int64_t ms = m->duration / TICK_MS;

	sdp_origin(w, m->file.device << 32 ^ m->file.inode, (uint64_t)(m->file.mtime / TICK_S),
		place->host.n ? place->host : bytes_str(any), place->is_ip6);
	sdp_line(w, 's', "%s", t->name[0] ? t->name : " ");
	sdp_line(w, 'c', "IN %s %s", place->is_ip6 ? "IP6" : "IP4", any);
	if (m->session_kbps)
		sdp_line(w, 'b', "AS:%u", m->session_kbps);
	sdp_line(w, 't', "0 0");
	sdp_line(w, 'a', "control:*");
	sdp_line(w, 'a', "range:npt=0-%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
	put_lines(buf_bytes(&m->sdp), w);
}

int title_sdp_write(const struct title *t, const struct source_place *place, struct buf *sdp)
{
	struct sdp_writer w;

	sdp_begin(&w, sdp);
	put_session(t, place, &w);
	for (uint32_t i = 0; i < t->movie.n_streams; i++)
		put_stream(t->movie.streams[i], &w);
	return sdp_end(&w);
}
