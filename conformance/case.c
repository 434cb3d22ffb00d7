/* SPDX-License-Identifier: MIT */
#include "conformance/case.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/loader.h"
#include "server/base/err.h"
#include "server/base/os.h"

const struct feature_row features[] = {
	{ "udp", "RTP over UDP" },
	{ "tcp", "RTP interleaved with RTSP on TCP" },
	{ "vod", "stored content: its description has a range with an end" },
	{ "live", "no end in sight: no range, or one that is open" },
	{ "seek", "stored content of 8 s or more, so that a Range can begin inside" },
	{ "multitrack", "two tracks or more" },
	{ "singletrack", "one track" },
	{ "aggregate", "a control URL for the whole presentation" },
	{ "public", "OPTIONS tells the methods" },
	{ "pause", "PAUSE is offered" },
	{ "get_parameter", "GET_PARAMETER is offered" },
	{ "set_parameter", "SET_PARAMETER is offered" },
	{ "announce", "ANNOUNCE is offered" },
	{ "record", "RECORD is offered" },
	{ "no_announce", "ANNOUNCE is not offered" },
	{ "no_record", "RECORD is not offered" },
	{ "h264", "a track of H.264" },
	{ "aac", "a track of AAC (mpeg4-generic)" },
	{ "tunnel", "RTSP over HTTP" },
	{ "tls", "RTSP over TLS (--tls-url)" },
	{ "tls_tunnel", "RTSP over HTTP over TLS" },
	{ "ipv6", "the target's address is of IPv6" },
	{ "auth", "something that asks for credentials (--auth-url)" },
	{ "digest", "Digest is asked for" },
	{ "digest_md5", "with MD5" },
	{ "digest_sha256", "with SHA-256" },
	{ "basic", "Basic is offered over a connection without TLS" },
	{ NULL, NULL },
};

bool feature_is_known(const char *name)
{
	for (size_t i = 0; features[i].name; i++) {
		if (strcmp(features[i].name, name) == 0)
			return true;
	}
	return false;
}

static const char *const tags_known[] = { "smoke", "slow", "destructive", "noisy", "stat", "robust",
	"media", NULL };
static const char *const profile_names[PROFILES] = { "rfc2326", "practice" };

const char *profile_name(enum profile p)
{
	return profile_names[p];
}

bool profile_read(const char *s, enum profile *p)
{
	for (size_t i = 0; i < PROFILES; i++) {
		if (strcmp(s, profile_names[i]) == 0) {
			*p = (enum profile)i;
			return true;
		}
	}
	return false;
}

static void catalogue_fault(struct catalogue *c, char *text)
{
	c->faults = xrealloc(c->faults, (c->n_faults + 1) * sizeof(*c->faults));
	c->faults[c->n_faults++] = text;
}

bool loader_fault(struct loader *l, int line, const char *fmt, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap); /* cut when longer: it is for people */
	va_end(ap);
	catalogue_fault(
		l->cat, xasprintf("%s:%d: %s", l->in_prologue ? l->file : l->path, line, what));
	return false;
}

bool loader_words(struct loader *l, const struct node *n, const char **v, size_t max, size_t *count)
{
	*count = 0;
	if (n->kind == NODE_SCALAR) {
		v[(*count)++] = n->text;
		return true;
	}
	if (n->kind != NODE_LIST || n->n > max)
		return loader_fault(
			l, n->line, "%s: a word, or a list of at most %zu", n->key, max);
	NODE_EACH(c, n)
	{
		if (c->kind != NODE_SCALAR || !*c->text)
			return loader_fault(l, c->line, "%s: only words", n->key);
		v[(*count)++] = c->text;
	}
	return true;
}

static bool add_clause(struct loader *l, int line, const char *id)
{
	struct case_def *c = l->c;
	if (!requirement_find(&l->cat->req, id))
		return loader_fault(l, line, "requirements.tsv has no clause '%s'", id);
	if (case_has_clause(c, id))
		return true;
	if (c->n_clauses == CASE_CLAUSES)
		return loader_fault(l, line, "a case tests at most %d clauses", CASE_CLAUSES);
	c->clauses[c->n_clauses++] = id;
	return true;
}

bool loader_clauses(struct loader *l, const struct node *map, const char **v, size_t *count)
{
	const struct node *n = node_get(map, "clause");
	const char *ids[CASE_CLAUSES];
	size_t more;
	if (!n)
		return true;
	if (!loader_words(l, n, ids, COUNT(ids), &more))
		return false;
	for (size_t i = 0; i < more; i++) {
		if (!add_clause(l, n->line, ids[i]))
			return false;
		if (*count < CASE_CLAUSES)
			v[(*count)++] = ids[i];
	}
	return true;
}

