/* SPDX-License-Identifier: MIT */
#ifndef CI_BARE_PIN_H
#define CI_BARE_PIN_H

#include <errno.h>
#include <sched.h>

#include "server/base/attr.h"

/* This process runs on one CPU only; < 0: on any. 0 or -errno. */
MUST_USE static inline int pin_to(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

#endif
