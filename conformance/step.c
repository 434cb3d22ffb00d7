/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/loader.h"
#include "conformance/template.h"
#include "server/base/os.h"

/* The step language: each kind of step is a row with its reader. */

enum { SECONDS_MAX = 120, TIMES_MAX = 1000000, STEPS_DEPTH_MAX = 8 };

static bool scalar(struct loader *l, const struct node *n, const char **v)
{
	if (n->kind != NODE_SCALAR)
		return loader_fault(l, n->line, "%s must be a text", n->key ? n->key : "this");
	*v = n->text;
	return true;
}

static bool template_ok(struct loader *l, const struct node *n, const char *text, bool escapes)
{
	char *why = template_check(text, escapes);
	if (!why)
		return true;
	bool rc = loader_fault(l, n->line, "%s", why);
	free(why);
	return rc;
}

static bool read_connection(struct loader *l, const struct node *n, struct step *s)
{
	const char *name = NULL;
	if (!scalar(l, n, &name))
		return false;
	if (*name)
		s->via = name;
	return true;
}

static bool read_send(struct loader *l, const struct node *n, struct step *s)
{
	return scalar(l, n, &s->text) && template_ok(l, n, s->text, false);
}

static bool read_part(struct loader *l, const struct node *n, struct part *p)
{
	static const char *const keys[] = { "text", "times", NULL };
	*p = (struct part){ .text = n->text, .times = 1 };
	if (n->kind == NODE_MAP) {
		const struct node *text = node_get(n, "text"), *times = node_get(n, "times");
		if (!loader_keys(l, n, keys))
			return false;
		if (!text || !times || text->kind != NODE_SCALAR ||
			!node_to_uint(times, TIMES_MAX, &p->times))
			return loader_fault(l, n->line, "a part is {text: …, times: N}");
		p->text = text->text;
	} else if (n->kind != NODE_SCALAR) {
		return loader_fault(l, n->line, "a part of raw is a text or {text, times}");
	}
	return template_ok(l, n, p->text, true);
}

static bool read_raw(struct loader *l, const struct node *n, struct step *s)
{
	size_t count = n->kind == NODE_LIST ? n->n : 1, i = 0;
	struct part *v = arena_alloc(l->a, count * sizeof(*v));
	s->parts = v;
	s->n_parts = count;
	if (n->kind != NODE_LIST)
		return read_part(l, n, &v[0]);
	NODE_EACH(c, n)
	{
		if (!read_part(l, c, &v[i++]))
			return false;
	}
	return true;
}

static bool read_outcomes(struct loader *l, const struct node *n, struct outcomes *out)
{
	const char *words[OUTCOMES_MAX];
	size_t count;
	if (!loader_words(l, n, words, COUNT(words), &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!outcome_read(words[i], &out->v[out->n++]))
			return loader_fault(l, n->line, "'%s' is no outcome", words[i]);
	}
	return true;
}

static bool read_sets(struct loader *l, const struct node *n, struct outcomes *pass,
	struct outcomes *warn, const char *const *keys)
{
	const struct node *p = node_get(n, "pass"), *w = node_get(n, "warn");
	if (!loader_keys(l, n, keys))
		return false;
	if (!p)
		return loader_fault(l, n->line, "a status map needs pass");
	return read_outcomes(l, p, pass) && (!w || read_outcomes(l, w, warn));
}

static bool read_status(struct loader *l, const struct node *n, struct expect *e)
{
	static const char *const keys[] = { "pass", "warn", "rfc2326", NULL };
	static const char *const inner[] = { "pass", "warn", NULL };
	struct outcomes *pass = e->pass, *warn = e->warn;
	if (n->kind != NODE_MAP) {
		if (!read_outcomes(l, n, &pass[PROFILE_PRACTICE]))
			return false;
	} else if (!read_sets(l, n, &pass[PROFILE_PRACTICE], &warn[PROFILE_PRACTICE], keys)) {
		return false;
	}
	const struct node *rfc = node_get(n, "rfc2326");
	if (rfc)
		return read_sets(l, rfc, &pass[PROFILE_RFC2326], &warn[PROFILE_RFC2326], inner);
	pass[PROFILE_RFC2326] = pass[PROFILE_PRACTICE];
	warn[PROFILE_RFC2326] = warn[PROFILE_PRACTICE];
	return true;
}

