/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/compare.h"
#include "reports/html.h"
#include "reports/junit.h"
#include "reports/markdown.h"
#include "reports/result.h"
#include "reports/text.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* beagle-reports: result files in, pages and tables out. */

#define RESULTS_MAX 64

enum status { STATUS_OK = 0, STATUS_USAGE = 2 };

struct options {
	const char *out, *title;
	bool no_plots, force;
	enum compare_form form;
	const char *files[RESULTS_MAX];
	size_t n;
};

struct command {
	const char *name, *use, *text;
	size_t least, most; /* result files */
	bool needs_out;
	int (*run)(const struct options *o, struct result **results);
};

static int complain(const char *fmt, ...) PRINTF(1, 2);
static int complain(const char *fmt, ...)
{
	va_list ap;

	fputs("beagle-reports: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return STATUS_USAGE;
}

/* ---- output: a file that appears whole or not at all, or stdout ---- */

struct output {
	struct outfile *file;
	FILE *f;
	const char *path;
};

static bool output_open(struct output *out, const char *path)
{
	*out = (struct output){ .path = path, .f = stdout };
	if (!path || strcmp(path, "-") == 0)
		return true;
	out->file = outfile_open(path);
	if (!out->file) {
		char *why = xasprintf("%m");
		(void)complain("%s: %s", path, why);
		free(why);
		return false;
	}
	out->f = out->file->f;
	return true;
}

static int output_close(struct output *out)
{
	int err;

	if (!out->file) {
		if (fflush(stdout) != 0 || ferror(stdout))
			return complain("standard output cannot be written");
		return STATUS_OK;
	}
	err = outfile_commit(out->file);
	return err ? complain("%s: %s", out->path, err_text(err)) : STATUS_OK;
}

/* ---- commands ---- */

static int run_html(const struct options *o, struct result **results)
{
	struct html_options how = { .title = o->title ? o->title : "Beagle report",
		.with_plots = !o->no_plots,
		.out = strcmp(o->out, "-") == 0 ? NULL : o->out,
		.paths = o->files };
	struct output out;
	char *why = NULL;

	if (!output_open(&out, o->out))
		return STATUS_USAGE;
	if (html_write(out.f, results, o->n, &how, &why) != 0) {
		outfile_abort(out.file);
		(void)complain("%s", why);
		free(why);
		return STATUS_USAGE;
	}
	return output_close(&out);
}

static int run_compare(const struct options *o, struct result **results)
{
	char *why = compare_refusal(results[0], results[1]);
	struct output out;
	struct compare c;

	if (why && !o->force) {
		(void)complain("not compared: %s (--force compares them all the same)", why);
		free(why);
		return STATUS_USAGE;
	}
	if (why)
		fprintf(stderr, "beagle-reports: warning: %s\n", why);
	free(why);
	if (!output_open(&out, o->out))
		return STATUS_USAGE;
	compare_init(&c, results[0], results[1]);
	compare_put(out.f, &c, o->files[0], o->files[1], o->form);
	compare_clear(&c);
	return output_close(&out);
}

static int run_junit(const struct options *o, struct result **results)
{
	struct output out;

	if (!output_open(&out, o->out))
		return STATUS_USAGE;
	junit_put(out.f, results[0]);
	return output_close(&out);
}

static int run_markdown(const struct options *o, struct result **results)
{
	struct output out;

	if (!output_open(&out, o->out))
		return STATUS_USAGE;
	for (size_t i = 0; i < o->n; i++)
		markdown_put(out.f, results[i]);
	return output_close(&out);
}

static int run_summary(const struct options *o, struct result **results)
{
	struct output out;

	if (!output_open(&out, o->out))
		return STATUS_USAGE;
	summary_put(out.f, results, o->n);
	return output_close(&out);
}

static int run_merge(const struct options *o, struct result **results)
{
	char *why = NULL;
	int err = 0;

	for (size_t i = 1; i < o->n && !err; i++) {
		if (result_merge(results[0], results[i], &why) != 0) {
			err = complain("%s: %s", o->files[i], why);
			free(why);
		}
	}
	if (err)
		return err;
	err = result_write(results[0], o->out);
	return err ? complain("%s: %s", o->out, err_text(err)) : STATUS_OK;
}

static const struct command commands[] = {
	{ "html", "RESULT... -o FILE [--title TEXT] [--no-plots]",
		"one self-contained page (SVG by gnuplot)", 1, RESULTS_MAX, true, run_html },
	{ "compare", "A B [-o FILE] [--json | --markdown] [--force]",
		"figures of two runs side by side with ratios", 2, 2, false, run_compare },
	{ "summary", "RESULT... [-o FILE]", "a few lines for a terminal", 1, RESULTS_MAX, false,
		run_summary },
	{ "markdown", "RESULT... [-o FILE]", "tables of the size of a comment", 1, RESULTS_MAX,
		false, run_markdown },
	{ "junit", "RESULT [-o FILE]", "JUnit XML for CI", 1, 1, false, run_junit },
	{ "merge", "RESULT... -o FILE", "parts of one load run become one result", 2, RESULTS_MAX,
		true, run_merge },
};

/* ---- command line ---- */

static void put_help(void)
{
	puts("usage: beagle-reports COMMAND RESULT.json... [options]\n\n"
	     "Results of beagle-loadgen and beagle-conformance as pages and tables.\n");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %-9s %s\n  %-9s   %s\n", commands[i].name, commands[i].use, "",
			commands[i].text);
	puts("\noptions:\n"
	     "  -o FILE      where the output goes; it appears whole or not at all (\"-\" = stdout)\n"
	     "  --title TEXT heading of the page\n"
	     "  --no-plots   a page without plots (gnuplot is not needed)\n"
	     "  --json, --markdown   form of compare\n"
	     "  --force      compare runs that should not be: other kinds or receive modes, "
	     "invalid ones\n"
	     "  --help, --version\n\n"
	     "exit status: 0 done, 2 bad command line, input or output");
}

