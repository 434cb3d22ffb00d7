/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/case.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/* A tree with one case in it, read; the first fault, or NULL. The caller frees. */
static char *read_one(const char *text)
{
	static const char tsv[] = "id\trfc\tsection\tlevel\tsubject\tplane\trequirement\tcover\n"
				  "X-1-01\t2326\t1\tMUST\tserver\tp\tOne.\tcase\n"
				  "X-1-02\t2326\t1\tSHOULD\tserver\tp\tTwo.\tcase\n"
				  "X-1-03\t2326\t1\tMAY\tserver\tp\tThree.\tcase\n"
				  "X-1-04\t2326\t1\timplied\tserver\tp\tFour.\tcase\n";
	static const struct {
		const char *name, *text;
	} fixed[] = { { "requirements.tsv", tsv },
		{ "cases/prologues.yaml", "greet:\n  - send: OPTIONS ${url}\n  - expect: 200\n" } };
	char dir[] = "/tmp/beagle-case.XXXXXX", *fault = NULL;
	struct catalogue cat;
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	char *sub = xasprintf("%s/cases/rfc2326", dir), *root = xasprintf("%s/cases", dir);
	CU_ASSERT_FATAL(os_mkdirs(sub) == 0);
	for (size_t i = 0; i <= COUNT(fixed); i++) {
		char *path = xasprintf("%s/%s", dir,
			i < COUNT(fixed) ? fixed[i].name : "cases/rfc2326/1-one.yaml");
		FILE *f = fopen(path, "w");
		CU_ASSERT_FATAL(f != NULL);
		fputs(i < COUNT(fixed) ? fixed[i].text : text, f);
		CU_ASSERT(fclose(f) == 0);
		free(path);
	}
	int rc = catalogue_read(&cat, root);
	if (cat.n_faults) {
		fault = xstrdup(strstr(cat.faults[0], "1-one.yaml")
					? strstr(cat.faults[0], "1-one.yaml")
					: cat.faults[0]);
	} else {
		CU_ASSERT_EQUAL(rc, 0);
		CU_ASSERT_EQUAL(cat.n, 1);
	}
	catalogue_clear(&cat);
	char *rm = xasprintf("rm -rf %s", dir);
	CU_ASSERT(system(rm) == 0);
	free(rm);
	free(sub);
	free(root);
	return fault;
}

#define HEAD "id: a.b.c\ntitle: T\nlevel: must\nsteps:\n"

static void t_good(void)
{
	char *fault =
		read_one(HEAD "  - use: greet\n"
			      "  - send: |\n      OPTIONS ${url}\n      X: y\n"
			      "  - expect:\n      status: {pass: [200, 4xx], warn: close}\n"
			      "      headers: {CSeq: '[0-9]+'}\n      clause: [X-1-01, X-1-02]\n"
			      "  - gather: {seconds: 1, rules: [{rule: flowing, least: 2}]}\n");
	CU_ASSERT_PTR_NULL(fault);
	if (fault)
		puts(fault);
	free(fault);
}

static void t_faults(void)
{
	static const struct {
		const char *text, *fault;
	} rows[] = {
		{ "id: [1", "1-one.yaml:2: " },
		{ "id: a.b.c\ntitle: T\nlevel: must\n", "1-one.yaml:1: a case needs" },
		{ "id: A.b\ntitle: T\nlevel: must\nsteps: []\n", "1-one.yaml:1: an id is" },
		{ "id: a.b.c\ntitle: T\nlevel: must\nid: a.b.d\nsteps: []\n",
			"1-one.yaml:4: this key" },
		{ HEAD "  - sned: x\n", "1-one.yaml:5: an unknown step" },
		{ HEAD "  - send: OPTIONS ${\n", "1-one.yaml:5: a ${ that names" },
		{ HEAD "  - raw: 'a\\q'\n", "1-one.yaml:5: an unknown escape: \\q" },
		{ HEAD "  - expect: 9999\n", "1-one.yaml:5: '9999' is no outcome" },
		{ HEAD "  - expect: {status: 200, clause: X-9-09}\n",
			"1-one.yaml:5: requirements.tsv has no clause 'X-9-09'" },
		{ HEAD "  - expect: {status: 200, clause: [X-1-01, X-1-02]}\n"
		       "  - expect: {status: 200, clause: [X-1-03, X-1-04]}\n",
			"1-one.yaml:6: a case tests at most 3 clauses" },
		{ HEAD "  - expect: {status: 200, headers: {A: '('}}\n",
			"1-one.yaml:5: '(' is no regular expression" },
		{ HEAD "  - gather: {seconds: 1, rules: [{rule: nosuch}]}\n",
			"1-one.yaml:5: there is no rule 'nosuch'" },
		{ HEAD "  - use: nosuch\n", "1-one.yaml:5: there is no prologue 'nosuch'" },
		{ HEAD "  - send: OPTIONS *\n", "1-one.yaml:1: no step names a clause" },
		{ HEAD "  - {send: OPTIONS *, needs: wings}\n",
			"1-one.yaml:5: there is no feature 'wings'" },
		{ HEAD "  - {send: OPTIONS *, wait: 1}\n",
			"1-one.yaml:5: 'wait' has no meaning here" },
		{ "needs: wings\n" HEAD "  - expect: 200\n",
			"1-one.yaml:1: needs: unknown 'wings'" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *fault = read_one(rows[i].text);
		bool ok = fault && strncmp(fault, rows[i].fault, strlen(rows[i].fault)) == 0;
		if (!ok)
			printf("wanted: %s\ngot:    %s\n", rows[i].fault, fault ? fault : "(none)");
		CU_ASSERT(ok);
		free(fault);
	}
}

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "a") == 0 ? "x.y" : NULL;
}

