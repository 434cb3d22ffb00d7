/* SPDX-License-Identifier: MIT */
#include "conformance/junit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The suite's attributes count its cases, so its text waits in memory. */
struct junit {
	struct outfile *out;
	char *text;
	size_t size;
	FILE *cases;
	char suite[64];
	unsigned tests, failures, errors, skipped;
	double seconds;
};

struct junit *junit_open(const char *path)
{
	struct outfile *out = outfile_open(path);
	if (!out)
		return NULL;
	struct junit *j = xcalloc(1, sizeof(*j));
	j->out = out;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out->f);
	return j;
}

static void put_xml(FILE *f, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '&')
			fputs("&amp;", f);
		else if (c == '<')
			fputs("&lt;", f);
		else if (c == '>')
			fputs("&gt;", f);
		else if (c == '"')
			fputs("&quot;", f);
		else if ((c < ' ' && c != '\n' && c != '\t') || c > '~')
			fputc('?', f); /* peers' bytes: no claim about their encoding */
		else
			fputc(c, f);
	}
}

static void end_suite(struct junit *j)
{
	if (!j->cases)
		return;
	(void)fclose(j->cases); /* memory */
	fprintf(j->out->f,
		"<testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
		"skipped=\"%u\" time=\"%.3f\">\n",
		j->suite, j->tests, j->failures, j->errors, j->skipped, j->seconds);
	fwrite(j->text, 1, j->size, j->out->f);
	fputs("</testsuite>\n", j->out->f);
	free(j->text);
	j->cases = NULL;
	j->tests = j->failures = j->errors = j->skipped = 0;
	j->seconds = 0;
}

static void begin_suite(struct junit *j, const char *name)
{
	end_suite(j);
	(void)snprintf(j->suite, sizeof(j->suite), "%s", name);
	j->cases = open_memstream(&j->text, &j->size);
	if (!j->cases)
		die("no memory");
}

static void put_outcome(struct junit *j, const char *tag, const struct verdict_finding *f)
{
	struct buf b;
	buf_init(&b, 1024);
	if (f)
		verdict_print(f, &b);
	if (buf_put(&b, bytes_of("", 1)) == 0) {
		fprintf(j->cases, "<%s message=\"", tag);
		put_xml(j->cases, (const char *)buf_bytes(&b).p);
		fputs("\"/>", j->cases);
	}
	buf_clear(&b);
}

void junit_case(struct junit *j, const struct case_def *c, const struct verdict *v, double seconds,
	const char *evidence)
{
	const struct verdict_finding *worst = verdict_worst(v);
	const char *dot = strchr(c->id, '.');
	if (!j->cases || strcmp(j->suite, c->folder) != 0)
		begin_suite(j, c->folder);
	j->tests++;
	j->seconds += seconds;
	fprintf(j->cases, "<testcase name=\"%s\" classname=\"%.*s\" time=\"%.3f\">", c->id,
		(int)(dot ? dot - c->id : 0), c->id, seconds);
	switch (verdict_of(v)) {
	case RESULT_FAIL:
		j->failures++;
		put_outcome(j, "failure", worst);
		break;
	case RESULT_INCONCLUSIVE:
		j->errors++;
		put_outcome(j, "error", worst);
		break;
	case RESULT_SKIP:
		j->skipped++;
		fputs("<skipped message=\"", j->cases);
		put_xml(j->cases, v->skip);
		fputs("\"/>", j->cases);
		break;
	case RESULT_PASS:
	case RESULT_WARN:
	case RESULT_VERDICTS: break;
	}
	if (evidence || verdict_of(v) == RESULT_WARN) {
		fputs("<system-out>", j->cases);
		for (size_t i = 0; i < v->n; i++) {
			if (v->v[i].verdict != RESULT_WARN)
				continue;
			put_xml(j->cases, v->v[i].where);
			fputs(": warning: expected ", j->cases);
			put_xml(j->cases, v->v[i].expected);
			fputs(", got ", j->cases);
			put_xml(j->cases, v->v[i].got);
			fputc('\n', j->cases);
		}
		if (evidence)
			put_xml(j->cases, evidence);
		fputs("</system-out>", j->cases);
	}
	fputs("</testcase>\n", j->cases);
}

int junit_commit(struct junit *j)
{
	end_suite(j);
	fputs("</testsuites>\n", j->out->f);
	int rc = outfile_commit(j->out);
	free(j);
	return rc;
}
