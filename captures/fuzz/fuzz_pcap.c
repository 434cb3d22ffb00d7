/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "captures/dialog.h"
#include "captures/json.h"
#include "captures/show.h"
#include "server/base/os.h"

/*
 * Any bytes as a capture: read, told in words and in JSON. The first byte of an input chooses small
 * limits, so that they are met too.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct dialog_limits few = { .packets = 64,
		.kept_bytes = 4096,
		.tcp_streams = 4,
		.udp_flows = 4,
		.messages = 8,
		.rtp_streams = 4 };
	struct dialog *d;
	FILE *f, *out;
	json_t *o;
	tick_t last = 0;

	if (n < 2)
		return 0;
	f = fmemopen((void *)(uintptr_t)(data + 1), n - 1, "rb");
	if (!f)
		die("no memory stream");
	if (dialog_read_stream(f, "fuzz", data[0] & 1 ? &few : NULL, &d, NULL) != 0)
		return 0;
	if (!(out = fopen("/dev/null", "w")))
		die("no /dev/null");
	show_details(out, d);
	for (uint32_t i = 0; i < d->n_connections; i++) {
		show_transcript(out, d, &d->connections[i], false);
		for (size_t k = 0; k < d->connections[i].n_events; k++)
			(void)dialog_oracle_event(&d->connections[i], k, d->file.first, &last);
	}
	(void)fclose(out); /* nothing was kept */
	o = dialog_json(d);
	if (!o)
		die("no JSON");
	json_decref(o);
	dialog_free(d);
	return 0;
}
