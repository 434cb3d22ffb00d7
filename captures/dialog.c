/* SPDX-License-Identifier: MIT */
#include "captures/dialog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "captures/build.h"
#include "captures/digest.h"
#include "captures/grow.h"
#include "server/base/err.h"

static const struct dialog_limits defaults = {
	.packets = 50000000,
	.kept_bytes = (uint64_t)1 << 30,
	.tcp_streams = 65536,
	.udp_flows = 65536,
	.messages = 1000000,
	.rtp_streams = 4096,
};

static struct dialog_limits limits_of(const struct dialog_limits *l)
{
	struct dialog_limits r = defaults;

	if (!l)
		return r;
	r.packets = l->packets ? l->packets : r.packets;
	r.kept_bytes = l->kept_bytes ? l->kept_bytes : r.kept_bytes;
	r.tcp_streams = l->tcp_streams ? l->tcp_streams : r.tcp_streams;
	r.udp_flows = l->udp_flows ? l->udp_flows : r.udp_flows;
	r.messages = l->messages ? l->messages : r.messages;
	r.rtp_streams = l->rtp_streams ? l->rtp_streams : r.rtp_streams;
	return r;
}

static void note_link(struct dialog_file *file, int link)
{
	for (unsigned i = 0; i < file->n_links; i++)
		if (file->links[i] == link)
			return;
	if (file->n_links < COUNT(file->links))
		file->links[file->n_links++] = link;
}

static void note_frame(struct dialog_file *file, const struct pcap_frame *frame, int64_t *before)
{
	if (file->packets == 0 || frame->at < file->first)
		file->first = frame->at;
	if (file->packets == 0 || frame->at > file->last)
		file->last = frame->at;
	file->time_goes_backwards += file->packets > 0 && frame->at < *before;
	*before = frame->at;
	file->truncated_packets += frame->data.n < frame->wire_n;
	note_link(file, frame->link);
	file->packets++;
}

static void note_end(struct dialog_file *file, int err, const char *why)
{
	file->end = err == ERR_END         ? DIALOG_COMPLETE
		    : err == ERR_TRUNCATED ? DIALOG_TRUNCATED
		    : err == ERR_LIMIT     ? DIALOG_LIMIT
					   : DIALOG_DAMAGED;
	if (err != ERR_END)
		file->end_why = xstrdup(err == ERR_LIMIT ? "more packets than the limit" : why);
}

static void read_packets(struct dialog *d, struct pcapfile *p)
{
	struct dialog_store *st = d->store;
	struct pcap_frame frame;
	int64_t before = 0;
	int err;

	while ((err = pcapfile_read(p, &frame)) == 0) {
		if (d->file.packets == st->limits.packets) {
			err = ERR_LIMIT;
			break;
		}
		note_frame(&d->file, &frame, &before);
		flows_add(st->flows, &frame);
	}
	note_end(&d->file, err, pcapfile_error(p));
	flows_end(st->flows);
}

static void read_connections(struct dialog *d)
{
	const struct flows *f = d->store->flows;
	size_t cap = 0;

	for (uint32_t i = 0; i < f->n_tcp; i++) {
		d->connections =
			grown(d->connections, d->n_connections, &cap, sizeof *d->connections);
		if (talk_read(d->store, f->tcp[i], &d->connections[d->n_connections]))
			d->n_connections++;
	}
}

static void note_flows(struct dialog *d)
{
	const struct flows *f = d->store->flows;

	d->file.has_ipv4 = f->has_ipv4;
	d->file.has_ipv6 = f->has_ipv6;
	d->file.tcp_streams = f->n_tcp;
	d->file.udp_streams = f->n_udp;
	d->file.fragments = f->n_fragments;
	d->file.fragments_lost = ip_reassembly_lost(&f->fragments);
	d->file.undecoded = f->undecoded;
	d->file.times_recorded = flows_times_recorded(f);
	d->file.repeats = f->sure_repeats;
	for (size_t i = 0; i < f->n_datagrams; i++)
		d->file.repeats +=
			f->datagrams[i].was_maybe && f->datagrams[i].repeat == REPEAT_YES;
	d->file.beyond_limits = f->beyond_limits;
}

