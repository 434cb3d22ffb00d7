/* SPDX-License-Identifier: MIT */
#include "conformance/run.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/coverage.h"
#include "conformance/jobs.h"
#include "conformance/junit.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* how long a server that went away may take to come back */
#define COMEBACK (3 * TICK_S)

/* What a child tells of its case. */
struct record {
	struct verdict v;
	double ms;
	bool is_done, peer_gone, has_evidence;
};

struct run {
	const struct run_opts *o;
	const struct catalogue *cat;
	struct target target;
	struct result *result;
	struct junit *junit;
	const struct case_def **todo;
	size_t n_todo;
	struct record *records; /* one per case of todo */
	unsigned count[RESULT_VERDICTS];
	unsigned level_count[3][RESULT_VERDICTS];
	bool is_gone; /* the target died and did not come back */
	tick_t began;
};

bool run_globs_match(const char *const *globs, const char *s, bool if_none)
{
	if (!globs[0])
		return if_none;
	for (size_t i = 0; globs[i]; i++) {
		if (fnmatch(globs[i], s, 0) == 0)
			return true;
	}
	return false;
}

static bool has_clause(const struct run_opts *o, const struct case_def *c)
{
	if (!o->clauses[0])
		return true;
	for (size_t i = 0; i < c->n_clauses; i++) {
		if (run_globs_match(o->clauses, c->clauses[i], false))
			return true;
	}
	return false;
}

static bool has_tag(const struct run_opts *o, const struct case_def *c)
{
	if (!o->tags[0])
		return true;
	for (size_t i = 0; i < c->n_tags; i++) {
		if (run_globs_match(o->tags, c->tags[i], false))
			return true;
	}
	return false;
}

static bool is_selected(const struct run_opts *o, const struct case_def *c)
{
	bool named = o->only[0] && run_globs_match(o->only, c->id, false);
	if (case_has_tag(c, "slow") && !o->slow && !named)
		return false;
	return run_globs_match(o->only, c->id, true) &&
	       !run_globs_match(o->exclude, c->id, false) && has_clause(o, c) && has_tag(o, c);
}

static void select_cases(struct run *r)
{
	r->todo = xcalloc(r->cat->n + 1, sizeof(struct case_def *));
	for (size_t i = 0; i < r->cat->n; i++) {
		if (is_selected(r->o, r->cat->v[i]))
			r->todo[r->n_todo++] = r->cat->v[i];
	}
}

/* Why the case does not apply, into v->skip. */
static bool is_skipped(const struct run *r, const struct case_def *c, struct verdict *v)
{
	if (case_has_tag(c, "destructive") && !r->o->destructive) {
		(void)snprintf(v->skip, sizeof(v->skip), "destructive: needs --destructive");
		return true;
	}
	for (size_t i = 0; i < c->n_needs; i++) {
		if (!target_has(&r->target, c->needs[i])) {
			(void)snprintf(v->skip, sizeof(v->skip), "the target does not offer: %s",
				c->needs[i]);
			return true;
		}
	}
	return false;
}

/* ---- telling ---- */

static void say_finding(const struct verdict_finding *f)
{
	struct buf b;
	buf_init(&b, 1024);
	verdict_print(f, &b);
	struct bytes v = buf_bytes(&b);
	printf("       %s %.*s%s\n", f->verdict == RESULT_WARN ? "warn" : "    ", BYTES_FMT(v),
		f->is_aftermath ? "  (aftermath)" : "");
	buf_clear(&b);
}

static void say_case(
	const struct run *r, const struct case_def *c, const struct verdict *v, double ms)
{
	enum result_verdict is = verdict_of(v);
	if (r->o->quiet && is != RESULT_FAIL && is != RESULT_INCONCLUSIVE)
		return;
	printf("%-6.6s %-36s %6.0f ms  %s\n", result_verdict_name(is), c->id, ms, c->title);
	if (is == RESULT_SKIP)
		printf("            %s\n", v->skip);
	for (size_t i = 0; i < v->n && i < 8; i++) {
		if (v->v[i].verdict != RESULT_PASS && (!r->o->quiet || v->v[i].verdict == is))
			say_finding(&v->v[i]);
	}
	if (v->n > 8)
		printf("            %zu more\n", v->n - 8);
	fflush(stdout);
}

