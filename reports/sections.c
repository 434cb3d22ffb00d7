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

void sections_init(struct sections *s, const struct result *r, bool chapters)
{
	const json_t *cases = peek_top(r, "cases");
	size_t n = json_array_size(cases), kept = 0;

	*s = (struct sections){ .v = xcalloc(n, sizeof *s->v), .n = n };
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(cases, i);
		s->v[i] = (struct section){ .rfc = peek_text(c, "rfc") };
		text_fit(s->v[i].section, sizeof s->v[i].section, peek_text(c, "section"));
		if (chapters)
			s->v[i].section[strcspn(s->v[i].section, ". /")] = 0;
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

void section_name(const char *rfc, const char *section, char out[96])
{
	char name[17], part[49];

	text_fit(name, sizeof name, rfc);
	text_fit(part, sizeof part, section);
	if (!*name)
		(void)snprintf(out, 96, "%s", *part ? part : "robustness");
	else if (is_digit(*name))
		(void)snprintf(out, 96, "RFC %s%s%s", name, *part ? " \xc2\xa7" : "", part);
	else
		(void)snprintf(out, 96, "%s %s", name, part);
}

const char *section_title(const char *rfc, const char *chapter)
{
	static const char *const titles[][3] = {
		{ "2326", "1", "introduction" },
		{ "2326", "3", "protocol parameters" },
		{ "2326", "4", "messages" },
		{ "2326", "5", "general header fields" },
		{ "2326", "6", "requests" },
		{ "2326", "7", "responses" },
		{ "2326", "8", "entities" },
		{ "2326", "9", "connections" },
		{ "2326", "10", "methods" },
		{ "2326", "11", "status codes" },
		{ "2326", "12", "header fields" },
		{ "2326", "13", "caching" },
		{ "2326", "15", "syntax" },
		{ "2326", "16", "security" },
		{ "2326", "A", "state machines" },
		{ "2326", "B", "interaction with RTP" },
		{ "2326", "C", "SDP in RTSP" },
		{ "2326", "D", "minimal implementation" },
		{ "3550", "5", "RTP packets" },
		{ "3550", "6", "RTCP" },
		{ "3550", "8", "SSRC" },
		{ "3550", "9", "security" },
		{ "3550", "11", "RTP over UDP" },
		{ "3550", "A", "algorithms" },
		{ "4566", "5", "SDP lines" },
		{ "4566", "6", "SDP attributes" },
		{ "4566", "9", "SDP grammar" },
	};

	for (size_t i = 0; i < COUNT(titles); i++) {
		if (strcmp(titles[i][0], rfc) == 0 && strcmp(titles[i][1], chapter) == 0)
			return titles[i][2];
	}
	return "";
}