int dialog_read_stream(FILE *f, const char *name, const struct dialog_limits *limits,
	struct dialog **out, char **why)
{
	struct pcapfile *p;
	struct dialog *d;
	int err;

	*out = NULL;
	if (why)
		*why = NULL;
	d = xcalloc(1, sizeof *d);
	d->store = xcalloc(1, sizeof *d->store);
	d->store->limits = limits_of(limits);
	d->file.name = xstrdup(name);
	if ((err = digest_stream(f, &d->file.bytes, d->file.sha256)) != 0) {
		(void)fclose(f); /* read only */
		if (why)
			*why = xstrdup(strerror(-err));
		dialog_free(d);
		return err;
	}
	if ((err = pcapfile_open_stream(f, &p, why)) != 0) {
		dialog_free(d);
		return err;
	}
	d->file.format = xstrdup(pcapfile_format(p));
	d->store->flows = flows_new(&d->store->limits);
	read_packets(d, p);
	pcapfile_close(p);
	read_connections(d);
	media_read(d);
	note_flows(d);
	*out = d;
	return 0;
}

/* A pipe cannot be read twice, and might never end. */
static int look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	return S_ISDIR(st.st_mode) ? -EISDIR : -ESPIPE;
}

int dialog_read(
	const char *path, const struct dialog_limits *limits, struct dialog **out, char **why)
{
	const char *name = strrchr(path, '/');
	int err = look_at(path);

	*out = NULL;
	if (!err) {
		FILE *f = fopen(path, "rb");
		if (f)
			return dialog_read_stream(f, name ? name + 1 : path, limits, out, why);
		err = -errno;
	}
	if (why)
		*why = xstrdup(err == -ESPIPE ? "not a regular file" : strerror(-err));
	return err;
}

void dialog_free(struct dialog *d)
{
	if (!d)
		return;
	media_free(d);
	for (uint32_t i = 0; i < d->n_connections; i++)
		talk_clear(&d->connections[i]);
	free(d->connections);
	flows_free(d->store->flows);
	free(d->store);
	free(d->file.name);
	free(d->file.format);
	free(d->file.end_why);
	free(d);
}

static unsigned weight_of(const struct dialog_connection *c)
{
	static const struct {
		const char *method;
		unsigned weight;
	} weights[] = { { "PLAY", 3 }, { "RECORD", 3 }, { "SETUP", 2 } };
	unsigned w = 0;

	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct dialog_message *m = &c->messages[i];
		if (m->is_response || !m->from_client)
			continue;
		w = w ? w : 1;
		for (size_t k = 0; k < COUNT(weights); k++)
			if (bytes_is_eq(m->method, bytes_str(weights[k].method)) &&
				weights[k].weight > w)
				w = weights[k].weight;
	}
	return w;
}

const struct dialog_connection *dialog_main_connection(const struct dialog *d)
{
	const struct dialog_connection *best = NULL;
	unsigned best_weight = 0;

	for (uint32_t i = 0; i < d->n_connections; i++) {
		const struct dialog_connection *c = &d->connections[i];
		unsigned w = weight_of(c);
		if (w > best_weight || (w && w == best_weight && c->n_events > best->n_events)) {
			best = c;
			best_weight = w;
		}
	}
	return best;
}

struct ox_event dialog_oracle_event(
	const struct dialog_connection *c, size_t i, int64_t epoch, tick_t *last)
{
	const struct dialog_event *e = &c->events[i];

	if (e->at - epoch > *last)
		*last = e->at - epoch;
	return (struct ox_event){
		.kind = e->kind,
		.time = *last,
		.from_client = e->from_client,
		.connection = c->tcp_stream,
		.channel = e->channel,
		.src_port = e->src_port,
		.dst_port = e->dst_port,
		.b = e->b,
	};
}