static bool pattern_ok(struct loader *l, const struct node *n)
{
	regex_t re;
	if (n->kind != NODE_SCALAR)
		return loader_fault(l, n->line, "a pattern must be a text");
	if (!template_ok(l, n, n->text, false))
		return false;
	char *plain = template_plain(n->text);
	int rc = regcomp(&re, plain, REG_EXTENDED | REG_NOSUB);
	free(plain);
	if (rc)
		return loader_fault(l, n->line, "'%s' is no regular expression", n->text);
	regfree(&re);
	return true;
}

static bool read_headers(struct loader *l, const struct node *n, bool is_should, bool is_unlike,
	struct header_rule *v, size_t *count)
{
	if (n->kind != NODE_MAP)
		return loader_fault(l, n->line, "%s is a map of names and patterns", n->key);
	NODE_EACH(c, n)
	{
		if (!pattern_ok(l, c))
			return false;
		v[(*count)++] =
			(struct header_rule){ c->key, c->text, is_should, is_unlike, c->line };
	}
	return true;
}

static bool read_saves(struct loader *l, const struct node *n, struct expect *e)
{
	if (n->kind != NODE_MAP)
		return loader_fault(l, n->line, "save is a map of names and headers");
	struct saved *v = arena_alloc(l->a, (n->n + 1) * sizeof(*v));
	NODE_EACH(c, n)
	{
		if (c->kind != NODE_SCALAR)
			return loader_fault(l, c->line, "save: a header's name");
		v[e->n_saves++] = (struct saved){ c->key, c->text };
	}
	e->saves = v;
	return true;
}

static bool read_body(struct loader *l, const struct node *n, struct expect *e)
{
	if (n->kind == NODE_SCALAR && strcmp(n->text, "empty") == 0) {
		e->body_empty = true;
		return true;
	}
	e->body = n->text;
	return pattern_ok(l, n);
}

static bool read_expect_map(struct loader *l, const struct node *n, struct expect *e)
{
	static const char *const keys[] = { "status", "headers", "should", "absent", "body",
		"within", "count", "save", "clause", "level", "unlike", "when", "clean", NULL };
	const struct node *when = node_get(n, "when"), *unlike = node_get(n, "unlike"),
			  *status = node_get(n, "status"), *h = node_get(n, "headers"),
			  *should = node_get(n, "should"), *absent = node_get(n, "absent"),
			  *body = node_get(n, "body"), *within = node_get(n, "within"),
			  *count = node_get(n, "count"), *save = node_get(n, "save"),
			  *clean = node_get(n, "clean");
	if (!loader_keys(l, n, keys))
		return false;
	if (!status)
		return loader_fault(l, n->line, "expect needs a status");
	struct header_rule *v = arena_alloc(
		l->a, ((h ? h->n : 0) + (should ? should->n : 0) + (unlike ? unlike->n : 0) + 1) *
			      sizeof(*v));
	e->headers = v;
	if (!read_status(l, status, e) ||
		(h && !read_headers(l, h, false, false, v, &e->n_headers)) ||
		(should && !read_headers(l, should, true, false, v, &e->n_headers)) ||
		(unlike && !read_headers(l, unlike, false, true, v, &e->n_headers)))
		return false;
	if (when && !read_outcomes(l, when, &e->when))
		return false;
	if (absent) {
		const char **words = arena_alloc(l->a, CASE_WORDS * sizeof(*words));
		if (!loader_words(l, absent, words, CASE_WORDS, &e->n_absent))
			return false;
		e->absent = words;
	}
	if (body && !read_body(l, body, e))
		return false;
	if (within && !node_to_double(within, 0, SECONDS_MAX, &e->within_s))
		return loader_fault(l, within->line, "within is a number of seconds");
	if (count && (!node_to_uint(count, 10000, &e->count) || !e->count))
		return loader_fault(l, count->line, "count is a number of answers");
	e->clean = clean && clean->kind == NODE_SCALAR && strcmp(clean->text, "true") == 0;
	return !save || read_saves(l, save, e);
}

