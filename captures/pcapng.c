/* SPDX-License-Identifier: MIT */
#include "captures/pcapng.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	ORDER_MAGIC = 0x1a2b3c4d,
	BLOCK_MAX = 16 * 1024 * 1024,
	INTERFACES_MAX = 1024,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14
};

struct interface {
	int link;
	uint32_t snaplen;
	uint64_t units; /* time stamps count 1/units of a second; 0: unreadable, taken as µs */
	int64_t offset_s;
};
struct pcapng {
	FILE *f;
	bool swap;
	struct interface v[INTERFACES_MAX];
	uint32_t n;
	uint8_t *body; /* of the block read last */
	size_t cap;
};

static uint32_t u32(const struct pcapng *p, const uint8_t *b)
{
	uint32_t v;
	memcpy(&v, b, sizeof v);
	return p->swap ? __builtin_bswap32(v) : v;
}

static uint16_t u16(const struct pcapng *p, const uint8_t *b)
{
	uint16_t v;
	memcpy(&v, b, sizeof v);
	return p->swap ? __builtin_bswap16(v) : v;
}

struct pcapng *pcapng_new(FILE *f)
{
	struct pcapng *p = xcalloc(1, sizeof *p);
	p->f = f;
	return p;
}

void pcapng_free(struct pcapng *p)
{
	if (!p)
		return;
	free(p->body);
	free(p);
}

/* The section's byte order stands behind the length, which it is needed for. */
static int read_order(struct pcapng *p, uint8_t magic[4])
{
	uint32_t m;
	if (fread(magic, 1, 4, p->f) != 4)
		return ERR_TRUNCATED;
	memcpy(&m, magic, sizeof m);
	if (m != ORDER_MAGIC && m != __builtin_bswap32(ORDER_MAGIC))
		return ERR_CORRUPT;
	p->swap = m != ORDER_MAGIC;
	p->n = 0; /* interfaces belong to their section */
	return 0;
}

/* Reads one block into p->body (without its header and trailing length; *n bytes). `keep` false:
 * skips the bodies of packets. */
static int read_block(struct pcapng *p, bool keep, uint32_t *type, size_t *n)
{
	uint8_t head[8], magic[4];
	size_t had = 0;
	uint32_t total;
	size_t got = fread(head, 1, sizeof head, p->f);

	if (got == 0)
		return ERR_END;
	if (got < sizeof head)
		return ERR_TRUNCATED;
	*type = u32(p, head); /* a section header's type reads the same both ways */
	if (*type == BLOCK_SECTION) {
		int err = read_order(p, magic);
		if (err)
			return err;
		had = 4;
	}
	total = u32(p, head + 4);
	if (total < 12 + had || total > BLOCK_MAX || total % 4)
		return ERR_CORRUPT;
	*n = total - 12;
	if (!keep && *type != BLOCK_INTERFACE)
		return fseek(p->f, (long)(total - 8 - had), SEEK_CUR) == 0 ? 0 : ERR_TRUNCATED;
	if (p->cap < total)
		p->body = xrealloc(p->body, p->cap = total);
	if (had)
		memcpy(p->body, magic, had);
	if (fread(p->body + had, 1, total - 8 - had, p->f) != total - 8 - had)
		return ERR_TRUNCATED;
	return u32(p, p->body + *n) == total ? 0 : ERR_CORRUPT;
}

static uint64_t resolution_read(uint8_t v)
{
	uint64_t units = 1;
	unsigned power = v & 0x7f;

	if (v & 0x80)
		return power < 60 ? (uint64_t)1 << power : 0;
	if (power > 18)
		return 0;
	while (power--)
		units *= 10;
	return units;
}

