/* SPDX-License-Identifier: MIT */
#include "conformance/node.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "server/base/err.h"
#include "server/base/os.h"

struct reading {
	struct arena *a;
	yaml_document_t doc;
	const char *path;
	char **why;
	unsigned met; /* aliases make a small file a large tree */
};

static int refuse(struct reading *r, size_t line, const char *what)
{
	*r->why = xasprintf("%s:%zu: %s", r->path, line + 1, what);
	return ERR_SYNTAX;
}

static int copy(struct reading *r, int id, int depth, struct node **out);

static int copy_scalar(struct reading *r, const yaml_node_t *y, struct node *n)
{
	size_t len = y->data.scalar.length;
	yaml_scalar_style_t style = y->data.scalar.style;
	if (memchr(y->data.scalar.value, 0, len))
		return refuse(r, y->start_mark.line, "a NUL inside a scalar (write \\0 in raw)");
	n->kind = NODE_SCALAR;
	n->text = (const char *)bytes_dup(r->a, bytes_of(y->data.scalar.value, len)).p;
	n->is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	n->is_null = style == YAML_PLAIN_SCALAR_STYLE &&
		     (len == 0 || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
	if (n->is_null)
		n->text = "";
	return 0;
}

static int copy_list(struct reading *r, const yaml_node_t *y, int depth, struct node *n)
{
	struct node **tail = &n->child;
	n->kind = NODE_LIST;
	for (const yaml_node_item_t *i = y->data.sequence.items.start;
		i < y->data.sequence.items.top; i++) {
		int rc = copy(r, *i, depth + 1, tail);
		if (rc < 0)
			return rc;
		tail = &(*tail)->next;
		n->n++;
	}
	return 0;
}

static int copy_map(struct reading *r, const yaml_node_t *y, int depth, struct node *n)
{
	struct node **tail = &n->child;
	n->kind = NODE_MAP;
	for (const yaml_node_pair_t *p = y->data.mapping.pairs.start; p < y->data.mapping.pairs.top;
		p++) {
		const yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);
		if (!k || k->type != YAML_SCALAR_NODE || k->data.scalar.length == 0 ||
			memchr(k->data.scalar.value, 0, k->data.scalar.length))
			return refuse(r, y->start_mark.line, "a key must be a word");
		const char *key = (const char *)bytes_dup(
			r->a, bytes_of(k->data.scalar.value, k->data.scalar.length))
					  .p;
		if (node_get(n, key))
			return refuse(r, k->start_mark.line, "this key was given before");
		int rc = copy(r, p->value, depth + 1, tail);
		if (rc < 0)
			return rc;
		(*tail)->key = key;
		(*tail)->line = (int)k->start_mark.line + 1;
		tail = &(*tail)->next;
		n->n++;
	}
	return 0;
}

static int copy(struct reading *r, int id, int depth, struct node **out)
{
	const yaml_node_t *y = yaml_document_get_node(&r->doc, id);
	if (!y)
		return refuse(r, 0, "the document holds nothing");
	if (depth > NODE_DEPTH_MAX || ++r->met > NODES_MAX)
		return refuse(r, y->start_mark.line, "nested too deeply, or too much");
	struct node *n = arena_alloc(r->a, sizeof(*n));
	*n = (struct node){ .line = (int)y->start_mark.line + 1, .text = "" };
	*out = n;
	switch (y->type) {
	case YAML_SCALAR_NODE: return copy_scalar(r, y, n);
	case YAML_SEQUENCE_NODE: return copy_list(r, y, depth, n);
	case YAML_MAPPING_NODE: return copy_map(r, y, depth, n);
	case YAML_NO_NODE: break;
	}
	return refuse(r, y->start_mark.line, "neither scalar, list nor map");
}

static const struct node *read_text(struct reading *r, const char *text, size_t n)
{
	yaml_parser_t parser;
	struct node *root = NULL;
	if (!yaml_parser_initialize(&parser))
		die("libyaml: no memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (!yaml_parser_load(&parser, &r->doc)) {
		(void)refuse(
			r, parser.problem_mark.line, parser.problem ? parser.problem : "not YAML");
		yaml_parser_delete(&parser);
		return NULL;
	}
	const yaml_node_t *y = yaml_document_get_root_node(&r->doc);
	if (!y) {
		(void)refuse(r, 0, "the file is empty");
		goto out;
	}
	/* ids count from 1, and the root is the first */
	if (copy(r, 1, 0, &root) < 0)
		root = NULL;
out:
	yaml_document_delete(&r->doc);
	yaml_parser_delete(&parser);
	return root;
}

const struct node *node_read(struct arena *a, const char *path, char **why)
{
	char *text;
	size_t n;
	int rc = os_read_file(path, NODE_FILE_MAX, &text, &n);
	if (rc < 0) {
		*why = xasprintf("%s: %s", path, err_text(rc));
		return NULL;
	}
	struct reading r = { .a = a, .path = path, .why = why };
	const struct node *root = read_text(&r, text, n);
	free(text);
	return root;
}

const struct node *node_get(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	NODE_EACH(c, map)
	{
		if (c->key && strcmp(c->key, key) == 0)
			return c;
	}
	return NULL;
}

bool node_to_double(const struct node *n, double least, double most, double *v)
{
	if (n->kind != NODE_SCALAR || !*n->text ||
		strspn(n->text, "0123456789.") != strlen(n->text))
		return false;
	char *end;
	double d = strtod(n->text, &end);
	if (*end || !isfinite(d) || d < least || d > most)
		return false;
	*v = d;
	return true;
}

bool node_to_uint(const struct node *n, unsigned most, unsigned *v)
{
	uint64_t u;
	if (n->kind != NODE_SCALAR || !bytes_to_u64(bytes_str(n->text), most, &u))
		return false;
	*v = (unsigned)u;
	return true;
}