static bool read_level(struct loader *l, const struct node *map, enum level *level)
{
	const struct node *n = node_get(map, "level");
	if (n && (n->kind != NODE_SCALAR || !level_read(n->text, level)))
		return loader_fault(l, n->line, "level is must, should or may");
	return true;
}

static bool read_expect(struct loader *l, const struct node *n, struct step *s)
{
	s->expect.count = 1;
	if (n->kind == NODE_MAP)
		return loader_clauses(l, n, s->clauses, &s->n_clauses) &&
		       read_level(l, n, &s->level) && read_expect_map(l, n, &s->expect);
	return read_status(l, n, &s->expect);
}

static bool read_rule(struct loader *l, const struct node *n, struct rule *r)
{
	static const char *const keys[] = { "rule", "clause", "level", "track", "least", "most",
		NULL };
	const struct node *name = node_get(n, "rule"), *track = node_get(n, "track"),
			  *least = node_get(n, "least"), *most = node_get(n, "most");
	*r = (struct rule){ .line = n->line, .level = l->c->level, .least = NAN, .most = NAN };
	if (n->kind != NODE_MAP || !name || name->kind != NODE_SCALAR)
		return loader_fault(l, n->line, "a rule is {rule: NAME, clause: ID, …}");
	if (!loader_keys(l, n, keys) || !loader_clauses(l, n, r->clauses, &r->n_clauses) ||
		!read_level(l, n, &r->level))
		return false;
	r->type = rule_find(name->text);
	if (!r->type)
		return loader_fault(l, name->line, "there is no rule '%s'", name->text);
	if (track && (!node_to_uint(track, MEDIA_STREAMS, &r->track) || !r->track))
		return loader_fault(l, track->line, "track is a number from 1");
	if ((least && !node_to_double(least, 0, 1e9, &r->least)) ||
		(most && !node_to_double(most, 0, 1e9, &r->most)))
		return loader_fault(l, n->line, "least and most are numbers");
	return true;
}

static bool read_rules(struct loader *l, const struct node *n, struct gather *g)
{
	if (n->kind != NODE_LIST || n->n == 0)
		return loader_fault(l, n->line, "rules must be a list");
	struct rule *v = arena_alloc(l->a, n->n * sizeof(*v));
	g->rules = v;
	NODE_EACH(c, n)
	{
		if (!read_rule(l, c, &v[g->n_rules++]))
			return false;
	}
	return true;
}

static bool read_until(struct loader *l, const struct node *n, struct gather *g)
{
	static const char *const keys[] = { "packets", "srs", "byes", NULL };
	const struct node *packets = node_get(n, "packets"), *srs = node_get(n, "srs"),
			  *byes = node_get(n, "byes");
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys) ||
		(packets && !node_to_uint(packets, 100000, &g->packets)) ||
		(srs && !node_to_uint(srs, 100, &g->srs)) ||
		(byes && !node_to_uint(byes, 100, &g->byes)))
		return loader_fault(l, n->line, "until is {packets: N, srs: N, byes: N}");
	return true;
}

static bool read_gather(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "seconds", "until", "rules", NULL };
	const struct node *seconds = node_get(n, "seconds"), *until = node_get(n, "until"),
			  *rules = node_get(n, "rules");
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys))
		return loader_fault(l, n->line, "gather is {seconds, until, rules}");
	if (!seconds || !node_to_double(seconds, 0, SECONDS_MAX, &s->gather.seconds))
		return loader_fault(l, n->line, "gather needs seconds");
	return (!until || read_until(l, until, &s->gather)) &&
	       (!rules || read_rules(l, rules, &s->gather));
}

static bool read_check(struct loader *l, const struct node *n, struct step *s)
{
	return read_rules(l, n, &s->gather);
}

