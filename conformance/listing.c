/* SPDX-License-Identifier: MIT */
#include "conformance/listing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/template.h"
#include "conformance/trial.h"
#include "server/base/err.h"
#include "server/base/os.h"

static void put_json(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_words(const char *key, const char *const *v, size_t n)
{
	printf(",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			putchar(',');
		put_json(v[i]);
	}
	putchar(']');
}

static void list_json(const struct catalogue *cat)
{
	printf("[");
	for (size_t i = 0; i < cat->n; i++) {
		const struct case_def *c = cat->v[i];
		printf("%s\n{\"id\":", i ? "," : "");
		put_json(c->id);
		printf(",\"title\":");
		put_json(c->title);
		printf(",\"level\":\"%s\",\"rfc\":\"%s\",\"section\":\"%s\",\"file\":",
			level_name(c->level), c->rfc, c->section);
		put_json(c->path);
		put_words("clauses", c->clauses, c->n_clauses);
		put_words("needs", c->needs, c->n_needs);
		put_words("tags", c->tags, c->n_tags);
		put_words("aliases", c->aliases, c->n_aliases);
		printf("}");
	}
	printf("\n]\n");
}

void listing_all(const struct catalogue *cat, bool json)
{
	if (json) {
		list_json(cat);
		return;
	}
	for (size_t i = 0; i < cat->n; i++) {
		const struct case_def *c = cat->v[i];
		printf("%-34s %-6s %-11s %s\n", c->id, level_name(c->level), c->section, c->title);
	}
	printf("\n%zu cases\n", cat->n);
}

/* ---- explain ---- */

static void put_text(const char *text)
{
	struct bytes rest = bytes_str(text), line;
	while (bytes_cut(&rest, '\n', &line))
		printf("        | %.*s\n", BYTES_FMT(line));
}

static void put_sets(const struct expect *e)
{
	for (size_t p = PROFILES; p-- > 0;) {
		struct buf b;
		buf_init(&b, 1024);
		outcomes_print(&e->pass[p], &b);
		struct bytes v = buf_bytes(&b);
		printf("        %-9s pass: %.*s", profile_name((enum profile)p), BYTES_FMT(v));
		buf_drop(&b, b.n);
		outcomes_print(&e->warn[p], &b);
		v = buf_bytes(&b);
		if (v.n)
			printf("; tolerated: %.*s", BYTES_FMT(v));
		printf("\n");
		buf_clear(&b);
	}
	for (size_t i = 0; i < e->n_headers; i++)
		printf("        %s %s: %s\n",
			e->headers[i].is_should   ? "should"
			: e->headers[i].is_unlike ? "not   "
						  : "must  ",
			e->headers[i].name, e->headers[i].pattern);
	for (size_t i = 0; i < e->n_absent; i++)
		printf("        without %s\n", e->absent[i]);
	if (e->body)
		printf("        body with %s\n", e->body);
}

static void put_clauses(const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? " " : "  [", v[i]);
	printf("%s\n", n ? "]" : "");
}

static void put_gather(const struct gather *g)
{
	for (size_t i = 0; i < g->n_rules; i++) {
		const struct rule *r = &g->rules[i];
		printf("        %s", r->type->name);
		if (!isnan(r->least))
			printf(" least=%g", r->least);
		if (!isnan(r->most))
			printf(" most=%g", r->most);
		printf(": %s", r->type->text);
		put_clauses(r->clauses, r->n_clauses);
	}
}

static void put_steps(const struct step *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &v[i];
		printf("    %s:%d %s%s%s", s->file, s->line, step_name(s->kind),
			strcmp(s->via, "main") == 0 ? "" : " via ",
			strcmp(s->via, "main") == 0 ? "" : s->via);
		if (s->kind == STEP_GATHER || s->kind == STEP_WAIT)
			printf(" %g s", s->kind == STEP_WAIT ? s->seconds : s->gather.seconds);
		if (s->kind == STEP_REPEAT)
			printf(" %u times", s->times);
		put_clauses(s->clauses, s->n_clauses);
		if (s->text)
			put_text(s->text);
		for (size_t k = 0; k < s->n_parts; k++) {
			printf("        | %s", s->parts[k].text);
			printf(s->parts[k].times > 1 ? "  (x %u)\n" : "\n", s->parts[k].times);
		}
		if (s->kind == STEP_EXPECT)
			put_sets(&s->expect);
		if (s->packet.bytes)
			printf("        | %s\n", s->packet.bytes);
		put_gather(&s->gather);
		put_steps(s->steps, s->n_steps);
	}
}

