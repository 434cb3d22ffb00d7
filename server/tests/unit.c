/* SPDX-License-Identifier: MIT */
#include "server/tests/unit.h"

#include <CUnit/TestRun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"

/*
 * unit-FOLDER [--junit FILE] [SUITE[/RULE-SUBSTRING]]...
 * Prints what fails and what is skipped, ends with "N passed, N failed, N skipped"; exit 1 on a
 * failure, 2 on a bad command line or when nothing was selected.
 */
extern const struct unit_suite *const __start_unit_suites[], *const __stop_unit_suites[];

static struct run {
	FILE *junit;
	tick_t began;
	const char *skipped; /* reason, of the running test */
	unsigned passed, failed, skips;
} run;

void unit_skip(const char *why)
{
	run.skipped = why;
}

char *unit_data(const char *rel)
{
	const char *root = getenv("BEAGLE_DATA");
	char *path = xasprintf("%s/%s", root && *root ? root : "../shared", rel);

	if (access(path, R_OK) == 0)
		return path;
	free(path);
	unit_skip("no test data: set BEAGLE_DATA");
	return NULL;
}

static void put_xml(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '&': fputs("&amp;", f); break;
		case '"': fputs("&quot;", f); break;
		default:
			if ((unsigned char)*s >= 0x20)
				fputc(*s, f);
		}
	}
}

static void on_start(const CU_pTest test, const CU_pSuite suite)
{
	(void)test;
	(void)suite;
	run.skipped = NULL;
	run.began = os_now();
}

static void put_case(const char *suite, const char *rule, const CU_pFailureRecord first)
{
	if (!run.junit)
		return;
	fputs("<testcase classname=\"", run.junit);
	put_xml(run.junit, suite);
	fputs("\" name=\"", run.junit);
	put_xml(run.junit, rule);
	fprintf(run.junit, "\" time=\"%.6f\">", tick_seconds(os_now() - run.began));
	for (CU_pFailureRecord f = first; f; f = f->pNext) {
		fputs("<failure message=\"", run.junit);
		put_xml(run.junit, f->strCondition ? f->strCondition : "?");
		fprintf(run.junit, "\">%s:%u</failure>", f->strFileName ? f->strFileName : "?",
			f->uiLineNumber);
	}
	if (!first && run.skipped) {
		fputs("<skipped message=\"", run.junit);
		put_xml(run.junit, run.skipped);
		fputs("\"/>", run.junit);
	}
	fputs("</testcase>\n", run.junit);
}

static void on_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord first)
{
	for (CU_pFailureRecord f = first; f; f = f->pNext)
		printf("FAIL %s: %s\n     %s:%u: %s\n", suite->pName, test->pName,
			f->strFileName ? f->strFileName : "?", f->uiLineNumber,
			f->strCondition ? f->strCondition : "?");
	if (!first && run.skipped)
		printf("skip %s: %s (%s)\n", suite->pName, test->pName, run.skipped);
	if (first)
		run.failed++;
	else if (run.skipped)
		run.skips++;
	else
		run.passed++;
	put_case(suite->pName, test->pName, first);
	fflush(stdout);
}

static bool is_wanted(const char *suite, const char *rule, char **only, int n)
{
	for (int i = 0; i < n; i++) {
		const char *slash = strchr(only[i], '/');
		size_t len = slash ? (size_t)(slash - only[i]) : strlen(only[i]);
		if (strlen(suite) == len && strncmp(suite, only[i], len) == 0 &&
			(!slash || strstr(rule, slash + 1)))
			return true;
	}
	return n == 0;
}

static unsigned register_all(char **only, int n)
{
	unsigned count = 0;

	for (const struct unit_suite *const *s = __start_unit_suites; s < __stop_unit_suites; s++) {
		CU_pSuite suite = NULL;
		for (size_t i = 0; i < (*s)->n; i++) {
			const struct unit_test *t = &(*s)->tests[i];
			if (!is_wanted((*s)->name, t->rule, only, n))
				continue;
			if (!suite && !(suite = CU_add_suite((*s)->name, NULL, NULL)))
				die("suite %s: %s", (*s)->name, CU_get_error_msg());
			if (!CU_add_test(suite, t->rule, t->fn))
				die("test %s: %s", t->rule, CU_get_error_msg());
			count++;
		}
	}
	return count;
}

static int run_all(const char *junit)
{
	struct outfile *out = junit ? outfile_open(junit) : NULL;

	if (junit && !out) {
		perror(junit);
		return 2;
	}
	if (out) {
		run.junit = out->f;
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"unit\">\n",
			run.junit);
	}
	CU_set_test_start_handler(on_start);
	CU_set_test_complete_handler(on_complete);
	CU_set_error_action(CUEA_IGNORE);
	if (CU_run_all_tests() != CUE_SUCCESS)
		die("CUnit: %s", CU_get_error_msg());
	if (out) {
		fputs("</testsuite>\n", run.junit);
		if (outfile_commit(out) != 0) {
			perror(junit);
			return 2;
		}
	}
	printf("%u passed, %u failed, %u skipped\n", run.passed, run.failed, run.skips);
	return run.failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *junit = NULL;
	int at = 1;

	if (argc > 2 && strcmp(argv[1], "--junit") == 0) {
		junit = argv[2];
		at = 3;
	}
	signal(SIGPIPE, SIG_IGN);
	if (CU_initialize_registry() != CUE_SUCCESS)
		die("CUnit: %s", CU_get_error_msg());
	if (register_all(argv + at, argc - at) == 0) {
		fputs("no test selected\n", stderr);
		return 2;
	}
	int status = run_all(junit);
	CU_cleanup_registry();
	return status;
}
