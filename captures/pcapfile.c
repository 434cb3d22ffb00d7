/* SPDX-License-Identifier: MIT */
#include "captures/pcapfile.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "captures/pcapng.h"
#include "server/base/err.h"
#include "server/base/os.h"

struct pcapfile {
	pcap_t *pcap; /* owns the stream; NULL: ng does the reading */
	FILE *f;      /* when ng reads */
	struct pcapng *ng;
	const char *format;
	uint64_t no;
	char error[PCAP_ERRBUF_SIZE];
};

static const struct {
	uint8_t magic[4];
	const char *name;
} formats[] = {
	{ { 0xd4, 0xc3, 0xb2, 0xa1 }, "pcap-le-us" },
	{ { 0xa1, 0xb2, 0xc3, 0xd4 }, "pcap-be-us" },
	{ { 0x4d, 0x3c, 0xb2, 0xa1 }, "pcap-le-ns" },
	{ { 0xa1, 0xb2, 0x3c, 0x4d }, "pcap-be-ns" },
	{ { 0x0a, 0x0d, 0x0d, 0x0a }, "pcapng" },
};

/* Link types by Wireshark's numbers (WTAP_ENCAP_…). */
static const struct {
	int link, encap;
} encaps[] = {
	{ DLT_EN10MB, 1 },
	{ DLT_RAW, 7 },
	{ 101, 7 },
	{ DLT_IPV4, 129 },
	{ DLT_IPV6, 130 },
	{ DLT_NULL, 15 },
	{ DLT_LOOP, 174 },
	{ DLT_LINUX_SLL, 25 },
	{ DLT_LINUX_SLL2, 210 },
};

int pcapfile_encap_type(int link)
{
	for (size_t i = 0; i < COUNT(encaps); i++)
		if (encaps[i].link == link)
			return encaps[i].encap;
	return -1;
}

const char *pcapfile_link_name(int link)
{
	const char *name = pcap_datalink_val_to_name(link);
	return name ? name : "?";
}

static int refuse(FILE *f, int err, char **why, const char *text)
{
	if (f)
		(void)fclose(f); /* read only */
	if (why)
		*why = xstrdup(text);
	return err;
}

/* Looks at the first bytes and rewinds. */
static int look(FILE *f, const char **format, const char **why)
{
	uint8_t magic[4];
	size_t n = fread(magic, 1, sizeof magic, f);

	if (ferror(f)) {
		*why = strerror(errno);
		return errno ? -errno : -EIO;
	}
	rewind(f);
	*why = "the file is empty";
	if (n == 0)
		return ERR_MISSING;
	for (size_t i = 0; n == sizeof magic && i < COUNT(formats); i++) {
		*format = formats[i].name;
		if (memcmp(formats[i].magic, magic, sizeof magic) == 0)
			return 0;
	}
	*why = "neither pcap nor pcapng";
	return ERR_SYNTAX;
}

int pcapfile_open_stream(FILE *f, struct pcapfile **out, char **why)
{
	struct pcapfile *p;
	const char *format, *text;
	int err;

	*out = NULL;
	if (why)
		*why = NULL;
	if ((err = look(f, &format, &text)) != 0)
		return refuse(f, err, why, text);
	p = xcalloc(1, sizeof *p);
	p->format = format;
	if (strcmp(format, "pcapng") == 0 && pcapng_is_mixed(f)) {
		p->f = f;
		p->ng = pcapng_new(f);
	} else if (!(p->pcap = pcap_fopen_offline_with_tstamp_precision(
			     f, PCAP_TSTAMP_PRECISION_NANO, p->error))) {
		bool is_short = strstr(p->error, "truncated") != NULL;
		err = refuse(f, is_short ? ERR_TRUNCATED : ERR_UNSUPPORTED, why, p->error);
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

int pcapfile_open(const char *path, struct pcapfile **out, char **why)
{
	struct stat st;
	FILE *f;

	*out = NULL;
	if (why)
		*why = NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return refuse(NULL, -EISDIR, why, strerror(EISDIR));
	if (!(f = fopen(path, "rb"))) {
		int err = errno;
		return refuse(NULL, -err, why, strerror(err));
	}
	return pcapfile_open_stream(f, out, why);
}

void pcapfile_close(struct pcapfile *p)
{
	if (!p)
		return;
	if (p->pcap)
		pcap_close(p->pcap);
	if (p->f)
		(void)fclose(p->f); /* read only */
	pcapng_free(p->ng);
	free(p);
}

static int read_libpcap(struct pcapfile *p, struct pcap_frame *f)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	int got = pcap_next_ex(p->pcap, &h, &data);

	if (got == PCAP_ERROR_BREAK)
		return ERR_END;
	if (got != 1) {
		snprintf(p->error, sizeof p->error, "%s", pcap_geterr(p->pcap));
		return strstr(p->error, "truncated") ? ERR_TRUNCATED : ERR_CORRUPT;
	}
	/* libpcap hands hostile seconds through as they are; the field holds ns here */
	f->at = h->ts.tv_sec >= 0 && h->ts.tv_sec < INT64_MAX / TICK_S - 1
			? (int64_t)h->ts.tv_sec * TICK_S + (int64_t)h->ts.tv_usec % TICK_S
			: 0;
	f->link = pcap_datalink(p->pcap);
	f->wire_n = h->len < h->caplen ? h->caplen : h->len;
	f->data = bytes_of(data, h->caplen);
	return 0;
}

int pcapfile_read(struct pcapfile *p, struct pcap_frame *f)
{
	const char *why = "";
	int err;

	if (p->pcap) {
		err = read_libpcap(p, f);
	} else if ((err = pcapng_read(p->ng, f, &why)) != 0 && err != ERR_END) {
		snprintf(p->error, sizeof p->error, "%s", why);
	}
	if (!err)
		f->no = ++p->no;
	return err;
}

const char *pcapfile_error(const struct pcapfile *p)
{
	return p->error;
}

const char *pcapfile_format(const struct pcapfile *p)
{
	return p->format;
}
