/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_PCAPFILE_H
#define CAPTURES_PCAPFILE_H

#include <stdint.h>
#include <stdio.h>

#include "server/base/bytes.h"

/*
 * Packets of a pcap or pcapng file in file order, at nanosecond precision. pcap and pcapng come
 * through libpcap; a pcapng whose interfaces have different link types, which libpcap refuses,
 * through a block reader of our own.
 */
struct pcapfile;

struct pcap_frame {
	uint64_t no;       /* 1 = first of the file */
	int64_t at;        /* ns since 1970 */
	int link;          /* link type (DLT_ value) */
	uint32_t wire_n;   /* length on the wire; data.n is less when the snap length cut it */
	struct bytes data; /* lives until the next read */
};

/*
 * Opens a capture. 0; -errno; ERR_MISSING: the file is empty; ERR_SYNTAX: neither pcap nor pcapng;
 * ERR_TRUNCATED: ends inside its own header; ERR_UNSUPPORTED: a kind that cannot be read. *why, when
 * not NULL, becomes one line for people (heap, the caller frees) or NULL.
 */
MUST_USE int pcapfile_open(const char *path, struct pcapfile **out, char **why);
/* The same from an open, seekable stream (fmemopen). The stream is closed with the file, also on an
 * error. */
MUST_USE int pcapfile_open_stream(FILE *f, struct pcapfile **out, char **why);
void pcapfile_close(struct pcapfile *p); /* NULL is fine */

/* 0 and the next packet; ERR_END; ERR_TRUNCATED: the file ends inside a packet; ERR_CORRUPT: damaged
 * here, nothing more can be read. */
MUST_USE int pcapfile_read(struct pcapfile *p, struct pcap_frame *f);
/* What the last error was about, in words; "" when there was none. Owned by p. */
const char *pcapfile_error(const struct pcapfile *p);

/* "pcap-le-us", "pcap-be-us", "pcap-le-ns", "pcap-be-ns", "pcapng" */
const char *pcapfile_format(const struct pcapfile *p);
/* Wireshark's number for a link type ("1" is Ethernet), as tshark's frame.encap_type has it; -1 when
 * we know none. */
int pcapfile_encap_type(int link);
/* "EN10MB", "LINUX_SLL2"; "?" */
const char *pcapfile_link_name(int link);

#endif
