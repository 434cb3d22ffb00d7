/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/wire/sdp.h"

/* Any description is read or refused; every view lies inside it, and all of it can be touched. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(struct bytes v, struct bytes in)
{
	static volatile uint8_t sink;

	if (v.n && (v.p < in.p || v.p + v.n > in.p + in.n))
		abort();
	for (size_t i = 0; i < v.n; i++)
		sink = (uint8_t)(sink + v.p[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp s;
	struct bytes in = bytes_of(data, size), lines, v;
	struct fault f;
	char letter;

	if (sdp_read(in, &s, &f)) {
		if (!f.why || f.at > size)
			abort();
		return 0;
	}
	touch(s.name, in);
	touch(s.control, in);
	touch(s.lines, in);
	for (size_t i = 0; i < s.n_media; i++) {
		const struct sdp_media *m = &s.media[i];
		touch(m->type, in);
		touch(m->formats, in);
		touch(m->fmtp, in);
		touch(m->control, in);
		touch(m->lines, in);
		lines = m->lines;
		while (sdp_line_next(&lines, &letter, &v))
			touch(v, in);
		if (sdp_attribute(m->lines, B("rtpmap"), &v))
			touch(v, in);
	}
	return 0;
}
