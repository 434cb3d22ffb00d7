/* SPDX-License-Identifier: MIT */
#include "server/media/pack/fmtp.h"

void fmtp_put(struct buf *to, const char *fmt, ...)
{
	size_t before = to->n;
	va_list ap;

	va_start(ap, fmt);
	if (buf_vprintf(to, fmt, ap))
		buf_cut(to, before);
	va_end(ap);
}

int fmtp_hex(struct buf *to, struct bytes v)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *at = v.n > FMTP_MAX ? NULL : buf_room(to, 2 * v.n);

	if (!at)
		return ERR_LIMIT;
	for (size_t i = 0; i < v.n; i++) {
		at[2 * i] = (uint8_t)digits[v.p[i] >> 4];
		at[2 * i + 1] = (uint8_t)digits[v.p[i] & 15];
	}
	buf_grew(to, 2 * v.n);
	return 0;
}

void video_lines_init(struct video_lines *v, const struct codec *c)
{
	*v = (struct video_lines){ .width = c->width, .height = c->height };
	buf_init(&v->fmtp, FMTP_MAX);
}

void video_lines_clear(struct video_lines *v)
{
	buf_clear(&v->fmtp);
}

void video_lines_write(const struct video_lines *v, const struct packer *p, struct sdp_writer *w)
{
	sdp_line(w, 'a', "rtpmap:%u %s/%u", p->payload_type, p->encoding, p->clock_hz);
	if (v->fmtp.n)
		sdp_line(w, 'a', "fmtp:%u %.*s", p->payload_type, BYTES_FMT(buf_bytes(&v->fmtp)));
	if (v->width && v->height)
		sdp_line(w, 'a', "framesize:%u %u-%u", p->payload_type, v->width, v->height);
}
