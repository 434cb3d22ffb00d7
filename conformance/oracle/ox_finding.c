/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

void ox_findings_clear(struct ox_findings *fs)
{
	free(fs->v);
	*fs = (struct ox_findings){ .n = 0 };
}

void ox_findings_at(struct ox_findings *fs, const char *fmt, ...)
{
	va_list ap;

	if (!fs)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(fs->where, sizeof(fs->where), fmt, ap); /* cut is fine */
	va_end(ap);
}

static struct ox_finding *new_slot(struct ox_findings *fs, enum ox_rule rule)
{
	if (fs->per_rule[rule] != UINT32_MAX)
		fs->per_rule[rule]++;
	if (fs->per_rule[rule] > OX_PER_RULE || fs->n >= OX_MAX_FINDINGS) {
		fs->suppressed++;
		return NULL;
	}
	if (fs->n == fs->cap) {
		fs->cap = fs->cap ? fs->cap * 2 : 8;
		fs->v = xrealloc(fs->v, fs->cap * sizeof(*fs->v));
	}
	return &fs->v[fs->n++];
}

struct ox_finding *ox_find_as(struct ox_findings *fs, enum ox_rule rule, enum ox_weight weight,
	size_t at, const char *why)
{
	struct ox_finding *f = fs ? new_slot(fs, rule) : NULL;
	const struct ox_clause *c = ox_clause_of(rule);

	if (!f)
		return NULL;
	*f = (struct ox_finding){ .rule = rule,
		.clause = c->id,
		.level = c->level,
		.weight = weight,
		.at = at,
		.why = why,
		.time = fs->time,
		.by_client = fs->by_client };
	memcpy(f->where, fs->where, sizeof(f->where));
	return f;
}

struct ox_finding *ox_find(struct ox_findings *fs, enum ox_rule rule, size_t at, const char *why)
{
	return ox_find_as(fs, rule, ox_clause_of(rule)->weight, at, why);
}

void ox_findings_add(struct ox_findings *to, const struct ox_findings *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct ox_finding *f = new_slot(to, from->v[i].rule);
		if (f)
			*f = from->v[i];
	}
	for (size_t r = 0; r < OX_N_RULES; r++) {
		if (from->per_rule[r] > OX_PER_RULE)
			to->per_rule[r] += from->per_rule[r] - OX_PER_RULE;
	}
	to->suppressed += from->suppressed;
}

const struct ox_finding *ox_findings_first(const struct ox_findings *fs, enum ox_rule rule)
{
	for (size_t i = 0; i < fs->n; i++) {
		if (fs->v[i].rule == rule)
			return &fs->v[i];
	}
	return NULL;
}

enum ox_weight ox_findings_worst(const struct ox_findings *fs)
{
	enum ox_weight worst = OX_NOTE;

	for (size_t i = 0; i < fs->n; i++) {
		if (fs->v[i].weight > worst)
			worst = fs->v[i].weight;
	}
	return worst;
}

void ox_expected(struct ox_finding *f, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->expected, sizeof(f->expected), fmt, ap); /* cut is fine */
	va_end(ap);
}

void ox_gotf(struct ox_finding *f, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->got, sizeof(f->got), fmt, ap); /* cut is fine */
	va_end(ap);
}

/* Offset and length of "user:password" in a URL inside b; false when there is none. */
static bool find_userinfo(struct bytes b, size_t *at, size_t *n)
{
	size_t scheme = bytes_find(b, B("://"));

	if (scheme == b.n)
		return false;
	*at = scheme + 3;
	for (size_t i = *at; i < b.n && b.p[i] != '/' && b.p[i] > ' '; i++) {
		if (b.p[i] == '@') {
			*n = i - *at;
			return true;
		}
	}
	return false;
}

/* Appends b, escaped; answers the new length. Leaves room for the dots that tell of a cut. */
static size_t put_escaped(char *dst, size_t at, size_t cap, struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		bool plain = b.p[i] >= 0x20 && b.p[i] < 0x7f && b.p[i] != '\\';
		if (at + (plain ? 1 : 4) + 4 > cap) {
			memcpy(dst + at, "...", 4);
			return cap;
		}
		if (plain)
			dst[at++] = (char)b.p[i];
		else
			at += (size_t)snprintf(dst + at, 5, "\\x%02x", b.p[i]);
		dst[at] = '\0';
	}
	return at;
}

void ox_got(struct ox_finding *f, struct bytes got)
{
	size_t user_at, user_n, at;

	if (!f)
		return;
	f->got[0] = '\0';
	if (!find_userinfo(got, &user_at, &user_n)) {
		(void)put_escaped(f->got, 0, sizeof(f->got), got);
		return;
	}
	at = put_escaped(f->got, 0, sizeof(f->got), bytes_sub(got, 0, user_at));
	if (at < sizeof(f->got))
		at = put_escaped(f->got, at, sizeof(f->got), B("***"));
	if (at < sizeof(f->got))
		(void)put_escaped(
			f->got, at, sizeof(f->got), bytes_sub(got, user_at + user_n, got.n));
}