static int add_interface(struct pcapng *p, size_t n)
{
	struct interface *i;
	size_t at = 8;

	if (n < 8 || p->n == INTERFACES_MAX)
		return ERR_CORRUPT;
	i = &p->v[p->n++];
	*i = (struct interface){
		.link = u16(p, p->body), .snaplen = u32(p, p->body + 4), .units = 1000000
	};
	while (n - at >= 4) {
		uint16_t code = u16(p, p->body + at), len = u16(p, p->body + at + 2);
		at += 4;
		if (code == 0 || len > n - at)
			break;
		if (code == OPTION_TSRESOL && len == 1)
			i->units = resolution_read(p->body[at]);
		if (code == OPTION_TSOFFSET && len == 8) {
			memcpy(&i->offset_s, p->body + at, 8);
			if (p->swap)
				i->offset_s = (int64_t)__builtin_bswap64((uint64_t)i->offset_s);
		}
		len = (uint16_t)((len + 3U) & ~3U);
		if (len > n - at)
			break;
		at += len;
	}
	if (i->units == 0)
		i->units = 1000000;
	return 0;
}

bool pcapng_is_mixed(FILE *f)
{
	struct pcapng *p = pcapng_new(f);
	bool is_mixed = false, has_first = false;
	struct interface first = { .link = 0 };
	uint32_t type;
	size_t n;

	while (!is_mixed && read_block(p, false, &type, &n) == 0) {
		if (type != BLOCK_INTERFACE)
			continue;
		if (add_interface(p, n) != 0)
			break;
		if (!has_first)
			first = p->v[p->n - 1];
		has_first = true;
		is_mixed = first.link != p->v[p->n - 1].link ||
			   first.snaplen != p->v[p->n - 1].snaplen;
	}
	pcapng_free(p);
	rewind(f);
	return is_mixed;
}

static int64_t time_of(const struct interface *i, uint64_t stamp)
{
	uint64_t s = stamp / i->units, part = stamp % i->units;
	int64_t ns = (int64_t)((unsigned __int128)part * 1000000000U / i->units);

	/* a hostile file must not overflow: beyond 200 years nothing is a time */
	if (s > 6000000000U || i->offset_s > 6000000000 || i->offset_s < -6000000000)
		return 0;
	return ((int64_t)s + i->offset_s) * 1000000000 + ns;
}

static int enhanced_read(struct pcapng *p, size_t n, struct pcap_frame *f)
{
	uint32_t iface, cap;

	if (n < 20)
		return ERR_CORRUPT;
	iface = u32(p, p->body);
	cap = u32(p, p->body + 12);
	if (iface >= p->n || cap > n - 20)
		return ERR_CORRUPT;
	f->link = p->v[iface].link;
	f->at = time_of(&p->v[iface], (uint64_t)u32(p, p->body + 4) << 32 | u32(p, p->body + 8));
	f->wire_n = u32(p, p->body + 16);
	f->data = bytes_of(p->body + 20, cap);
	return 0;
}

static int simple_read(struct pcapng *p, size_t n, struct pcap_frame *f)
{
	if (n < 4 || p->n == 0)
		return ERR_CORRUPT;
	f->link = p->v[0].link;
	f->wire_n = u32(p, p->body);
	f->at = 0; /* this block has no time */
	f->data = bytes_sub(bytes_of(p->body, n), 4, f->wire_n);
	return 0;
}

int pcapng_read(struct pcapng *p, struct pcap_frame *f, const char **why)
{
	for (;;) {
		uint32_t type;
		size_t n;
		int err = read_block(p, true, &type, &n);

		if (!err && type == BLOCK_INTERFACE)
			err = add_interface(p, n);
		*why = err == ERR_TRUNCATED ? "the file ends inside a block"
		       : err == ERR_CORRUPT ? "a block contradicts itself"
					    : "";
		if (err)
			return err;
		if (type == BLOCK_ENHANCED || type == BLOCK_SIMPLE) {
			err = type == BLOCK_ENHANCED ? enhanced_read(p, n, f)
						     : simple_read(p, n, f);
			*why = err ? "a packet block contradicts itself" : "";
			return err;
		}
	}
}
