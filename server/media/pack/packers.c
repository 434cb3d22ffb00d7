/* SPDX-License-Identifier: MIT */
#include "server/media/pack/packers.h"

#include "server/media/pack/aac.h"
#include "server/media/pack/ac3.h"
#include "server/media/pack/amr.h"
#include "server/media/pack/mpa.h"
#include "server/media/pack/opus.h"
#include "server/media/pack/pcm.h"
#include "server/media/pack/h264.h"
#include "server/media/pack/h265.h"
#include "server/media/pack/mpeg4v.h"
#include "server/media/pack/h263.h"
#include "server/media/pack/mpeg12v.h"
#include "server/media/pack/mjpeg.h"
#include "server/media/pack/vp8.h"
#include "server/media/pack/vp9.h"
#include "server/media/pack/av1.h"

static const struct packer_ops *const packers[] = {
	&aac_packer,
	&mpa_packer,
	&opus_packer,
	&pcmu_packer,
	&pcma_packer,
	&pcm_packer,
	&amr_packer,
	&amr_wb_packer,
	&ac3_packer,
	&h264_packer,
	&h265_packer,
	&mpeg4v_packer,
	&h263_packer,
	&mpeg12v_packer,
	&mjpeg_packer,
	&vp8_packer,
	&vp9_packer,
	&av1_packer,
	NULL,
};

const struct packer_ops *const *packers_list(size_t *n)
{
	*n = COUNT(packers) - 1;
	return packers;
}
