/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_CTL_NATIVE_H
#define LOADGEN_CTL_NATIVE_H

#include "loadgen/ctl.h"
#include "server/base/buf.h"

/*
 * Our own RTSP connection. Reads into the run's scratch area, so an idle connection holds no buffer;
 * `$` frames are handed out in place. Embedded in its owner, who keeps it at its place until the
 * loops have ended; may be opened again after it was closed.
 */
struct ctl {
	const struct ctl_ops *ops;
	struct ctl_shared *shared;
	void *owner;
	struct task task;      /* in the run's loop */
	struct task tick_task; /* in the tick loop, once it carries media */
	struct watch watch;
	int fd; /* -1 = closed */
	bool connecting, is_ticking;
	struct buf left; /* read, not yet a whole message or frame */
	struct buf out;  /* not yet taken by the kernel */
};

/* Once per memory. */
void ctl_native_init(struct ctl *c, struct ctl_shared *shared, void *owner);
/* Frees; closed before. */
void ctl_native_clear(struct ctl *c);
/* The connection's own address; n = 0 when it is not connected. */
struct addr ctl_native_local(const struct ctl *c);

#endif
