/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_HOST_H
#define REPORTS_HOST_H

struct json_t;

/* The machine: adds os, kernel, cpu, cpus, memory, descriptor limit, receive-buffer limit to the
 * JSON object. A fact that cannot be read is left out. No host name, no user name. */
void host_facts(struct json_t *environment);

#endif