bool loader_keys(struct loader *l, const struct node *map, const char *const *allowed)
{
	NODE_EACH(c, map)
	{
		size_t i = 0;
		while (allowed[i] && strcmp(allowed[i], c->key) != 0)
			i++;
		if (!allowed[i])
			return loader_fault(l, c->line, "'%s' has no meaning here", c->key);
	}
	return true;
}

bool case_has_tag(const struct case_def *c, const char *tag)
{
	for (size_t i = 0; i < c->n_tags; i++) {
		if (strcmp(c->tags[i], tag) == 0)
			return true;
	}
	return false;
}

bool case_has_clause(const struct case_def *c, const char *clause)
{
	for (size_t i = 0; i < c->n_clauses; i++) {
		if (strcmp(c->clauses[i], clause) == 0)
			return true;
	}
	return false;
}

static bool id_ok(const char *id)
{
	size_t parts = 1;
	if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(id) || strlen(id) > 60)
		return false;
	for (const char *p = id; *p; p++)
		parts += *p == '.';
	return parts == 3;
}

static bool words_of(struct loader *l, const struct node *root, const char *key, const char **v,
	size_t *n, const char *const *known)
{
	const struct node *words = node_get(root, key);
	if (!words)
		return true;
	if (!loader_words(l, words, v, CASE_WORDS, n))
		return false;
	for (size_t i = 0; known && i < *n; i++) {
		size_t k = 0;
		while (known[k] && strcmp(known[k], v[i]) != 0)
			k++;
		if (!known[k])
			return loader_fault(l, words->line, "%s: unknown '%s'", key, v[i]);
	}
	return true;
}

static bool read_words(struct loader *l, const struct node *root)
{
	struct case_def *c = l->c;
	const char *names[COUNT(features)];
	for (size_t i = 0; i < COUNT(features); i++)
		names[i] = features[i].name;
	if (!words_of(l, root, "needs", c->needs, &c->n_needs, names) ||
		!words_of(l, root, "tags", c->tags, &c->n_tags, tags_known) ||
		!words_of(l, root, "aliases", c->aliases, &c->n_aliases, NULL) ||
		!words_of(l, root, "allow", c->allow, &c->n_allow, NULL))
		return false;
	for (size_t i = 0; i < c->n_allow; i++) {
		if (!requirement_find(&l->cat->req, c->allow[i]))
			return loader_fault(
				l, root->line, "allow: there is no clause '%s'", c->allow[i]);
	}
	return true;
}

static bool read_aftermath(struct loader *l, const struct node *root)
{
	static const char *const names[] = { "nothing", "new", "full" };
	const struct node *n = node_get(root, "aftermath"),
			  *extra = node_get(root, "extra_answers");
	struct case_def *c = l->c;
	c->aftermath = case_has_tag(c, "robust") ? AFTER_FULL : AFTER_NOTHING;
	c->extra_answers = extra && extra->kind == NODE_SCALAR && strcmp(extra->text, "true") == 0;
	for (size_t i = 0; n && i < COUNT(names); i++) {
		if (n->kind == NODE_SCALAR && strcmp(n->text, names[i]) == 0) {
			c->aftermath = (enum aftermath)i;
			return true;
		}
	}
	return !n || loader_fault(l, n->line, "aftermath is nothing, new or full");
}

/* The file name carries the section ("12.17-cseq-echo.yaml" in rfc2326); robustness cases, named by
 * what they send, stand under their first clause. */
static void find_section(struct loader *l, struct case_def *c)
{
	const struct requirement *q = requirement_find(&l->cat->req, c->clauses[0]);
	size_t n = strcspn(c->file, "-"), zero = c->file[0] == '0';
	c->rfc = q->rfc;
	c->section = q->section;
	if (strncmp(c->folder, "rfc", 3) != 0 || !c->file[n])
		return;
	c->rfc = c->folder + 3;
	c->section = (const char *)bytes_dup(l->a, bytes_of(c->file + zero, n - zero)).p;
}