static bool expands(const char *text, enum template_mode mode, struct bytes want)
{
	char missing[32];
	struct buf b;
	buf_init(&b, 1024);
	bool ok = template_expand(text, mode, lookup, NULL, &b, missing) == 0 &&
		  bytes_is_eq(buf_bytes(&b), want);
	buf_clear(&b);
	return ok;
}

static void t_template(void)
{
	char missing[32];
	struct buf b;
	CU_ASSERT(expands("1${a}2", TEMPLATE_TEXT, B("1x.y2")));
	CU_ASSERT(expands("\\r", TEMPLATE_TEXT, B("\\r")));
	CU_ASSERT(expands("\\r\\n\\0\\xff\\\\\\t", TEMPLATE_RAW, B("\r\n\0\xff\\\t")));
	CU_ASSERT(expands("${a}", TEMPLATE_PATTERN, B("x\\.y")));
	CU_ASSERT(expands("$5 ${a", TEMPLATE_TEXT, B("$5 ${a")));
	buf_init(&b, 1024);
	CU_ASSERT_EQUAL(template_expand("${nope}", TEMPLATE_TEXT, lookup, NULL, &b, missing),
		ERR_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(missing, "nope");
	buf_clear(&b);
	buf_init(&b, 2);
	CU_ASSERT_EQUAL(
		template_expand("${a}", TEMPLATE_TEXT, lookup, NULL, &b, missing), ERR_LIMIT);
	buf_clear(&b);
}

static bool writes(const char *text, const char *want)
{
	struct buf b;
	buf_init(&b, 1024);
	bool ok = template_request(bytes_str(text), 7, &b) == 0 &&
		  bytes_is_eq(buf_bytes(&b), bytes_str(want));
	buf_clear(&b);
	return ok;
}

static void t_request(void)
{
	CU_ASSERT(writes("OPTIONS *", "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"));
	CU_ASSERT(writes("OPTIONS * RTSP/9.0\nCSeq: 1\n", "OPTIONS * RTSP/9.0\r\nCSeq: 1\r\n\r\n"));
	CU_ASSERT(writes("X u\nA: b\n\nbody\n",
		"X u RTSP/1.0\r\nCSeq: 7\r\nA: b\r\nContent-Length: 5\r\n\r\nbody\n"));
}

static void t_outcomes(void)
{
	struct outcomes set = { .n = 3 };
	struct outcome none;
	CU_ASSERT(outcome_read("200", &set.v[0]));
	CU_ASSERT(outcome_read("4xx", &set.v[1]));
	CU_ASSERT(outcome_read("close", &set.v[2]));
	CU_ASSERT(!outcome_read("6xx", &none));
	CU_ASSERT(!outcome_read("20", &none));
	CU_ASSERT(!outcome_read("", &none));
	CU_ASSERT(outcomes_has(&set, (struct outcome){ OUTCOME_STATUS, 200 }));
	CU_ASSERT(outcomes_has(&set, (struct outcome){ OUTCOME_STATUS, 454 }));
	CU_ASSERT(!outcomes_has(&set, (struct outcome){ OUTCOME_STATUS, 201 }));
	CU_ASSERT(outcomes_has(&set, (struct outcome){ .kind = OUTCOME_CLOSE }));
	CU_ASSERT(!outcomes_has(&set, (struct outcome){ .kind = OUTCOME_SILENT }));
	set.n = 0;
	CU_ASSERT(!outcomes_has(&set, (struct outcome){ OUTCOME_STATUS, 200 }));
}

UNIT_SUITE(conformance_case, { "a case uses steps, prologues, sets, patterns and rules", t_good },
	{ "a fault of a case file names file and line", t_faults },
	{ "variables and escapes are expanded, in patterns as themselves", t_template },
	{ "a request gets version, CSeq and Content-Length unless it has them", t_request },
	{ "an outcome is a status, a class of them, a close or silence", t_outcomes });