/* One option at argv[*i]; moves *i on when it takes a value. False: unknown or without its value
 * (told). */
static bool read_option(struct options *o, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];
	const char **text = strcmp(arg, "-o") == 0 || strcmp(arg, "--output") == 0 ? &o->out
			    : strcmp(arg, "--title") == 0                          ? &o->title
										   : NULL;

	if (text) {
		if (*i + 1 >= argc) {
			(void)complain("%s needs a value", arg);
			return false;
		}
		*text = argv[++*i];
		return true;
	}
	if (strcmp(arg, "--no-plots") == 0)
		o->no_plots = true;
	else if (strcmp(arg, "--force") == 0)
		o->force = true;
	else if (strcmp(arg, "--json") == 0)
		o->form = COMPARE_JSON;
	else if (strcmp(arg, "--markdown") == 0)
		o->form = COMPARE_MARKDOWN;
	else {
		(void)complain("unknown option %s (--help lists them)", arg);
		return false;
	}
	return true;
}

static bool read_options(struct options *o, const struct command *c, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1]) {
			if (!read_option(o, argc, argv, &i))
				return false;
		} else if (o->n == c->most) {
			(void)complain("%s takes at most %zu result files", c->name, c->most);
			return false;
		} else {
			o->files[o->n++] = argv[i];
		}
	}
	if (o->n < c->least) {
		(void)complain("%s needs %s%zu result file%s: %s", c->name,
			c->most > c->least ? "at least " : "", c->least, c->least == 1 ? "" : "s",
			c->use);
		return false;
	}
	if (c->needs_out && !o->out) {
		(void)complain("%s needs -o FILE", c->name);
		return false;
	}
	return true;
}

static int run(const struct command *c, const struct options *o)
{
	struct result *results[RESULTS_MAX] = { NULL };
	int status = STATUS_OK;

	for (size_t i = 0; i < o->n && status == STATUS_OK; i++) {
		char *why = NULL;
		results[i] = result_read(o->files[i], &why);
		if (!results[i]) {
			status = complain("%s", why);
			free(why);
		}
	}
	if (status == STATUS_OK)
		status = c->run(o, results);
	for (size_t i = 0; i < o->n; i++)
		result_free(results[i]);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .form = COMPARE_TEXT };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			put_help();
			return STATUS_OK;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("beagle-reports " BEAGLE_VERSION);
			return STATUS_OK;
		}
	}
	if (argc < 2)
		return complain(
			"a command is needed: html, compare, summary, markdown, junit, merge "
			"(--help tells more)");
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(commands[i].name, argv[1]) == 0)
			return read_options(&o, &commands[i], argc, argv) ? run(&commands[i], &o)
									  : STATUS_USAGE;
	}
	return complain("unknown command %s (--help lists them)", argv[1]);
}