static bool read_case(struct loader *l, const struct node *root)
{
	static const char *const keys[] = { "id", "title", "level", "needs", "tags", "rationale",
		"aliases", "allow", "aftermath", "extra_answers", "steps", NULL };
	struct case_def *c = l->c;
	if (root->kind != NODE_MAP || !loader_keys(l, root, keys))
		return root->kind == NODE_MAP || loader_fault(l, root->line, "a case is a map");
	const struct node *id = node_get(root, "id"), *title = node_get(root, "title"),
			  *level = node_get(root, "level"), *steps = node_get(root, "steps"),
			  *rationale = node_get(root, "rationale");
	if (!id || !title || !level || !steps)
		return loader_fault(l, root->line, "a case needs id, title, level and steps");
	if (id->kind != NODE_SCALAR || !id_ok(id->text))
		return loader_fault(l, id->line, "an id is plane.area.name in small letters");
	if (title->kind != NODE_SCALAR || !*title->text)
		return loader_fault(l, title->line, "the title is one sentence");
	if (level->kind != NODE_SCALAR || !level_read(level->text, &c->level))
		return loader_fault(l, level->line, "level is must, should or may");
	c->id = id->text;
	c->title = title->text;
	c->rationale = rationale && rationale->kind == NODE_SCALAR ? rationale->text : NULL;
	if (!read_words(l, root) || !read_aftermath(l, root) ||
		!steps_read(l, steps, &c->steps, &c->n_steps))
		return false;
	if (c->n_clauses == 0)
		return loader_fault(l, root->line, "no step names a clause");
	find_section(l, c);
	return true;
}

const struct case_def *catalogue_find(const struct catalogue *c, const char *id)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->v[i]->id, id) == 0)
			return c->v[i];
		for (size_t k = 0; k < c->v[i]->n_aliases; k++) {
			if (strcmp(c->v[i]->aliases[k], id) == 0)
				return c->v[i];
		}
	}
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The folder that holds the file, without what is above: "rfc2326". */
static const char *folder_name(struct arena *a, const char *path)
{
	const char *end = strrchr(path, '/'), *p = end;
	while (p > path && p[-1] != '/')
		p--;
	return end ? (const char *)bytes_dup(a, bytes_of(p, (size_t)(end - p))).p : "";
}

static void add_case(struct catalogue *cat, const struct node *prologues, const char *path)
{
	char *why = NULL;
	const char *kept = arena_printf(&cat->arena, "%s", path);
	const struct node *root = node_read(&cat->arena, path, &why);
	if (!root) {
		catalogue_fault(cat, why);
		return;
	}
	struct case_def *c = arena_alloc(&cat->arena, sizeof(*c));
	struct loader l = { .cat = cat,
		.a = &cat->arena,
		.path = kept,
		.file = base_name(kept),
		.prologues = prologues,
		.c = c };
	c->path = kept;
	c->file = l.file;
	c->folder = folder_name(&cat->arena, kept);
	if (!read_case(&l, root))
		return;
	bool clash = catalogue_find(cat, c->id) != NULL;
	for (size_t i = 0; i < c->n_aliases; i++)
		clash = clash || catalogue_find(cat, c->aliases[i]);
	if (clash) {
		(void)loader_fault(&l, root->line, "the id (or an alias) of '%s' is taken", c->id);
		return;
	}
	if (cat->n == cat->cap) {
		cat->cap = cat->cap ? 2 * cat->cap : 64;
		cat->v = xrealloc(cat->v, cat->cap * sizeof(struct case_def *));
	}
	cat->v[cat->n++] = c;
}

static int by_path(const FTSENT **a, const FTSENT **b)
{
	return strverscmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_case_file(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && strcmp(name + n - 5, ".yaml") == 0 && strcmp(name, "prologues.yaml") != 0;
}

static void read_folder(struct catalogue *c, const struct node *prologues)
{
	char *paths[] = { c->root, NULL };
	FTS *fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_path);
	for (FTSENT *e; fts && (e = fts_read(fts));) {
		if (e->fts_info == FTS_F && is_case_file(e->fts_name))
			add_case(c, prologues, e->fts_path);
	}
	if (fts)
		(void)fts_close(fts); /* read side: nothing to lose */
}

int catalogue_read(struct catalogue *c, const char *root)
{
	char *why = NULL;
	*c = (struct catalogue){ .root = xstrdup(root) };
	char *path = xasprintf("%s/../requirements.tsv", root);
	int rc = requirements_read(&c->req, &c->arena, path, &why);
	free(path);
	if (rc < 0) {
		catalogue_fault(c, why);
		return ERR_NOT_FOUND;
	}
	path = xasprintf("%s/prologues.yaml", root);
	const struct node *prologues = node_read(&c->arena, path, &why);
	if (!prologues)
		catalogue_fault(c, why);
	free(path);
	read_folder(c, prologues);
	return c->n ? 0 : ERR_NOT_FOUND;
}

void catalogue_clear(struct catalogue *c)
{
	for (size_t i = 0; i < c->n_faults; i++)
		free(c->faults[i]);
	free(c->faults);
	free(c->v);
	free(c->root);
	arena_clear(&c->arena);
	*c = (struct catalogue){ 0 };
}
