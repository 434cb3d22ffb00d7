/* SPDX-License-Identifier: MIT */
#include "reports/sections.h"

#include <stdlib.h>
#include <string.h>

#include "reports/peek.h"
#include "reports/text.h"
#include "server/base/os.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int section_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (is_digit(*a) && is_digit(*b)) {
			while (*a == '0')
				a++;
			while (*b == '0')
				b++;
			size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
			int order = na != nb ? (na < nb ? -1 : 1) : strncmp(a, b, na);
			if (order)
				return order;
			a += na;
			b += nb;
			continue;
		}
		if (*a != *b) /* letters (appendices) after numbers */
			return is_digit(*a) ? -1 : is_digit(*b) ? 1 : *a < *b ? -1 : 1;
		a++;
		b++;
	}
	return *a ? 1 : *b ? -1 : 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct section *a = pa, *b = pb;
	int order;

	/* what belongs to no RFC comes last */
	if (!*a->rfc != !*b->rfc)
		return *a->rfc ? -1 : 1;
	order = section_compare(a->rfc, b->rfc);
	return order ? order : section_compare(a->section, b->section);
}

void sections_init(struct sections *s, const struct result *r)
{
	const json_t *cases = peek_top(r, "cases");
	size_t n = json_array_size(cases), kept = 0;

	*s = (struct sections){ .v = xcalloc(n, sizeof *s->v), .n = n };
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(cases, i);
		s->v[i] = (struct section){ .rfc = peek_text(c, "rfc"),
			.section = peek_text(c, "section") };
		s->v[i].verdicts[peek_verdict(c)] = 1;
	}
	qsort(s->v, n, sizeof *s->v, compare);
	for (size_t i = 0; i < n; i++) {
		if (kept && compare(&s->v[kept - 1], &s->v[i]) == 0) {
			for (int v = 0; v < RESULT_VERDICTS; v++)
				s->v[kept - 1].verdicts[v] += s->v[i].verdicts[v];
		} else {
			s->v[kept++] = s->v[i];
		}
	}
	s->n = kept;
}

void sections_clear(struct sections *s)
{
	free(s->v);
	*s = (struct sections){ 0 };
}

void section_name(const struct section *s, char out[96])
{
	char rfc[17], section[49];

	text_fit(rfc, sizeof rfc, s->rfc);
	text_fit(section, sizeof section, s->section);
	if (!*rfc)
		(void)snprintf(out, 96, "%s", *section ? section : "robustness");
	else if (is_digit(*rfc))
		(void)snprintf(out, 96, "RFC %s%s%s", rfc, *section ? " \xc2\xa7" : "", section);
	else
		(void)snprintf(out, 96, "%s %s", rfc, section);
}
