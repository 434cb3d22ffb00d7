/* SPDX-License-Identifier: MIT */
#include "server/media/pack/packers.h"

static const struct packer_ops *const packers[] = {
	NULL,
};

const struct packer_ops *const *packers_list(size_t *n)
{
	*n = COUNT(packers) - 1;
	return packers;
}
