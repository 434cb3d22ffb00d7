/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/pattern_source.h"
#include "server/modules/modules.h"

/* Media made from nothing: /pattern/… (server/wire/pattern.h). */

static int pattern_init(struct module *self, const struct prefs *p, char *why)
{
	struct pattern_body *body = xcalloc(1, sizeof *body);
	(void)p;
	(void)why;
	pattern_body_init(body);
	self->state = body;
	return 0;
}

static int pattern_open(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	struct pattern p;
	uint32_t track;
	(void)t;

	int err = pattern_read(bytes_str(path), &p, &track);
	if (err)
		return err;
	/* one of its tracks is no presentation */
	if (track)
		return ERR_NOT_FOUND;
	*out = pattern_source_new(&p, self->state);
	return 0;
}

static void pattern_shutdown(struct module *self)
{
	free(self->state);
}

const struct module mod_pattern = {
	.api_version = MODULE_API,
	.name = "pattern",
	.init = pattern_init,
	.open_source = pattern_open,
	.shutdown = pattern_shutdown,
};
