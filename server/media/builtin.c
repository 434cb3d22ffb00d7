/* SPDX-License-Identifier: MIT */
#include "server/media/builtin.h"

/* The assembler reads the clip from the repository root, where every build runs. */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"builtin_clip_begin:\n"
	".incbin \"server/tests/media/clip.mp4\"\n"
	"builtin_clip_end:\n"
	".balign 8\n"
	"builtin_clip_bytes:\n"
	".quad builtin_clip_end - builtin_clip_begin\n"
	".popsection\n");

extern const uint8_t builtin_clip_begin[];
extern const uint64_t builtin_clip_bytes;

struct bytes builtin_clip(void)
{
	return (struct bytes){ builtin_clip_begin, builtin_clip_bytes };
}