static void say_target(const struct run *r)
{
	const struct target *t = &r->target;
	printf("target    %s\n", t->shown);
	printf("server    %s\n", *t->banner ? t->banner : "(no Server header)");
	printf("methods   %s\n", *t->methods ? t->methods : "(no Public header)");
	printf("features ");
	for (size_t i = 0; i < t->n_features; i++)
		printf(" %s", t->features[i]);
	printf("\ntracks    %zu", t->n_tracks);
	if (t->duration > 0)
		printf(", %.3f s", t->duration);
	printf("\nsuite     %s, %zu of %zu cases, level %s, profile %s\n\n", BEAGLE_VERSION,
		r->n_todo, r->cat->n, level_name(r->o->strictness), profile_name(r->o->profile));
	fflush(stdout);
}

/* ---- keeping ---- */

static void keep_case(struct run *r, const struct case_def *c, const struct verdict *v, double ms,
	const char *evidence)
{
	enum result_verdict is = verdict_of(v);
	const struct verdict_finding *worst = verdict_worst(v);
	struct bytes named[2 * VERDICT_FINDINGS];
	char *copies[2 * VERDICT_FINDINGS];
	const char *clauses[2 * VERDICT_FINDINGS];
	size_t n = worst ? verdict_clauses(v, is, named, COUNT(named)) : 0;
	size_t kept = n;
	for (size_t i = 0; i < n; i++)
		clauses[i] = copies[i] = xasprintf("%.*s", BYTES_FMT(named[i]));
	/* what breaks where no clause is tested breaks none of those that other steps test */
	if (n == 0 && is != RESULT_FAIL && is != RESULT_WARN) {
		kept = c->n_clauses;
		memcpy(clauses, c->clauses, kept * sizeof(*clauses));
	}
	struct buf reason;
	buf_init(&reason, 2048);
	if (worst)
		verdict_print(worst, &reason);
	int rc = buf_put(&reason, bytes_of("", 1));
	(void)rc; /* cut reasons are fine */
	/* a place in the traffic is no place in a file; the reason tells it */
	bool has_line = worst && !worst->is_passive && !worst->is_aftermath;
	char *where = xasprintf("cases/%s/%s", c->folder, has_line ? worst->where : c->file);
	struct result_case rec = { .id = c->id,
		.title = c->title,
		.rfc = c->rfc,
		.section = c->section,
		.level = level_name(c->level),
		.verdict = is,
		.reason = is == RESULT_SKIP ? v->skip
			  : worst           ? (const char *)buf_bytes(&reason).p
					    : NULL,
		.expected = worst ? worst->expected : NULL,
		.got = worst ? worst->got : NULL,
		.where = where,
		.clauses = clauses,
		.n_clauses = kept,
		.ms = ms,
		.evidence = evidence };
	result_case(r->result, &rec);
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i].is_passive)
			result_finding(r->result, v->v[i].clauses,
				v->v[i].verdict == RESULT_FAIL ? "must" : "should", c->id,
				v->v[i].got, v->v[i].times);
	}
	for (size_t i = 0; i < n; i++)
		free(copies[i]);
	free(where);
	buf_clear(&reason);
}

/* As the result file's reader finds it: relative to that file when it lies below its folder. */
static const char *evidence_for_result(const struct run_opts *o, const char *evidence)
{
	const char *slash = o->json ? strrchr(o->json, '/') : NULL;
	size_t n = slash ? (size_t)(slash - o->json) + 1 : 0;
	return evidence && n && strncmp(evidence, o->json, n) == 0 ? evidence + n : evidence;
}

static void keep(struct run *r, const struct case_def *c, const struct verdict *v, double ms,
	const char *evidence)
{
	enum result_verdict is = verdict_of(v);
	r->count[is]++;
	r->level_count[c->level][is]++;
	keep_case(r, c, v, ms, evidence_for_result(r->o, evidence));
	if (r->junit)
		junit_case(r->junit, c, v, ms / 1000, evidence);
}

static bool keep_evidence(const struct run *r, struct trial *t)
{
	enum result_verdict is = verdict_of(&t->verdict);
	char *folder = NULL;
	if (!r->o->evidence || r->o->keep == KEEP_NONE ||
		(r->o->keep == KEEP_FAIL && (is == RESULT_PASS || is == RESULT_SKIP)))
		return false;
	int rc = evidence_write(r->o->evidence, t, &folder);
	if (rc < 0)
		fprintf(stderr, "beagle-conformance: %s: %s\n", folder, err_text(rc));
	free(folder);
	return rc == 0;
}