static bool read_packet(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "to", "track", "from", "channel", "bytes", "times",
		NULL };
	const struct node *to = node_get(n, "to"), *track = node_get(n, "track"),
			  *from = node_get(n, "from"), *bytes = node_get(n, "bytes"),
			  *channel = node_get(n, "channel"), *times = node_get(n, "times");
	struct packet_step *p = &s->packet;
	unsigned ch;
	*p = (struct packet_step){ .track = 1, .channel = -1, .from = "own", .times = 1 };
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys) || !bytes ||
		!scalar(l, bytes, &p->bytes))
		return loader_fault(l, n->line, "this step is {to, track, bytes, …}");
	if (to && (to->kind != NODE_SCALAR ||
			  (strcmp(to->text, "rtp") != 0 && strcmp(to->text, "rtcp") != 0)))
		return loader_fault(l, to->line, "to is rtp or rtcp");
	p->is_rtcp = to && strcmp(to->text, "rtcp") == 0;
	if ((track && (!node_to_uint(track, MEDIA_STREAMS, &p->track) || !p->track)) ||
		(times && !node_to_uint(times, TIMES_MAX, &p->times)))
		return loader_fault(l, n->line, "track and times are numbers from 1");
	if (channel) {
		if (!node_to_uint(channel, 255, &ch))
			return loader_fault(l, channel->line, "channel is 0 to 255");
		p->channel = (int)ch;
	}
	if (from && (!scalar(l, from, &p->from) ||
			    (strcmp(p->from, "own") != 0 && strcmp(p->from, "other") != 0)))
		return loader_fault(l, from->line, "from is own or other");
	return template_ok(l, bytes, p->bytes, true);
}

static bool read_wait(struct loader *l, const struct node *n, struct step *s)
{
	if (!node_to_double(n, 0, SECONDS_MAX, &s->seconds))
		return loader_fault(l, n->line, "wait is a number of seconds");
	return true;
}

static bool read_repeat(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "times", "steps", NULL };
	const struct node *times = node_get(n, "times"), *steps = node_get(n, "steps");
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys) || !times || !steps ||
		!node_to_uint(times, 10000, &s->times))
		return loader_fault(l, n->line, "repeat is {times, steps}");
	return steps_read(l, steps, &s->steps, &s->n_steps);
}

static const struct {
	const char *name;
	bool (*read)(struct loader *l, const struct node *n, struct step *s);
} kinds[] = {
	[STEP_CONNECT] = { "connect", step_read_connect },
	[STEP_SEND] = { "send", read_send },
	[STEP_RAW] = { "raw", read_raw },
	[STEP_EXPECT] = { "expect", read_expect },
	[STEP_GATHER] = { "gather", read_gather },
	[STEP_CHECK] = { "check", read_check },
	[STEP_DATAGRAM] = { "datagram", read_packet },
	[STEP_FRAME] = { "frame", read_packet },
	[STEP_WAIT] = { "wait", read_wait },
	[STEP_HALF_CLOSE] = { "half_close", read_connection },
	[STEP_RST] = { "rst", read_connection },
	[STEP_CLOSE] = { "close", read_connection },
	[STEP_REPEAT] = { "repeat", read_repeat },
	[STEP_POST] = { "post", step_read_post },
};
_Static_assert(COUNT(kinds) == STEP_KINDS, "one row per kind of step");

const char *step_name(enum step_kind k)
{
	return kinds[k].name;
}

