/* SPDX-License-Identifier: MIT */
#include "server/media/pack/codec.h"

#define CODEC_ROW(id, name, is_video) [id] = { name, is_video },
static const struct {
	const char *name;
	bool is_video;
} codecs[CODEC_COUNT] = { [CODEC_NONE] = { "unknown", false }, CODEC_TABLE(CODEC_ROW) };
#undef CODEC_ROW

const char *codec_name(enum codec_id id)
{
	return codecs[id].name;
}

bool codec_is_video(enum codec_id id)
{
	return codecs[id].is_video;
}
