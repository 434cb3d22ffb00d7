/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The stream as a whole and in two parts must give the same units. */
static void split(struct bytes b, size_t at, bool lost, struct ox_session *s)
{
	struct ox_splitter whole = { .lost = lost }, parts = { .lost = lost };
	struct ox_unit u;
	ptrdiff_t n;

	while ((n = ox_split_next(&whole, bytes_sub(b, whole.at, b.n), true, &u)) > 0) {
		struct ox_event e = { .kind = (enum ox_event_kind)(
					      u.kind == OX_UNIT_MESSAGE ? OX_EVENT_MESSAGE
					      : u.kind == OX_UNIT_FRAME ? OX_EVENT_FRAME
					      : u.kind == OX_UNIT_BLANK ? OX_EVENT_BLANK
									: OX_EVENT_GARBAGE),
			.from_client = (whole.at & 1) != 0,
			.time = (tick_t)whole.at * TICK_MS,
			.channel = u.channel,
			.b = u.kind == OX_UNIT_FRAME ? u.payload : u.b };
		ox_session_event(s, &e);
	}
	assert(n == ERR_END && whole.at == b.n);
	while ((n = ox_split_next(&parts, bytes_sub(b, parts.at, at - parts.at), false, &u)) > 0)
		;
	assert(n == ERR_MORE && parts.at <= at);
	while (ox_split_next(&parts, bytes_sub(b, parts.at, b.n), true, &u) > 0)
		;
	assert(parts.at == b.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_session *s = ox_session_new(NULL);
	struct ox_message *m = malloc(sizeof(*m));
	struct bytes b = bytes_of(data, size);

	split(b, size ? data[0] % size : 0, false, s);
	if (size)
		split(b, size / 2, true, s);
	if (m && ox_message_read(b, m, &fs) == 0) {
		struct ox_exchange x = { .request = m, .response = m, .n_streams = 1 };
		ox_message_check(m, &fs);
		ox_exchange_check(&x, &fs);
	}
	for (size_t i = 0; i < fs.n; i++)
		assert(fs.v[i].why && fs.v[i].clause && fs.v[i].at <= size);
	free(m);
	ox_findings_clear(&fs);
	ox_session_end(s, (tick_t)size * TICK_MS);
	ox_session_free(s);
	return 0;
}