/* ---- running ---- */

/* Waits for a server that was refusing connections: it may be restarted by someone. */
static bool comes_back(const struct run *r)
{
	tick_t until = os_now() + COMEBACK;
	struct links *l = xmalloc(sizeof(*l));
	struct media media;
	bool back = false;
	media_init(&media);
	while (!back && os_now() < until && !*r->o->stop) {
		links_init(l, &r->target.addr, r->target.addr_len, &media, NULL);
		back = links_connect(l, "probe", TICK_S) >= 0;
		tick_t pause = os_now() + 100 * TICK_MS;
		while (!back && links_turn(l, pause))
			;
		links_clear(l);
	}
	media_clear(&media);
	free(l);
	return back;
}

/* In a child. */
static void work(void *arg, size_t i, void *out)
{
	struct run *r = arg;
	struct record *rec = out;
	struct trial_opts to = { .target = &r->target,
		.profile = r->o->profile,
		.strictness = r->o->strictness,
		.stop = r->o->stop };
	struct trial *t = trial_run(r->todo[i], &to);
	/* once more: what could not be judged may have been a race */
	if (verdict_of(&t->verdict) == RESULT_INCONCLUSIVE && !*r->o->stop &&
		(!t->peer_gone || comes_back(r))) {
		trial_free(t);
		t = trial_run(r->todo[i], &to);
	}
	rec->has_evidence = keep_evidence(r, t);
	rec->v = t->verdict;
	rec->ms = tick_seconds(t->ended - t->began) * 1000;
	rec->peer_gone = t->peer_gone;
	rec->is_done = !*r->o->stop;
	trial_free(t);
}

static void done(void *arg, size_t i, const void *in)
{
	struct run *r = arg;
	struct record *rec = &r->records[i];
	if (in) {
		*rec = *(const struct record *)in;
	} else if (!*r->o->stop) {
		rec->is_done = true;
		rec->v.strictness = r->o->strictness;
		(void)verdict_add(&rec->v, RESULT_INCONCLUSIVE, LEVEL_MUST, NULL, 0,
			r->todo[i]->file, "a verdict", "the harness itself ended");
	}
	if (!rec->is_done)
		return;
	say_case(r, r->todo[i], &rec->v, rec->ms);
	if (rec->peer_gone && !r->is_gone)
		r->is_gone = !comes_back(r);
}

static bool enough(void *arg)
{
	const struct run *r = arg;
	return *r->o->stop || r->is_gone;
}

/* Cases that may end the server run alone, so that it is known who did. */
static void run_part(struct run *r, bool alone)
{
	size_t *v = xcalloc(r->n_todo + 1, sizeof(*v)), n = 0;
	for (size_t i = 0; i < r->n_todo; i++) {
		if (!r->records[i].is_done && case_has_tag(r->todo[i], "robust") == alone)
			v[n++] = i;
	}
	struct jobs j = { .at_once = alone ? 1 : r->o->jobs,
		.record_size = sizeof(struct record),
		.work = work,
		.done = done,
		.enough = enough,
		.arg = r };
	jobs_run(&j, v, n);
	free(v);
}

static void skip_and_miss(struct run *r, bool missing)
{
	for (size_t i = 0; i < r->n_todo; i++) {
		struct record *rec = &r->records[i];
		if (rec->is_done)
			continue;
		rec->v.strictness = r->o->strictness;
		if (missing)
			(void)verdict_add(&rec->v, RESULT_INCONCLUSIVE, LEVEL_MUST, NULL, 0,
				r->todo[i]->file, "a server", "it is gone");
		else if (!is_skipped(r, r->todo[i], &rec->v))
			continue;
		rec->is_done = true;
		say_case(r, r->todo[i], &rec->v, 0);
	}
}

static void run_all(struct run *r)
{
	r->records = xcalloc(r->n_todo, sizeof(*r->records));
	skip_and_miss(r, false);
	run_part(r, false);
	run_part(r, true);
	if (r->is_gone)
		skip_and_miss(r, true);
	for (size_t i = 0; i < r->n_todo; i++) {
		struct record *rec = &r->records[i];
		char *folder = rec->has_evidence
				       ? xasprintf("%s/%s", r->o->evidence, r->todo[i]->id)
				       : NULL;
		if (rec->is_done)
			keep(r, r->todo[i], &rec->v, rec->ms, folder);
		free(folder);
	}
	free(r->records);
}

