/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/loader.h"
#include "conformance/template.h"
#include "server/base/os.h"

/* The parts of the step language that are about doors: connect, post, and a request's credentials. */

static bool flag(struct loader *l, const struct node *n, bool *v)
{
	if (!n)
		return true;
	if (n->kind != NODE_SCALAR ||
		(strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0))
		return loader_fault(l, n->line, "%s is true or false", n->key);
	*v = strcmp(n->text, "true") == 0;
	return true;
}

static bool text(struct loader *l, const struct node *n, const char **v)
{
	if (!n)
		return true;
	if (n->kind != NODE_SCALAR)
		return loader_fault(l, n->line, "%s must be a text", n->key);
	char *why = template_check(n->text, false);
	if (why) {
		bool rc = loader_fault(l, n->line, "%s", why);
		free(why);
		return rc;
	}
	*v = n->text;
	return true;
}

static bool read_tunnel(struct loader *l, const struct node *n, struct door *d)
{
	if (!n)
		return true;
	bool post = n->kind == NODE_SCALAR && strcmp(n->text, "post-first") == 0;
	if (!post && (n->kind != NODE_SCALAR || strcmp(n->text, "get-first") != 0))
		return loader_fault(l, n->line, "tunnel is get-first or post-first");
	d->tunnel = true;
	d->post_first = post;
	return true;
}

bool step_read_connect(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "name", "tls", "tunnel", "cookie", "refused", "digest",
		"split", NULL };
	const struct node *name = node_get(n, "name"), *split = node_get(n, "split");
	struct door *d = &s->door;
	bool cookie = true;

	if (n->kind == NODE_SCALAR) {
		if (*n->text)
			s->via = n->text;
		return true;
	}
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys))
		return loader_fault(l, n->line, "connect is a name or {name, tls, tunnel, …}");
	if (name && !text(l, name, &s->via))
		return false;
	if (split && (!node_to_uint(split, 65536, &d->split) || !d->split))
		return loader_fault(l, split->line, "split is a number of characters");
	if (!flag(l, node_get(n, "tls"), &d->tls) || !flag(l, node_get(n, "cookie"), &cookie) ||
		!flag(l, node_get(n, "refused"), &d->refused) ||
		!flag(l, node_get(n, "digest"), &d->digest) ||
		!read_tunnel(l, node_get(n, "tunnel"), d))
		return false;
	d->no_cookie = !cookie;
	return true;
}

bool step_read_post(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "bytes", NULL };
	static const char *const words[] = { [POST_CLOSE] = "close",
		[POST_OPEN] = "open",
		[POST_ANOTHER] = "another",
		[POST_ALONE] = "alone",
		[POST_UNANSWERED] = "unanswered" };
	const struct node *bytes = node_get(n, "bytes");

	if (n->kind == NODE_MAP && bytes && loader_keys(l, n, keys)) {
		s->post = POST_RAW;
		return text(l, bytes, &s->packet.bytes);
	}
	for (size_t i = 0; n->kind == NODE_SCALAR && i < COUNT(words); i++) {
		if (strcmp(n->text, words[i]) == 0) {
			s->post = (enum post_action)i;
			return true;
		}
	}
	return loader_fault(
		l, n->line, "post is close, open, another, alone, unanswered or {bytes: …}");
}

static bool read_omit(struct loader *l, const struct node *n, struct auth_step *a)
{
	const char *words[DIGEST_FIELD_COUNT];
	size_t count = 0;

	if (n && !loader_words(l, n, words, COUNT(words), &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		int f = 0;
		while (f < DIGEST_FIELD_COUNT &&
			strcmp(digest_field_name((enum digest_field)f), words[i]) != 0)
			f++;
		if (f == DIGEST_FIELD_COUNT)
			return loader_fault(
				l, n->line, "omit: there is no directive '%s'", words[i]);
		a->omit[f] = true;
	}
	return true;
}

/* response: a text, or `flipped`, or `upper`. */
static void read_response(struct auth_step *a)
{
	const char **r = &a->field[DIGEST_RESPONSE];

	a->flipped = *r && strcmp(*r, "flipped") == 0;
	a->upper = *r && strcmp(*r, "upper") == 0;
	if (a->flipped || a->upper)
		*r = NULL;
}

bool step_read_auth(struct loader *l, const struct node *n, struct step *s)
{
	static const char *const keys[] = { "scheme", "username", "realm", "nonce", "uri",
		"response", "algorithm", "opaque", "qop", "nc", "cnonce", "method", "password",
		"value", "omit", "shuffled", "padding", NULL };
	const struct node *scheme = node_get(n, "scheme"), *padding = node_get(n, "padding");
	struct auth_step *a = &s->auth;

	a->is_used = true;
	if (n->kind == NODE_SCALAR && (!*n->text || strcmp(n->text, "digest") == 0))
		return true;
	if (n->kind == NODE_SCALAR && strcmp(n->text, "basic") == 0) {
		a->is_basic = true;
		return true;
	}
	if (n->kind != NODE_MAP || !loader_keys(l, n, keys))
		return loader_fault(l, n->line, "auth is digest, basic or a map of what is other");
	a->is_basic = scheme && scheme->kind == NODE_SCALAR && strcmp(scheme->text, "basic") == 0;
	for (int f = 0; f < DIGEST_FIELD_COUNT; f++) {
		if (!text(l, node_get(n, digest_field_name((enum digest_field)f)), &a->field[f]))
			return false;
	}
	read_response(a);
	if (padding && !node_to_uint(padding, 1u << 20, &a->padding))
		return loader_fault(l, padding->line, "padding is a number of letters");
	return text(l, node_get(n, "method"), &a->method) &&
	       text(l, node_get(n, "password"), &a->password) &&
	       text(l, node_get(n, "value"), &a->value) &&
	       flag(l, node_get(n, "shuffled"), &a->shuffled) &&
	       read_omit(l, node_get(n, "omit"), a);
}