bool listing_case(const struct catalogue *cat, const char *id)
{
	const struct case_def *c = catalogue_find(cat, id);
	if (!c)
		return false;
	printf("%s: %s\n", c->id, c->title);
	printf("  level %s, RFC %s section %s, %s\n", level_name(c->level), c->rfc, c->section,
		c->path);
	for (size_t i = 0; i < c->n_needs; i++)
		printf("%s%s", i ? ", " : "  needs ", c->needs[i]);
	printf(c->n_needs ? "\n" : "");
	if (c->rationale)
		put_text(c->rationale);
	for (size_t i = 0; i < c->n_clauses; i++) {
		const struct requirement *q = requirement_find(&cat->req, c->clauses[i]);
		printf("  %s (%s, %s): %s\n", q->id, q->word, q->subject, q->text);
	}
	printf("  steps\n");
	put_steps(c->steps, c->n_steps);
	static const char *const after[] = { "nothing", "OPTIONS on a new connection",
		"OPTIONS on the same connection, then on a new one" };
	printf("  aftermath: %s\n", after[c->aftermath]);
	return true;
}

/* ---- lint ---- */

struct names {
	const struct case_def *c;
	const struct step *s;
	const char *const *saved;
	size_t n_saved;
	size_t faults;
};

static const char *lint_lookup(void *arg, const char *name)
{
	struct names *n = arg;
	for (size_t i = 0; i < n->n_saved; i++) {
		if (strcmp(n->saved[i], name) == 0)
			return "x";
	}
	if (!trial_knows(name)) {
		printf("%s:%d: nothing gives ${%s} a value\n", n->c->path, n->s->line, name);
		n->faults++;
	}
	return "x";
}

static void lint_text(struct names *n, const char *text)
{
	struct buf b;
	char missing[32];
	if (!text)
		return;
	buf_init(&b, 1 << 20);
	int rc = template_expand(text, TEMPLATE_TEXT, lint_lookup, n, &b, missing);
	(void)rc; /* the lookup never fails here */
	buf_clear(&b);
}

static size_t lint_steps(const struct case_def *c, const struct step *v, size_t n,
	const char **saved, size_t *n_saved)
{
	struct names names = { .c = c, .saved = saved };
	for (size_t i = 0; i < n; i++) {
		names.s = &v[i];
		names.n_saved = *n_saved;
		lint_text(&names, v[i].text);
		lint_text(&names, v[i].packet.bytes);
		lint_text(&names, v[i].expect.body);
		for (size_t k = 0; k < v[i].n_parts; k++)
			lint_text(&names, v[i].parts[k].text);
		for (size_t k = 0; k < v[i].expect.n_headers; k++)
			lint_text(&names, v[i].expect.headers[k].pattern);
		for (size_t k = 0; k < v[i].expect.n_saves && *n_saved < TRIAL_SAVED - 1; k++)
			saved[(*n_saved)++] = v[i].expect.saves[k].name;
		names.faults += lint_steps(c, v[i].steps, v[i].n_steps, saved, n_saved);
	}
	return names.faults;
}

/* Cases of 60 lines are read at a glance; longer ones are two cases. */
static size_t lint_length(const struct case_def *c)
{
	enum { LINES = 60 };
	char *text;
	size_t n, lines = 0;
	if (os_read_file(c->path, NODE_FILE_MAX, &text, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	free(text);
	if (lines <= LINES)
		return 0;
	printf("%s:%d: more than %d lines\n", c->path, LINES, LINES);
	return 1;
}

size_t listing_lint(const struct catalogue *cat)
{
	size_t n = cat->n_faults;
	for (size_t i = 0; i < cat->n_faults; i++)
		printf("%s\n", cat->faults[i]);
	for (size_t i = 0; i < cat->n; i++) {
		const char *saved[TRIAL_SAVED];
		size_t n_saved = 0;
		n += lint_steps(cat->v[i], cat->v[i]->steps, cat->v[i]->n_steps, saved, &n_saved);
		n += lint_length(cat->v[i]);
	}
	printf("%zu cases, %zu faults\n", cat->n, n);
	return n;
}

void listing_language(void)
{
	printf("rules\n");
	for (size_t i = 0; i < n_rtp_rules; i++)
		printf("  %-18s %s\n", rtp_rules[i].name, rtp_rules[i].text);
	for (size_t i = 0; i < n_rtcp_rules; i++)
		printf("  %-18s %s\n", rtcp_rules[i].name, rtcp_rules[i].text);
	printf("features (needs)\n");
	for (size_t i = 0; features[i].name; i++)
		printf("  %-18s %s\n", features[i].name, features[i].text);
}
