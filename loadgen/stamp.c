/* SPDX-License-Identifier: MIT */
#include "loadgen/stamp.h"

#include <string.h>
#include <time.h>

#include "server/base/os.h"

/* A reading that took longer was interrupted in between; used only when the old one is stale. */
static const tick_t good_reading = 5 * TICK_US, stale = 100 * TICK_MS;

void stamp_want(int fd)
{
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void stamp_refresh(struct stamp_clock *c)
{
	tick_t before = os_now();
	int64_t real = os_realtime();
	tick_t after = os_now();

	if (c->known && after - before > good_reading && after - c->read_at < stale)
		return;
	*c = (struct stamp_clock){ real - (before + after) / 2, after, true };
}

tick_t stamp_read(const struct stamp_clock *c, const void *data, tick_t now)
{
	struct timespec t;

	memcpy(&t, data, sizeof t);
	if (t.tv_sec == 0)
		return now;
	tick_t at = (tick_t)t.tv_sec * TICK_S + t.tv_nsec - c->offset;
	return at > now ? now : at;
}

tick_t stamp_or_now(const struct stamp_clock *c, struct msghdr *m, tick_t now)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS)
			return stamp_read(c, CMSG_DATA(h), now);
	return now;
}
