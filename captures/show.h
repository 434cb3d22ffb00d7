/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_SHOW_H
#define CAPTURES_SHOW_H

#include <stdio.h>

#include "captures/dialog.h"

/* A capture in words, for people; secrets are taken out. The writer looks at ferror(f) afterwards. */

/* A line on the file, one per RTSP connection (numbered as its TCP stream: what --session takes), one
 * per media stream. */
void show_list(FILE *f, const struct dialog *d);
/* The same with all facts and one line per message and per run of media. */
void show_details(FILE *f, const struct dialog *d);
/* Every message whole, with its time and direction, and one line per run of media packets. with
 * `secrets` nothing is taken out. */
void show_transcript(
	FILE *f, const struct dialog *d, const struct dialog_connection *c, bool secrets);

#endif
