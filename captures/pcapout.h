/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_PCAPOUT_H
#define CAPTURES_PCAPOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "captures/hostport.h"
#include "server/base/bytes.h"

/*
 * A nanosecond pcap of packets that we make up around bytes that were really sent or received, so
 * that evidence needs no root and no capture device. Lengths, checksums, sequence and acknowledgement
 * numbers are right: Wireshark reassembles and dissects the file with no complaint.
 *
 * Errors are sticky: a call after the first failed write does nothing, and pcapout_commit tells. The
 * file appears whole or not at all. Times are ns since 1970 (CLOCK_REALTIME); they may fall. Single
 * thread. Both ends of a packet have the same address family, else the packet is dropped and counted.
 */
struct pcapout;
enum pcapout_link { PCAPOUT_ETHERNET, PCAPOUT_RAW_IP };

/* NULL with errno set. max_bytes: packets beyond this file size are counted, not written; 0 = 64
 * MiB. */
struct pcapout *pcapout_open(const char *path, enum pcapout_link link, uint64_t max_bytes);
/* Closes and renames. 0 or -errno; frees in any case. Connections still open are left without FIN. */
MUST_USE int pcapout_commit(struct pcapout *o);
/* Leaves no file. NULL is fine. */
void pcapout_abort(struct pcapout *o);
uint64_t pcapout_packets(const struct pcapout *o); /* written so far */
uint64_t pcapout_dropped(const struct pcapout *o); /* not written: size, family, payload too long */

/* One datagram. More than 65507 bytes (IPv4) cannot be one: dropped and counted. */
void pcapout_udp(struct pcapout *o, int64_t at, const struct host_port *src,
	const struct host_port *dst, struct bytes payload);

/*
 * One TCP connection. _open writes SYN, SYN+ACK, ACK; _send writes data segments of at most 1448
 * bytes with PSH on the last, each acknowledging what the other side has sent so far; _close writes
 * FIN+ACK and its ACK for that side; _reset a RST. Sending after close or reset is allowed and writes
 * nothing. Owned by o, gone with it; more than 65536 connections answer NULL, and every call takes
 * NULL.
 */
struct pcapout_tcp;
struct pcapout_tcp *pcapout_tcp_open(struct pcapout *o, int64_t at, const struct host_port *client,
	const struct host_port *server);
void pcapout_tcp_send(struct pcapout_tcp *c, int64_t at, bool from_client, struct bytes data);
void pcapout_tcp_close(struct pcapout_tcp *c, int64_t at, bool from_client);
void pcapout_tcp_reset(struct pcapout_tcp *c, int64_t at, bool from_client);

#endif
