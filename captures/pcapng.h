/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_PCAPNG_H
#define CAPTURES_PCAPNG_H

#include "captures/pcapfile.h"

/*
 * A reader of pcapng blocks (section header, interface description, enhanced and simple packet; the
 * others are skipped), for files that libpcap refuses because their interfaces differ. Borrows the
 * stream.
 */
struct pcapng;

/* Do the interfaces of this file differ in link type or snap length? Reads through all block headers
 * and rewinds. */
bool pcapng_is_mixed(FILE *f);
struct pcapng *pcapng_new(FILE *f);
void pcapng_free(struct pcapng *p); /* NULL is fine */
/* As pcapfile_read, `no` untouched. *why is a literal on an error. */
MUST_USE int pcapng_read(struct pcapng *p, struct pcap_frame *f, const char **why);

#endif
