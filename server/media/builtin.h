/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_BUILTIN_H
#define SERVER_MEDIA_BUILTIN_H

#include "server/base/bytes.h"

/* The clip that is linked into the server (10 s, H.264 and AAC, hinted): served as /clip.mp4 when no
 * folder is given. Lives as long as the process; for title_open_memory. */
struct bytes builtin_clip(void);

#endif
