/* SPDX-License-Identifier: MIT */
#include "conformance/outcome.h"

#include <string.h>

static const struct {
	const char *word, *text;
	enum outcome_kind kind;
} words[] = {
	{ "close", "close without an answer", OUTCOME_CLOSE },
	{ "silent", "silence", OUTCOME_SILENT },
	{ "any", "anything", OUTCOME_ANY },
};

bool outcome_read(const char *word, struct outcome *o)
{
	uint64_t v;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(word, words[i].word) == 0) {
			*o = (struct outcome){ .kind = words[i].kind };
			return true;
		}
	}
	if (strlen(word) != 3)
		return false;
	if (word[0] >= '1' && word[0] <= '5' && strcmp(word + 1, "xx") == 0) {
		*o = (struct outcome){ OUTCOME_CLASS, (unsigned)(word[0] - '0') };
		return true;
	}
	if (!bytes_to_u64(bytes_str(word), 599, &v) || v < 100)
		return false;
	*o = (struct outcome){ OUTCOME_STATUS, (unsigned)v };
	return true;
}

bool outcomes_has(const struct outcomes *set, struct outcome seen)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct outcome *o = &set->v[i];
		if (o->kind == OUTCOME_ANY)
			return true;
		if (o->kind == OUTCOME_CLASS && seen.kind == OUTCOME_STATUS &&
			seen.status / 100 == o->status)
			return true;
		if (o->kind == seen.kind && (o->kind != OUTCOME_STATUS || o->status == seen.status))
			return true;
	}
	return false;
}

bool outcomes_has_kind(const struct outcomes *set, enum outcome_kind kind)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].kind == kind || set->v[i].kind == OUTCOME_ANY)
			return true;
	}
	return false;
}

void outcome_print(struct outcome o, struct buf *out)
{
	int rc = 0;
	switch (o.kind) {
	case OUTCOME_STATUS: rc = buf_printf(out, "%u", o.status); break;
	case OUTCOME_CLASS: rc = buf_printf(out, "%uxx", o.status); break;
	case OUTCOME_CLOSE:
	case OUTCOME_SILENT:
	case OUTCOME_ANY:
		for (size_t i = 0; i < COUNT(words); i++) {
			if (words[i].kind == o.kind)
				rc = buf_put(out, bytes_str(words[i].text));
		}
		break;
	}
	(void)rc; /* text for people: what doesn't fit is left out */
}

void outcomes_print(const struct outcomes *set, struct buf *out)
{
	for (size_t i = 0; i < set->n; i++) {
		if (i && buf_put(out, B(" | ")) < 0)
			return;
		outcome_print(set->v[i], out);
	}
}
