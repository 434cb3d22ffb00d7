/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_EXTRACT_H
#define CAPTURES_EXTRACT_H

#include "captures/dialog.h"

/*
 * Writes into a folder, which is made when it isn't there:
 *   session-N.txt    transcript of the RTSP connection with TCP stream number N
 *   session-N.jsonl  its script: one JSON object a line, a head, then every message in order
 *   session-N.pcap   that session alone: its messages, media and RTCP in packets made anew
 *   rtp-K.pcap       the packets of RTP stream K (from 0, as `list` orders them), as UDP
 * Repeats of the recording are left out. Without `secrets`, credentials are taken out of all of them.
 * `session`: TCP stream number, or -1 for all of the file. Every file appears whole or not at all.
 */
struct extract_opts {
	const char *folder;
	int64_t session;
	bool secrets;
};
/* 0; ERR_NOT_FOUND: no such session; -errno. *n_files counts the files written; *why becomes one line
 * for people (heap) on an error, else NULL. */
MUST_USE int extract_all(
	const struct dialog *d, const struct extract_opts *opts, unsigned *n_files, char **why);

#endif
