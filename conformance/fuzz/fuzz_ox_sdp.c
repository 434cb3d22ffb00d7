/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "conformance/oracle/ox_sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_sdp *s = malloc(sizeof(*s));

	if (!s)
		return 0;
	int err = ox_sdp_read(bytes_of(data, size), s, &fs);
	assert((err == 0) == (s->bad_line == 0));
	assert((err == 0) == (fs.per_rule[OX_SDP_9_01] == 0));
	assert(s->bad_at <= size + 2);
	for (size_t i = 0; i < s->n_media && i < OX_MAX_MEDIA; i++)
		assert(s->media[i].n_formats <= OX_MAX_FORMATS);
	(void)ox_sdp_media_by_url(s, B("rtsp://h/a"), bytes_of(data, size));
	ox_findings_clear(&fs);
	free(s);
	return 0;
}
