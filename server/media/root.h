/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_ROOT_H
#define SERVER_MEDIA_ROOT_H

#include "server/base/attr.h"
#include "server/base/bytes.h"

/*
 * The folder that media is served from. The kernel keeps lookups beneath it (openat2 with
 * RESOLVE_BENEATH): no "..", no symbolic link and no absolute path leads out of it; links inside it
 * are followed.
 */

/* Opens the folder for root_open. A descriptor (the caller closes it), or -errno. */
MUST_USE int root_dir_open(const char *folder);

/*
 * Opens a regular file for reading, close-on-exec, never waiting for a FIFO. path: as in the URL after
 * unescaping, leading slashes ignored. A descriptor, or: ERR_SYNTAX (empty, a NUL inside, longer than
 * PATH_MAX), -EXDEV (leads out), -ENOENT, -EACCES, -ELOOP …, -EISDIR for a folder, -ENXIO for
 * devices, FIFOs and sockets.
 */
MUST_USE int root_open(int root_fd, struct bytes path);
/* The same for a path of the user's own, with no folder around it: "-" and relative paths are names too.
 * A descriptor, or as above without -EXDEV. */
MUST_USE int root_open_path(const char *path);

#endif
