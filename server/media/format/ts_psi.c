/* SPDX-License-Identifier: MIT */
#include "server/media/format/ts_psi.h"

#include <string.h>

enum {
	TABLE_PAT = 0,
	TABLE_PMT = 2,
	PAT_HEADER = 8, /* of both: up to last_section_number */
	CRC_BYTES = 4
};

/* stream_type of video (13818-1 table 2-34), and which start codes, masked, begin a run of headers */
static const struct {
	uint8_t type;
	uint8_t mask;
	uint8_t entry[3];
} videos[] = {
	{ 0x01, 0xff, { 0xb3, 0xb3, 0xb3 } },          /* MPEG-1: sequence header */
	{ 0x02, 0xff, { 0xb3, 0xb3, 0xb3 } },          /* MPEG-2 */
	{ 0x10, 0xff, { 0xb0, 0xb5, 0x20 } },          /* MPEG-4: VOS, VO, VOL */
	{ 0x1b, 0x1f, { 7, 5, 7 } },                   /* H.264: SPS, IDR */
	{ 0x24, 0x7e, { 32 << 1, 33 << 1, 19 << 1 } }, /* H.265: VPS, SPS, IDR */
	{ 0xea, 0xff, { 0x0f, 0x0f, 0x0f } },          /* VC-1: sequence header */
	{ 0x42, 0xff, { 0xb0, 0xb0, 0xb0 } },          /* AVS */
};

static int video_of(uint8_t type)
{
	for (size_t i = 0; i < COUNT(videos); i++) {
		if (videos[i].type == type)
			return (int)i;
	}
	return -1;
}

void ts_psi_init(struct ts_psi *s)
{
	*s = (struct ts_psi){
		.pmt_pid = TS_PID_NONE, .pcr_pid = TS_PID_NONE, .video_pid = TS_PID_NONE
	};
}

/* A section that begins in this packet, from its table_id on and as far as the packet goes. */
static bool section_start(const struct ts_packet *p, struct bytes *out)
{
	struct cur c = { p->payload };
	uint8_t pointer;

	if (!p->starts || !cur_u8(&c, &pointer) || !cur_skip(&c, pointer))
		return false;
	*out = c.b;
	return c.b.n >= PAT_HEADER;
}

/* Octets of the whole section; 0: not long enough for its header. */
static size_t section_length(struct bytes s)
{
	size_t n = 3 + (be16(s.p + 1) & 0xfffu);

	return n < PAT_HEADER + CRC_BYTES ? 0 : n;
}

/* One packet's worth of a PAT holds the first program. */
static void read_pat(struct ts_psi *s, struct bytes b)
{
	size_t n = section_length(b);

	if (b.p[0] != TABLE_PAT || !n)
		return;
	s->has_pat = true;
	s->n_programs = 0;
	for (size_t at = PAT_HEADER; at + 4 + CRC_BYTES <= n && at + 4 <= b.n; at += 4) {
		if (!be16(b.p + at)) /* network_PID */
			continue;
		if (!s->n_programs++)
			s->pmt_pid = be16(b.p + at + 2) & 0x1fff;
	}
}

static void read_pmt(struct ts_psi *s, struct bytes b)
{
	struct cur c = { bytes_sub(b, PAT_HEADER, b.n - PAT_HEADER - CRC_BYTES) };
	uint16_t pcr_pid, info, pid, es_info;
	uint8_t type;

	if (b.p[0] != TABLE_PMT || !cur_be16(&c, &pcr_pid) || !cur_be16(&c, &info) ||
		!cur_skip(&c, info & 0xfff))
		return;
	s->has_pmt = true;
	s->pcr_pid = pcr_pid & 0x1fff;
	while (cur_u8(&c, &type) && cur_be16(&c, &pid) && cur_be16(&c, &es_info) &&
		cur_skip(&c, es_info & 0xfff)) {
		if (s->video_pid == TS_PID_NONE && video_of(type) >= 0) {
			s->video_pid = pid & 0x1fff;
			s->video_type = type;
		}
	}
}

/* A PMT with many descriptors goes over several packets. */
static void gather_pmt(struct ts_psi *s, const struct ts_packet *p)
{
	struct bytes b = p->payload;
	size_t n;

	if (section_start(p, &b))
		s->section_n = 0;
	else if (p->starts || !s->section_n)
		return;
	if (b.n > sizeof s->section - s->section_n)
		b.n = sizeof s->section - s->section_n;
	memcpy(s->section + s->section_n, b.p, b.n);
	s->section_n += b.n;
	n = section_length(bytes_of(s->section, s->section_n));
	if (!n || n > sizeof s->section) {
		s->section_n = 0;
	} else if (n <= s->section_n) {
		read_pmt(s, bytes_of(s->section, n));
		s->section_n = 0;
	}
}

void ts_psi_add(struct ts_psi *s, const struct ts_packet *p)
{
	struct bytes b;

	if (!p->payload.n)
		return;
	if (p->pid == TS_PID_PAT && !s->has_pat && section_start(p, &b))
		read_pat(s, b);
	else if (p->pid == s->pmt_pid && !s->has_pmt)
		gather_pmt(s, p);
}

bool ts_psi_is_entry(const struct ts_psi *s, const struct ts_packet *p)
{
	int video = video_of(s->video_type);
	struct bytes b = p->payload;

	if (p->pid != s->video_pid)
		return false;
	if (p->random_access)
		return true;
	if (!p->starts || video < 0 || b.n < 9 || be24(b.p) != 1)
		return false;
	for (size_t i = 9 + (size_t)b.p[8]; i + 4 <= b.n; i++) {
		uint8_t code = b.p[i + 3] & videos[video].mask;

		if (be24(b.p + i) == 1 && memchr(videos[video].entry, code, 3))
			return true;
	}
	return false;
}
