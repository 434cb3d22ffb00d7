/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_PACKERS_H
#define SERVER_MEDIA_PACK_PACKERS_H

#include "server/media/pack/pack.h"

/* The packetisers that there are: each is one file, and one line of packers.c. */
const struct packer_ops *const *packers_list(size_t *n);

#endif
