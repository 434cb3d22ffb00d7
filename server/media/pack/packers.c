/* SPDX-License-Identifier: MIT */
#include "server/media/pack/packers.h"

#include "server/media/pack/h264.h"

#include "server/media/pack/aac.h"
#include "server/media/pack/h264.h"

static const struct packer_ops *const packers[] = {
	&aac_packer,
	&h264_packer,
	&h264_packer,
	NULL,
};

const struct packer_ops *const *packers_list(size_t *n)
{
	*n = COUNT(packers) - 1;
	return packers;
}