static void summary(const struct run *r, double seconds)
{
	printf("\n%u passed, %u failed, %u warned, %u skipped, %u inconclusive in %.1f s\n",
		r->count[RESULT_PASS], r->count[RESULT_FAIL], r->count[RESULT_WARN],
		r->count[RESULT_SKIP], r->count[RESULT_INCONCLUSIVE], seconds);
	for (int l = LEVEL_MUST; l >= LEVEL_MAY; l--) {
		const unsigned *n = r->level_count[l];
		printf("  %-7s %3u pass %3u fail %3u warn %3u skip %3u inconclusive\n",
			level_name((enum level)l), n[RESULT_PASS], n[RESULT_FAIL], n[RESULT_WARN],
			n[RESULT_SKIP], n[RESULT_INCONCLUSIVE]);
	}
	if (r->is_gone)
		printf("the target is gone: %s\n", r->target.shown);
}

static int open_outputs(struct run *r)
{
	const struct run_opts *o = r->o;
	struct result_run rr = { .kind = RESULT_CONFORMANCE,
		.program = "beagle-conformance",
		.argc = o->argc,
		.argv = o->argv,
		.seed = o->seed,
		.started_ns = os_realtime() };
	r->result = result_new(&rr);
	if (o->junit && !(r->junit = junit_open(o->junit))) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", o->junit, strerror(errno));
		return 2;
	}
	return 0;
}

static int write_outputs(struct run *r, double seconds)
{
	int rc = 0, code = 0;
	result_set_target(r->result, r->target.url, *r->target.banner ? r->target.banner : NULL,
		r->target.features, r->target.n_features);
	result_set_duration(r->result, seconds);
	result_config(r->result, "level", level_name(r->o->strictness));
	result_config(r->result, "profile", profile_name(r->o->profile));
	if (*r->target.methods)
		result_config(r->result, "methods", r->target.methods);
	coverage_add(r->cat, r->result);
	if (r->o->json && (rc = result_write(r->result, r->o->json)) < 0) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", r->o->json, err_text(rc));
		code = 2;
	}
	if (r->junit && (rc = junit_commit(r->junit)) < 0) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", r->o->junit, err_text(rc));
		code = 2;
	}
	return code;
}

static int exit_code(const struct run *r)
{
	if (*r->o->stop)
		return 130;
	if (r->is_gone)
		return 4;
	if (r->count[RESULT_FAIL])
		return 1;
	/* a judgement that leaves out much is none */
	unsigned judged = r->count[RESULT_PASS] + r->count[RESULT_WARN];
	return r->count[RESULT_INCONCLUSIVE] > judged / 10 ? 3 : 0;
}

static int reach(struct run *r)
{
	char *why = NULL;
	int code = 0, rc = target_init_doors(&r->target, &r->o->target, &why);
	if (rc < 0) {
		code = rc == ERR_NOT_FOUND ? 4 : 2;
	} else if (!target_is_loopback(&r->target) && r->o->destructive && !r->o->may_load_host) {
		why = xasprintf("%s is not this machine: destructive cases need "
				"--i-may-load-this-host",
			r->target.host);
		code = 2;
	} else if ((rc = target_discover(&r->target, r->o->stop, &why)) < 0) {
		code = *r->o->stop ? 130 : rc == ERR_STATE ? 3 : 4;
	}
	if (code)
		fprintf(stderr, "beagle-conformance: %s\n", why);
	free(why);
	return code;
}

int run(const struct catalogue *cat, const struct run_opts *o)
{
	struct run *r = xcalloc(1, sizeof(*r));
	int code = 2;
	r->o = o;
	r->cat = cat;
	r->began = os_now();
	select_cases(r);
	if (r->n_todo == 0) {
		fprintf(stderr, "beagle-conformance: no case is selected\n");
		goto out;
	}
	code = reach(r);
	if (code)
		goto out;
	code = open_outputs(r);
	if (code)
		goto out;
	say_target(r);
	run_all(r);
	double seconds = tick_seconds(os_now() - r->began);
	summary(r, seconds);
	code = write_outputs(r, seconds);
	if (code == 0)
		code = exit_code(r);
out:
	result_free(r->result);
	target_clear(&r->target);
	free(r->todo);
	free(r);
	return code;
}
