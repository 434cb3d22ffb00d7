/* SPDX-License-Identifier: MIT */
#include "conformance/verdict.h"

#include <stdio.h>
#include <string.h>

#include "conformance/plain.h"

/* How bad, to find the worst. */
static int weight(enum result_verdict v)
{
	switch (v) {
	case RESULT_FAIL: return 3;
	case RESULT_INCONCLUSIVE: return 2;
	case RESULT_WARN: return 1;
	case RESULT_PASS:
	case RESULT_SKIP:
	case RESULT_VERDICTS: break;
	}
	return 0;
}

static struct verdict_finding *next(struct verdict *v)
{
	if (v->n == VERDICT_FINDINGS) {
		v->more++;
		return NULL;
	}
	v->v[v->n] = (struct verdict_finding){ 0 };
	return &v->v[v->n++];
}

static enum result_verdict by_level(const struct verdict *v, enum level level)
{
	if (level >= v->strictness)
		return RESULT_FAIL;
	return level == LEVEL_SHOULD ? RESULT_WARN : RESULT_PASS;
}

/* The same expectation of the same step (it is repeated), or NULL. */
static struct verdict_finding *again(
	struct verdict *v, enum result_verdict is, const char *where, const char *expected)
{
	for (size_t i = 0; i < v->n; i++) {
		struct verdict_finding *f = &v->v[i];
		if (f->verdict == is && strcmp(f->where, where) == 0 &&
			strncmp(f->expected, expected, sizeof(f->expected) - 1) == 0)
			return f;
	}
	return NULL;
}

struct verdict_finding *verdict_add(struct verdict *v, enum result_verdict kind, enum level level,
	const char *const *clauses, size_t n_clauses, const char *where, const char *expected,
	const char *got)
{
	enum result_verdict is = kind == RESULT_FAIL ? by_level(v, level) : kind;
	struct verdict_finding *f = again(v, is, where, expected);
	if (f) {
		f->times++;
		return f;
	}
	if (!(f = next(v)))
		return NULL;
	f->verdict = is;
	f->times = 1;
	/* cut when longer: all of this is for people */
	(void)snprintf(f->where, sizeof(f->where), "%s", where);
	(void)snprintf(f->expected, sizeof(f->expected), "%s", expected);
	plain_put(f->got, sizeof(f->got), bytes_str(got));
	for (size_t i = 0; i < n_clauses; i++) {
		size_t at = strlen(f->clauses);
		(void)snprintf(
			f->clauses + at, sizeof(f->clauses) - at, "%s%s", i ? " " : "", clauses[i]);
	}
	return f;
}

static bool is_allowed(const struct case_def *c, const char *clause)
{
	for (size_t i = 0; i < c->n_allow; i++) {
		if (strcmp(c->allow[i], clause) == 0)
			return true;
	}
	return false;
}

/* The finding of the same clause that is there already, or NULL. */
static struct verdict_finding *same(struct verdict *v, const struct ox_finding *o)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i].is_passive && strcmp(v->v[i].clauses, o->clause) == 0)
			return &v->v[i];
	}
	return NULL;
}

static enum result_verdict by_weight(const struct verdict *v, const struct ox_finding *f)
{
	switch (f->weight) {
	case OX_FAIL: return RESULT_FAIL;
	case OX_WARN: return v->strictness <= LEVEL_SHOULD ? RESULT_FAIL : RESULT_WARN;
	case OX_NOTE: break;
	}
	return RESULT_PASS;
}

void verdict_add_passive(
	struct verdict *v, const struct case_def *c, const struct ox_findings *fs, size_t from)
{
	for (size_t i = from; i < fs->n; i++) {
		const struct ox_finding *o = &fs->v[i];
		if (o->by_client || o->weight == OX_NOTE || is_allowed(c, o->clause))
			continue;
		struct verdict_finding *f = same(v, o);
		enum result_verdict is = by_weight(v, o);
		unsigned times = f ? f->times : 0;
		if (f && weight(f->verdict) >= weight(is)) {
			f->times++;
			continue;
		}
		if (!f && !(f = next(v)))
			continue;
		f->verdict = is;
		f->is_passive = true;
		f->times = times + 1;
		(void)snprintf(f->clauses, sizeof(f->clauses), "%s", o->clause);
		(void)snprintf(f->where, sizeof(f->where), "%s", *o->where ? o->where : "traffic");
		(void)snprintf(f->expected, sizeof(f->expected), "%s",
			*o->expected ? o->expected : ox_clause_of(o->rule)->text);
		(void)snprintf(
			f->got, sizeof(f->got), "%s%s%s", o->why, *o->got ? ": " : "", o->got);
	}
}

static const struct verdict_finding *worst_of(const struct verdict *v, bool behaviour, bool after)
{
	const struct verdict_finding *worst = NULL;
	for (size_t i = 0; i < v->n; i++) {
		const struct verdict_finding *f = &v->v[i];
		if (!(f->is_aftermath ? after : behaviour) || !weight(f->verdict))
			continue;
		if (!worst || weight(f->verdict) > weight(worst->verdict))
			worst = f;
	}
	return worst;
}

const struct verdict_finding *verdict_worst(const struct verdict *v)
{
	return worst_of(v, true, true);
}

static enum result_verdict verdict_from(const struct verdict_finding *worst)
{
	return worst ? worst->verdict : RESULT_PASS;
}

enum result_verdict verdict_of(const struct verdict *v)
{
	return *v->skip ? RESULT_SKIP : verdict_from(verdict_worst(v));
}

enum result_verdict verdict_behaviour(const struct verdict *v)
{
	return verdict_from(worst_of(v, true, false));
}

enum result_verdict verdict_aftermath(const struct verdict *v)
{
	return verdict_from(worst_of(v, false, true));
}

void verdict_print(const struct verdict_finding *f, struct buf *out)
{
	int rc = buf_printf(out, "%s: expected %s", f->where, f->expected);
	if (rc == 0 && *f->got)
		rc = buf_printf(out, ", got %s", f->got);
	if (rc == 0 && f->times > 1)
		rc = buf_printf(out, " (%u times)", f->times);
	if (rc == 0 && *f->clauses)
		rc = buf_printf(out, "  [%s%s]", f->clauses, f->is_passive ? ", passive" : "");
	(void)rc; /* for people: what doesn't fit is left out */
}

size_t verdict_clauses(
	const struct verdict *v, enum result_verdict kind, struct bytes *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < v->n; i++) {
		struct bytes rest = bytes_str(v->v[i].clauses), id;
		if (weight(v->v[i].verdict) < weight(kind))
			continue;
		while (bytes_cut(&rest, ' ', &id)) {
			size_t k = 0;
			while (k < n && !bytes_is_eq(out[k], id))
				k++;
			if (k == n && n < max)
				out[n++] = id;
		}
	}
	return n;
}