/* Beside the step's own key: via, clause, level, split. */
static bool read_extras(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const others[] = { "via", "clause", "level", "split", "needs", "auth",
		NULL };
	const struct node *via = node_get(n, "via"), *split = node_get(n, "split"),
			  *needs = node_get(n, "needs"), *auth = node_get(n, "auth");
	NODE_EACH(c, n)
	{
		bool known = strcmp(c->key, kinds[s->kind].name) == 0;
		for (size_t i = 0; others[i]; i++)
			known = known || strcmp(c->key, others[i]) == 0;
		if (!known)
			return loader_fault(l, c->line, "'%s' has no meaning here", c->key);
	}
	if ((via && !scalar(l, via, &s->via)) || (needs && !scalar(l, needs, &s->needs)))
		return false;
	if (needs && !feature_is_known(s->needs))
		return loader_fault(l, needs->line, "there is no feature '%s'", s->needs);
	if (!loader_clauses(l, n, s->clauses, &s->n_clauses) || !read_level(l, n, &s->level))
		return false;
	if (auth && (s->kind != STEP_SEND || !step_read_auth(l, auth, s)))
		return s->kind == STEP_SEND || loader_fault(l, auth->line, "auth is for send");
	if (!split)
		return true;
	if (split->kind == NODE_SCALAR && node_to_uint(split, 65536, &s->split) && s->split)
		return true;
	if (split->kind != NODE_LIST || split->n > COUNT(s->split_at))
		return loader_fault(
			l, split->line, "split is a number of bytes, or a list of offsets");
	NODE_EACH(c, split)
	{
		if (!node_to_uint(c, 1u << 24, &s->split_at[s->n_split_at++]))
			return loader_fault(l, c->line, "split: an offset");
	}
	return true;
}

static bool step_read(struct loader *l, const struct node *n, struct step *s)
{
	*s = (struct step){ .file = l->file,
		.line = n->line,
		.in_prologue = l->in_prologue,
		.via = "main",
		.level = l->c->level,
		.kind = STEP_KINDS };
	if (n->kind != NODE_MAP)
		return loader_fault(l, n->line, "a step is a map such as {send: …}");
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct node *v = node_get(n, kinds[i].name);
		if (!v)
			continue;
		if (s->kind != STEP_KINDS)
			return loader_fault(l, n->line, "two steps in one");
		s->kind = (enum step_kind)i;
		s->line = v->line;
		if (!read_extras(l, n, s) || !kinds[i].read(l, v, s))
			return false;
	}
	if (s->kind == STEP_KINDS)
		return loader_fault(l, n->line, "an unknown step");
	return true;
}

/* `use: NAME` puts the steps of a prologue in its place. */
static bool read_use(struct loader *l, const struct node *use, struct step *v, size_t *n)
{
	const struct node *list =
		l->prologues && use->kind == NODE_SCALAR ? node_get(l->prologues, use->text) : NULL;
	const struct step *steps;
	size_t count;
	if (!list || list->kind != NODE_LIST)
		return loader_fault(l, use->line, "there is no prologue '%s'", use->text);
	struct loader inner = *l;
	inner.file = "prologues.yaml";
	inner.in_prologue = true;
	inner.depth++;
	bool ok = steps_read(&inner, list, &steps, &count);
	l->n_steps = inner.n_steps;
	if (!ok || *n + count > CASE_STEPS)
		return false;
	memcpy(v + *n, steps, count * sizeof(*steps));
	*n += count;
	return true;
}

bool steps_read(struct loader *l, const struct node *list, const struct step **v, size_t *n)
{
	if (list->kind != NODE_LIST || list->n == 0)
		return loader_fault(l, list->line, "steps must be a list");
	if (l->depth > STEPS_DEPTH_MAX)
		return loader_fault(l, list->line, "steps are nested too deeply");
	struct step *steps = xcalloc(CASE_STEPS, sizeof(*steps));
	bool ok = true;
	*n = 0;
	l->depth++;
	NODE_EACH(c, list)
	{
		const struct node *use = node_get(c, "use");
		if (++l->n_steps > CASE_STEPS || *n >= CASE_STEPS)
			ok = loader_fault(l, c->line, "more than %d steps", CASE_STEPS);
		else
			ok = use ? read_use(l, use, steps, n) : step_read(l, c, &steps[(*n)++]);
		if (!ok)
			break;
	}
	l->depth--;
	struct step *kept = arena_alloc(l->a, (*n + 1) * sizeof(*kept));
	memcpy(kept, steps, *n * sizeof(*kept));
	*v = kept;
	free(steps);
	return ok;
}
