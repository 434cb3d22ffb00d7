/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "captures/dialog.h"
#include "captures/pcapfile.h"
#include "captures/pcapout.h"
#include "server/base/err.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/* Bytes as a capture: answers what opening and reading all of it gives. */
static int read_bytes(const void *p, size_t n, unsigned *packets, char **why)
{
	FILE *f = n ? fmemopen((void *)(uintptr_t)p, n, "rb") : tmpfile();
	struct pcapfile *file;
	struct pcap_frame frame;
	int err;

	*packets = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	if ((err = pcapfile_open_stream(f, &file, why)) != 0)
		return err;
	while ((err = pcapfile_read(file, &frame)) == 0)
		++*packets;
	pcapfile_close(file);
	return err;
}

static void t_refused(void)
{
	static const char text[] = "GIF89a, not a capture at all, however long it may be";
	static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0 };
	unsigned n;
	char *why;

	CU_ASSERT_EQUAL(read_bytes(text, sizeof text, &n, &why), ERR_SYNTAX);
	CU_ASSERT_STRING_EQUAL(why, "neither pcap nor pcapng");
	free(why);
	CU_ASSERT_EQUAL(read_bytes(head, 10, &n, &why), ERR_TRUNCATED);
	free(why);
	CU_ASSERT_EQUAL(read_bytes(head, 3, &n, &why), ERR_SYNTAX);
	free(why);
	CU_ASSERT_EQUAL(read_bytes(head, sizeof head, &n, &why), ERR_END);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(read_bytes("", 0, &n, &why), ERR_MISSING);
	CU_ASSERT_STRING_EQUAL(why, "the file is empty");
	free(why);
}

static void t_empty(void)
{
	struct dialog *d;
	char *why;

	CU_ASSERT_EQUAL(dialog_read("/dev/null", NULL, &d, &why), -ESPIPE);
	free(why);
	CU_ASSERT_EQUAL(dialog_read("/", NULL, &d, &why), -EISDIR);
	free(why);
	CU_ASSERT_EQUAL(dialog_read("/nowhere/x.pcap", NULL, &d, &why), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why, "No such file or directory");
	free(why);
}

/* One block of a pcapng file in this machine's order. */
static size_t put_block(uint8_t *b, uint32_t type, const void *body, uint32_t n)
{
	uint32_t total = 12 + ((n + 3) & ~3U);
	memset(b, 0, total);
	memcpy(b, &type, 4);
	memcpy(b + 4, &total, 4);
	memcpy(b + 8, body, n);
	memcpy(b + total - 4, &total, 4);
	return total;
}

/* A file with an Ethernet interface in µs and a raw one in 2^-20 s. */
static size_t put_mixed(uint8_t *b)
{
	static const uint32_t section[] = { 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff };
	static const uint32_t ethernet[] = { 1, 65535 };
	static const uint32_t raw[] = { 101, 262144, 9 | 1 << 16, 0x94, 0 };
	static const uint32_t first[] = { 0, 0, 1500000, 4, 60, 0x11111111 };
	static const uint32_t second[] = { 1, 0, 3 << 19, 3, 3, 0x00222222 };
	size_t n = 0;

	n += put_block(b + n, 0x0a0d0d0a, section, sizeof section);
	n += put_block(b + n, 1, ethernet, sizeof ethernet);
	n += put_block(b + n, 1, raw, sizeof raw);
	n += put_block(b + n, 5, first, 4); /* statistics or so: skipped */
	n += put_block(b + n, 6, first, sizeof first);
	n += put_block(b + n, 6, second, sizeof second);
	return n;
}

static void t_mixed(void)
{
	uint8_t b[1024];
	size_t n = put_mixed(b);
	struct pcapfile *p;
	struct pcap_frame f;

	CU_ASSERT_EQUAL_FATAL(pcapfile_open_stream(fmemopen(b, n, "rb"), &p, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(pcapfile_read(p, &f), 0);
	CU_ASSERT(
		f.link == DLT_EN10MB && f.at == 1500 * TICK_MS && f.data.n == 4 && f.wire_n == 60);
	CU_ASSERT_EQUAL_FATAL(pcapfile_read(p, &f), 0);
	CU_ASSERT(f.link == 101 && f.at == 1500 * TICK_MS && f.data.n == 3 && f.no == 2);
	CU_ASSERT_EQUAL(pcapfile_read(p, &f), ERR_END);
	pcapfile_close(p);
	for (size_t cut = 4; cut < n; cut++) {
		unsigned packets;
		char *why;
		(void)read_bytes(b, cut, &packets, &why);
		free(why);
		CU_ASSERT(packets <= 2);
	}
}

static void t_writer(void)
{
	char path[] = "/tmp/beagle-pcapout-XXXXXX";
	struct host_port a, b, six;
	struct pcapout *o;
	struct pcapout_tcp *c;
	struct pcapfile *p;
	struct pcap_frame f;
	static uint8_t big[5000];
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	(void)close(fd); /* only the name is wanted */
	CU_ASSERT_EQUAL(host_port_read("10.0.0.1", 1, &a) | host_port_read("10.0.0.2", 2, &b), 0);
	CU_ASSERT_EQUAL(host_port_read("::1", 3, &six), 0);
	o = pcapout_open(path, PCAPOUT_ETHERNET, 0);
	c = pcapout_tcp_open(o, 1, &a, &b);
	pcapout_tcp_send(c, 2, true, bytes_of(big, sizeof big)); /* 4 segments */
	pcapout_tcp_close(c, 3, true);
	pcapout_tcp_send(c, 4, true, B("too late"));
	pcapout_udp(o, 5, &a, &six, B("two families"));
	CU_ASSERT_EQUAL(pcapout_packets(o), 9);
	CU_ASSERT_EQUAL(pcapout_dropped(o), 1);
	CU_ASSERT_EQUAL(pcapout_commit(o), 0);
	CU_ASSERT_EQUAL_FATAL(pcapfile_open(path, &p, NULL), 0);
	CU_ASSERT_STRING_EQUAL(pcapfile_format(p), "pcap-le-ns");
	CU_ASSERT_EQUAL(pcapfile_read(p, &f), 0);
	CU_ASSERT_EQUAL(f.at, 1);
	pcapfile_close(p);
	(void)unlink(path);
}

static void t_writer_bound(void)
{
	char path[] = "/tmp/beagle-pcapout-XXXXXX";
	struct host_port a;
	struct pcapout *o;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	(void)close(fd); /* only the name is wanted */
	CU_ASSERT_EQUAL(host_port_read("10.0.0.1", 1, &a), 0);
	o = pcapout_open(path, PCAPOUT_RAW_IP, 1000);
	for (int i = 0; i < 100; i++)
		pcapout_udp(o, i, &a, &a, B("payload"));
	CU_ASSERT(pcapout_packets(o) > 5 && pcapout_packets(o) + pcapout_dropped(o) == 100);
	pcapout_abort(o);
	CU_ASSERT_PTR_NULL(pcapout_open("/nowhere/at/all.pcap", PCAPOUT_RAW_IP, 0));
	(void)unlink(path);
}

UNIT_SUITE(captures_pcapfile, { "what is no capture is refused with the reason", t_refused },
	{ "missing files, folders and pipes are refused", t_empty },
	{ "pcapng with several link types and clocks, cut anywhere", t_mixed },
	{ "what is written is read back; TCP after FIN and mixed families are dropped", t_writer },
	{ "the writer stops at its size, and leaves no file when aborted", t_writer_bound });
