/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_LINK_H
#define CAPTURES_LINK_H

#include "server/base/bytes.h"

/*
 * Takes the link-layer header off a frame: EN10MB (with any number of VLAN tags up to 8), LINUX_SLL,
 * LINUX_SLL2, RAW, IPV4, IPV6, NULL and LOOP. Gives the IP packet, padding of short Ethernet frames
 * still behind it. `link` is a DLT_ value. 0; ERR_UNSUPPORTED: another link type, or no IP inside;
 * ERR_TRUNCATED: shorter than its header.
 */
MUST_USE int link_strip(int link, struct bytes frame, struct bytes *ip);

#endif
