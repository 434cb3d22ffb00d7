/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "conformance/trial.h"

/* Variables of cases: ${name}. */

static const char *v_url(struct trial *t, size_t i)
{
	(void)i;
	return t->target->url;
}

static const char *v_host(struct trial *t, size_t i)
{
	(void)i;
	return t->target->host;
}

static const char *v_port(struct trial *t, size_t i)
{
	(void)i;
	return t->target->port;
}

static const char *v_path(struct trial *t, size_t i)
{
	(void)i;
	return t->target->path;
}

/* The URL's scheme and authority in capitals, its path as it is. */
static const char *v_shouted(struct trial *t, size_t i)
{
	(void)i;
	(void)snprintf(
		t->saved[TRIAL_SAVED - 1].value, sizeof(t->saved[0].value), "%s", t->target->url);
	char *p = t->saved[TRIAL_SAVED - 1].value;
	size_t n = strlen(p) - strlen(t->target->path);
	for (size_t k = 0; k < n && p[k]; k++) {
		if (p[k] >= 'a' && p[k] <= 'z')
			p[k] = (char)(p[k] - 'a' + 'A');
	}
	return p;
}

static const char *v_base(struct trial *t, size_t i)
{
	(void)i;
	(void)snprintf(t->saved[TRIAL_SAVED - 1].value, sizeof(t->saved[0].value), "%.*s",
		(int)(strlen(t->target->url) - strlen(t->target->path)), t->target->url);
	return t->saved[TRIAL_SAVED - 1].value;
}

static const char *v_aggregate(struct trial *t, size_t i)
{
	(void)i;
	return t->target->aggregate;
}

static const char *v_track(struct trial *t, size_t i)
{
	return i <= t->target->n_tracks ? t->target->tracks[i - 1] : NULL;
}

static const char *v_session(struct trial *t, size_t i)
{
	(void)i;
	return t->has_session ? t->session : NULL;
}

/* The session id with its letters the other way round; NULL when it has none. */
static const char *v_flipped(struct trial *t, size_t i)
{
	bool any = false;
	(void)i;
	if (!t->has_session)
		return NULL;
	char *p = t->saved[TRIAL_SAVED - 1].value;
	(void)snprintf(p, sizeof(t->saved[0].value), "%s", t->session);
	for (; *p; p++) {
		bool lower = *p >= 'a' && *p <= 'z', upper = *p >= 'A' && *p <= 'Z';
		any = any || lower || upper;
		*p = (char)(lower ? *p - 'a' + 'A' : upper ? *p - 'A' + 'a' : *p);
	}
	return any ? t->saved[TRIAL_SAVED - 1].value : NULL;
}

static const char *v_cseq(struct trial *t, size_t i)
{
	(void)i;
	(void)snprintf(t->cseq_text, sizeof(t->cseq_text), "%u", ++t->cseq);
	return t->cseq_text;
}

/* The number that the last request had. */
static const char *v_sent_cseq(struct trial *t, size_t i)
{
	(void)i;
	(void)snprintf(t->cseq_text, sizeof(t->cseq_text), "%u", t->cseq);
	return t->cseq_text;
}

static const char *v_ports(struct trial *t, size_t i)
{
	if (links_pair_open(&t->links, i - 1) < 0)
		return NULL;
	const struct link_pair *p = &t->links.pairs[i - 1];
	(void)snprintf(t->number, sizeof(t->number), "%u-%u", p->port[0], p->port[1]);
	return t->number;
}

static const char *v_rtp(struct trial *t, size_t i)
{
	if (links_pair_open(&t->links, i - 1) < 0)
		return NULL;
	(void)snprintf(t->number, sizeof(t->number), "%u", t->links.pairs[i - 1].port[0]);
	return t->number;
}

static const char *seconds(struct trial *t, double v)
{
	(void)snprintf(t->number, sizeof(t->number), "%.3f", v);
	return t->number;
}

static const char *v_duration(struct trial *t, size_t i)
{
	(void)i;
	return t->target->duration > 0 ? seconds(t, t->target->duration) : NULL;
}

static const char *v_beyond(struct trial *t, size_t i)
{
	(void)i;
	return seconds(t, t->target->duration + 1000);
}

static const char *v_near_end(struct trial *t, size_t i)
{
	(void)i;
	return t->target->duration > 1 ? seconds(t, t->target->duration - 1) : NULL;
}

static const char *v_tls_url(struct trial *t, size_t i)
{
	(void)i;
	return t->target->tls_url;
}

static const char *v_tls_track(struct trial *t, size_t i)
{
	return i <= t->target->n_tracks ? t->target->tls_tracks[i - 1] : NULL;
}

static const char *v_auth_url(struct trial *t, size_t i)
{
	(void)i;
	return t->target->auth_url;
}

static const char *v_auth_track(struct trial *t, size_t i)
{
	(void)i;
	return t->target->auth_track;
}

static const char *v_auth_aggregate(struct trial *t, size_t i)
{
	(void)i;
	return t->target->auth_aggregate;
}

static const char *v_user(struct trial *t, size_t i)
{
	(void)i;
	return t->target->user;
}

/* The nonce of the last challenge. */
static const char *v_nonce(struct trial *t, size_t i)
{
	(void)i;
	return t->n_challenges ? t->challenges[0].nonce : NULL;
}

static const struct {
	const char *name;
	const char *(*value)(struct trial *t, size_t i);
	bool is_numbered; /* name1, name2, … */
} variables[] = {
	{ "url", v_url, false },
	{ "host", v_host, false },
	{ "port", v_port, false },
	{ "path", v_path, false },
	{ "shouted", v_shouted, false },
	{ "base", v_base, false },
	{ "aggregate", v_aggregate, false },
	{ "track", v_track, true },
	{ "session", v_session, false },
	{ "flipped_session", v_flipped, false },
	{ "cseq", v_cseq, false },
	{ "sent_cseq", v_sent_cseq, false },
	{ "ports", v_ports, true },
	{ "rtp", v_rtp, true },
	{ "duration", v_duration, false },
	{ "beyond", v_beyond, false },
	{ "near_end", v_near_end, false },
	{ "tls_url", v_tls_url, false },
	{ "tls_track", v_tls_track, true },
	{ "auth_url", v_auth_url, false },
	{ "auth_track", v_auth_track, false },
	{ "auth_aggregate", v_auth_aggregate, false },
	{ "user", v_user, false },
	{ "nonce", v_nonce, false },
};

/* Index of the row, with the number at the name's end in *i; -1: none. */
static int row_of(const char *name, size_t *i)
{
	for (size_t k = 0; k < COUNT(variables); k++) {
		size_t n = strlen(variables[k].name);
		if (strncmp(name, variables[k].name, n) != 0)
			continue;
		if (!variables[k].is_numbered && !name[n])
			return (int)k;
		if (variables[k].is_numbered && name[n] >= '1' && name[n] <= '8' && !name[n + 1]) {
			*i = (size_t)(name[n] - '0');
			return (int)k;
		}
	}
	return -1;
}

bool trial_knows(const char *name)
{
	size_t i;
	return row_of(name, &i) >= 0;
}

const char *trial_lookup(void *arg, const char *name)
{
	struct trial *t = arg;
	size_t i = 0;
	for (size_t k = t->n_saved; k-- > 0;) {
		if (strcmp(t->saved[k].name, name) == 0)
			return t->saved[k].value;
	}
	int row = row_of(name, &i);
	return row < 0 ? NULL : variables[row].value(t, i);
}
