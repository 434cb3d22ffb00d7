/* SPDX-License-Identifier: MIT */
#include "server/wire/frame.h"

static int read_data(struct bytes in, struct frame *f)
{
	f->kind = FRAME_DATA;
	if (in.n < FRAME_HEADER)
		return ERR_MORE;
	f->channel = in.p[1];
	f->total = FRAME_HEADER + (size_t)be16(in.p + 2);
	if (in.n < f->total)
		return ERR_MORE;
	f->payload = bytes_sub(in, FRAME_HEADER, f->total - FRAME_HEADER);
	return (int)f->total;
}

static int read_blank(struct bytes in, struct frame *f)
{
	f->kind = FRAME_BLANK;
	while (f->total < in.n && f->total < FRAME_PAYLOAD_MAX &&
		(in.p[f->total] == '\r' || in.p[f->total] == '\n'))
		f->total++;
	return (int)f->total;
}

int frame_read(struct bytes in, struct frame *f)
{
	static const struct bytes http[] = { { (const uint8_t *)"GET ", 4 },
		{ (const uint8_t *)"POST ", 5 }, { (const uint8_t *)"HTTP/", 5 } };

	*f = (struct frame){ .kind = FRAME_MESSAGE };
	if (in.n == 0)
		return ERR_MORE;
	if (in.p[0] == '$')
		return read_data(in, f);
	if (in.p[0] == '\r' || in.p[0] == '\n')
		return read_blank(in, f);
	for (size_t i = 0; i < COUNT(http); i++) {
		if (bytes_has_prefix(in, http[i])) {
			f->kind = FRAME_HTTP;
			return 0;
		}
		if (bytes_has_prefix(http[i], in))
			return ERR_MORE;
	}
	return 0;
}

void frame_header_write(uint8_t dst[FRAME_HEADER], uint8_t channel, uint16_t n)
{
	dst[0] = '$';
	dst[1] = channel;
	put_be16(dst + 2, n);
}
