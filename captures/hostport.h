/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_HOSTPORT_H
#define CAPTURES_HOSTPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"

/* An IP address with a port, by value, ready for hashing: unused octets are zero. */
struct host_port {
	uint8_t family;   /* 4, 6; 0 = none */
	uint8_t addr[16]; /* network order; IPv4 in the first four */
	uint16_t port;
};

struct sockaddr;
/* AF_INET or AF_INET6 (a v4-mapped address becomes IPv4). ERR_UNSUPPORTED for other families. */
MUST_USE int host_port_of_sockaddr(const struct sockaddr *sa, struct host_port *hp);
/* "192.0.2.1", "2001:db8::1" */
MUST_USE int host_port_read(const char *host, uint16_t port, struct host_port *hp);

bool host_port_is_eq(const struct host_port *a, const struct host_port *b);
/* The same address, whatever the port. */
bool host_port_is_host(const struct host_port *a, const struct host_port *b);

/* "192.0.2.1:554", "[2001:db8::1]:554"; "-" for none. Returns buf. */
enum { HOST_PORT_STR = 64 };
char *host_port_str(const struct host_port *hp, char buf[HOST_PORT_STR]);

#endif
