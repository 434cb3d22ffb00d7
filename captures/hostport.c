/* SPDX-License-Identifier: MIT */
#include "captures/hostport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/err.h"

static bool is_v4_mapped(const uint8_t a[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(a, prefix, sizeof prefix) == 0;
}

int host_port_of_sockaddr(const struct sockaddr *sa, struct host_port *hp)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		*hp = (struct host_port){ .family = 4, .port = ntohs(in.sin_port) };
		memcpy(hp->addr, &in.sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		*hp = (struct host_port){ .family = 6, .port = ntohs(in6.sin6_port) };
		memcpy(hp->addr, &in6.sin6_addr, 16);
		if (is_v4_mapped(hp->addr)) {
			hp->family = 4;
			memmove(hp->addr, hp->addr + 12, 4);
			memset(hp->addr + 4, 0, 12);
		}
		return 0;
	}
	return ERR_UNSUPPORTED;
}

int host_port_read(const char *host, uint16_t port, struct host_port *hp)
{
	*hp = (struct host_port){ .family = 4, .port = port };
	if (inet_pton(AF_INET, host, hp->addr) == 1)
		return 0;
	hp->family = 6;
	if (inet_pton(AF_INET6, host, hp->addr) == 1)
		return 0;
	*hp = (struct host_port){ .family = 0 };
	return ERR_SYNTAX;
}

bool host_port_is_host(const struct host_port *a, const struct host_port *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

bool host_port_is_eq(const struct host_port *a, const struct host_port *b)
{
	return a->port == b->port && host_port_is_host(a, b);
}

char *host_port_str(const struct host_port *hp, char buf[HOST_PORT_STR])
{
	char a[INET6_ADDRSTRLEN];

	if (hp->family == 4 && inet_ntop(AF_INET, hp->addr, a, sizeof a))
		snprintf(buf, HOST_PORT_STR, "%s:%u", a, hp->port);
	else if (hp->family == 6 && inet_ntop(AF_INET6, hp->addr, a, sizeof a))
		snprintf(buf, HOST_PORT_STR, "[%s]:%u", a, hp->port);
	else
		snprintf(buf, HOST_PORT_STR, "-");
	return buf;
}
