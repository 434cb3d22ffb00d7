/* SPDX-License-Identifier: MIT */
#include "conformance/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "captures/dialog.h"
#include "conformance/oracle/ox_session.h"
#include "server/base/err.h"

struct tally {
	unsigned fail, warn, note;
};

static bool is_counted(const struct check_opts *o, const struct ox_finding *f)
{
	return f->weight == OX_FAIL || (f->weight == OX_WARN && o->strictness <= LEVEL_SHOULD);
}

static void say(const struct check_opts *o, const struct ox_finding *f, struct tally *t)
{
	t->fail += is_counted(o, f);
	t->warn += f->weight == OX_WARN && !is_counted(o, f);
	t->note += f->weight == OX_NOTE;
	if (f->weight == OX_NOTE && !o->notes)
		return;
	printf("%11.6f %-4s %-6s %s %s: %s%s%s%s%s\n", tick_seconds(f->time),
		ox_weight_name(f->weight), f->by_client ? "client" : "server", f->clause, f->where,
		f->why, *f->expected ? "; expected " : "", f->expected, *f->got ? "; got " : "",
		f->got);
}

static void check_connection(const struct check_opts *o, const struct dialog *d,
	const struct dialog_connection *c, struct tally *t)
{
	char client[HOST_PORT_STR], server[HOST_PORT_STR];
	tick_t last = 0;
	struct ox_session_opts opts = { .epoch = d->file.first, .is_cut = !c->has_fin };
	struct ox_session *s = ox_session_new(&opts);
	for (size_t i = 0; i < c->n_events; i++) {
		struct ox_event e = dialog_oracle_event(c, i, d->file.first, &last);
		ox_session_event(s, &e);
	}
	ox_session_end(s, last);
	const struct ox_findings *fs = ox_session_findings(s);
	struct ox_session_counts n = ox_session_counts(s);
	printf("%s -> %s: %llu requests, %llu responses, %llu RTP, %llu RTCP\n",
		host_port_str(&c->client, client), host_port_str(&c->server, server),
		(unsigned long long)n.requests, (unsigned long long)n.responses,
		(unsigned long long)n.rtp, (unsigned long long)n.rtcp);
	for (size_t i = 0; i < fs->n; i++)
		say(o, &fs->v[i], t);
	if (fs->suppressed)
		printf("            %llu more of the same\n", (unsigned long long)fs->suppressed);
	ox_session_free(s);
}

int check(const struct check_opts *o)
{
	struct dialog *d = NULL;
	struct tally t = { 0 };
	char *why = NULL;
	int rc = dialog_read(o->file, NULL, &d, &why);
	if (rc < 0) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", o->file, why ? why : err_text(rc));
		free(why);
		return 2;
	}
	for (uint32_t i = 0; i < d->n_connections; i++)
		check_connection(o, d, &d->connections[i], &t);
	if (d->n_connections == 0)
		fprintf(stderr, "beagle-conformance: %s: no RTSP in it\n", o->file);
	else
		printf("%u broken, %u warnings, %u notes\n", t.fail, t.warn, t.note);
	rc = d->n_connections == 0 ? 3 : t.fail ? 1 : 0;
	dialog_free(d);
	return rc;
}
