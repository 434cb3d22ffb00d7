/* SPDX-License-Identifier: MIT */
#include "reports/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/embed.h"
#include "reports/page.h"
#include "reports/text.h"
#include "server/base/os.h"

/* ---- header ---- */

static void load_words(const struct result *r, const char **cls, const char **word, char sub[128])
{
	const json_t *gates = peek_top(r, "gates");
	size_t n = json_array_size(gates), passed = peek_passed(gates);
	char setting[128], sessions[48];
	bool empty;

	peek_config(r, "sessions", setting);
	text_fit(sessions, sizeof sessions, setting);
	empty = !json_array_size(peek_top(r, "histograms")) &&
		!json_object_size(peek_top(r, "counters"));
	*cls = !result_is_valid(r) || passed < n || empty ? "fail" : "pass";
	*word = !result_is_valid(r) ? "INVALID"
		: passed < n        ? "GATE FAILED"
		: empty             ? "EMPTY"
				    : "VALID";
	(void)snprintf(sub, 128, "%s%s", sessions, *sessions ? " sessions" : "");
	if (n)
		(void)snprintf(sub + strlen(sub), 128 - strlen(sub), "%s%zu of %zu gates passed",
			*sub ? ", " : "", passed, n);
}

static void conformance_words(
	const struct result *r, const char **cls, const char **word, char sub[128])
{
	size_t fail = peek_cases(r, RESULT_FAIL), warn = peek_cases(r, RESULT_WARN),
	       n = json_array_size(peek_top(r, "cases"));

	*cls = !result_is_valid(r) || fail || !n ? "fail" : warn ? "warn" : "pass";
	*word = !result_is_valid(r) ? "INVALID"
		: fail              ? "FAIL"
		: !n                ? "EMPTY"
		: warn              ? "WARN"
				    : "PASS";
	(void)snprintf(sub, 128, "%zu of %zu cases pass, %zu fail, %zu warn",
		peek_cases(r, RESULT_PASS), n, fail, warn);
}

static void replay_words(const struct result *r, const char **cls, const char **word, char sub[128])
{
	size_t n = json_array_size(peek_top(r, "steps")), same = peek_steps(r, "same");

	*cls = !result_is_valid(r) || same < n || !n ? "fail" : "pass";
	*word = !result_is_valid(r) ? "INVALID" : !n ? "EMPTY" : same < n ? "DIFFERS" : "SAME";
	(void)snprintf(sub, 128, "%zu of %zu steps as captured", same, n);
}

static void put_chip(struct page *p, const struct result *r, size_t number)
{
	const char *cls = "", *word = "";
	char sub[128] = "", name[64];

	switch (result_kind(r)) {
	case RESULT_LOAD: load_words(r, &cls, &word, sub); break;
	case RESULT_CONFORMANCE: conformance_words(r, &cls, &word, sub); break;
	case RESULT_REPLAY: replay_words(r, &cls, &word, sub); break;
	}
	peek_name(r, name);
	fprintf(p->f, "<li><a href=\"#s%zu\">", number);
	page_verdict(p, cls, word);
	fputs("<span><b>", p->f);
	page_text(p, name);
	fputs("</b><small>", p->f);
	page_text(p, sub);
	fputs("</small></span></a></li>\n", p->f);
}

static void put_head(struct page *p, struct result *const *results, size_t n, const char *title)
{
	const char *url = peek_text(peek_top(results[0], "target"), "url"),
		   *banner = peek_text(peek_top(results[0], "target"), "banner");

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      /* a page of peers' words: nothing in it may load or run */
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; img-src data:\">\n<title>",
		p->f);
	page_text(p, title);
	fprintf(p->f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header><div>\n<h1>",
		embed_page_css);
	page_text(p, title);
	fputs("</h1>\n<p class=\"sub\">", p->f);
	page_text(p, *url ? url : "target unknown");
	if (*banner) {
		fputs(" \xc2\xb7 ", p->f);
		page_text(p, banner);
	}
	fputs(" \xc2\xb7 ", p->f);
	page_text(p, peek_text(peek_top(results[0], "run"), "started"));
	fputs("</p>\n<ul class=\"chips\">\n", p->f);
	for (size_t i = 0; i < n; i++)
		put_chip(p, results[i], i + 1);
	fputs("</ul>\n</div></header>\n<main>\n", p->f);
}

/* ---- what stands at the head of every section ---- */

static void put_invalid(struct page *p, const struct result *r)
{
	const json_t *reasons = json_object_get(peek_top(r, "validity"), "reasons");

	if (result_is_valid(r))
		return;
	fputs("<div class=\"banner\"><strong>INVALID: do not use these numbers</strong>", p->f);
	fputs(result_kind(r) == RESULT_LOAD
			? "The generator was the limit, or the run was not what was asked for:"
			: "The run could not judge its target:",
		p->f);
	fputs("<ul>", p->f);
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		fputs("<li>", p->f);
		page_text(p, json_string_value(json_array_get(reasons, i)));
		fputs("</li>", p->f);
	}
	fputs("</ul></div>\n", p->f);
}

static void put_notes(struct page *p, const struct result *r)
{
	const json_t *notes = peek_top(r, "notes");

	if (!json_array_size(notes))
		return;
	fputs("<div class=\"note\"><ul>", p->f);
	for (size_t i = 0; i < json_array_size(notes); i++) {
		fputs("<li>", p->f);
		page_text(p, json_string_value(json_array_get(notes, i)));
		fputs("</li>", p->f);
	}
	fputs("</ul></div>\n", p->f);
}

static void put_section_head(struct page *p, const struct result *r)
{
	const json_t *target = peek_top(r, "target");
	char name[64], duration[32];
	double seconds = peek_number(peek_top(r, "run"), "duration_s");

	peek_name(r, name);
	fprintf(p->f, "<section id=\"s%d\">\n<h2>", ++p->sections);
	page_text(p, name);
	fputs("</h2>\n<p class=\"sub\">", p->f);
	page_text(p, peek_text(target, "url"));
	if (isfinite(seconds)) {
		text_duration(duration, seconds * 1e9);
		fputs(" \xc2\xb7 took ", p->f);
		page_text(p, duration);
	}
	if (peek_number(peek_top(r, "run"), "parts") > 1)
		fprintf(p->f, " \xc2\xb7 %.0f parts added",
			peek_number(peek_top(r, "run"), "parts"));
	fputs("</p>\n", p->f);
	put_invalid(p, r);
	put_notes(p, r);
}

/* ---- how it was run, on what ---- */

static void put_command(struct page *p, const struct result *r)
{
	const json_t *words = json_object_get(peek_top(r, "run"), "command");

	fputs("<tr><th scope=\"row\">command</th><td><code>", p->f);
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));
		bool plain = *word && !word[strcspn(word, " \t\n'\"\\$&;|<>()*?[]#`!")];
		const char *slash = i == 0 ? strrchr(word, '/') : NULL;
		if (i)
			fputc(' ', p->f);
		fputs(plain ? "" : "'", p->f);
		page_text(p, slash ? slash + 1 : word);
		fputs(plain ? "" : "'", p->f);
	}
	fputs("</code></td></tr>\n", p->f);
}

static void put_features(struct page *p, const json_t *features)
{
	if (!json_array_size(features))
		return;
	fputs("<tr><th scope=\"row\">target features</th><td>", p->f);
	for (size_t i = 0; i < json_array_size(features); i++) {
		fputs(i ? ", " : "", p->f);
		page_text(p, json_string_value(json_array_get(features, i)));
	}
	fputs("</td></tr>\n", p->f);
}

static void put_config(struct page *p, const struct result *r)
{
	const json_t *run = peek_top(r, "run");
	const char *name;
	json_t *v;
	char value[128];

	fputs("<details><summary>How it was run</summary>\n<div class=\"scroll\"><table "
	      "class=\"facts\"><tbody>\n",
		p->f);
	put_command(p, r);
	json_object_foreach((json_t *)peek_top(r, "config"), name, v)
	{
		peek_config(r, name, value);
		page_fact(p, name, value);
	}
	page_fact(p, "target banner", peek_text(peek_top(r, "target"), "banner"));
	put_features(p, json_object_get(peek_top(r, "target"), "features"));
	page_fact(p, "started", peek_text(run, "started"));
	page_fact(p, "seed", peek_text(run, "seed"));
	page_fact(p, "configuration hash", peek_text(run, "config_hash"));
	page_fact(p, "program", peek_text(run, "program"));
	page_fact(p, "beagle version", peek_text(run, "beagle"));
	fputs("</tbody></table></div></details>\n", p->f);
}

static void put_environment(struct page *p, struct result *const *results, size_t n)
{
	const char *name;
	json_t *v;

	fputs("<section>\n<h2>Environment</h2>\n", p->f);
	for (size_t i = 0; i < n; i++) {
		const json_t *env = peek_top(results[i], "environment");
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = json_equal(env, peek_top(results[k], "environment"));
		if (seen)
			continue;
		fputs("<div class=\"scroll\"><table class=\"facts\"><tbody>\n", p->f);
		json_object_foreach((json_t *)env, name, v)
			page_fact(p, name, json_string_value(v));
		fputs("</tbody></table></div>\n", p->f);
	}
	fputs("</section>\n", p->f);
}

/* ---- the page ---- */

static size_t pick_loads(struct result *const *results, size_t n, struct result **loads)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (result_kind(results[i]) == RESULT_LOAD)
			loads[found++] = results[i];
	}
	return found;
}

static void put_sections(struct page *p, struct result *const *results, size_t n,
	const struct load_plots *plots, const char *const *paths)
{
	for (size_t i = 0; i < n; i++) {
		p->result_path = paths ? paths[i] : NULL;
		put_section_head(p, results[i]);
		switch (result_kind(results[i])) {
		case RESULT_LOAD: page_load(p, results[i], &plots[i]); break;
		case RESULT_CONFORMANCE: page_conformance(p, results[i]); break;
		case RESULT_REPLAY: page_replay(p, results[i]); break;
		}
		put_config(p, results[i]);
		fputs("</section>\n", p->f);
	}
}

int html_write(
	FILE *f, struct result *const *results, size_t n, const struct html_options *o, char **why)
{
	struct page page = { .f = f, .plots = plots_new(!o->with_plots), .out = o->out };
	struct load_plots *plots = xcalloc(n, sizeof *plots);
	struct result **loads = xcalloc(n, sizeof *loads);
	size_t n_loads = pick_loads(results, n, loads);
	char *clean = text_clean(bytes_str(o->title), 200);
	int err;

	for (size_t i = 0; i < n; i++) {
		if (result_kind(results[i]) == RESULT_LOAD)
			page_load_plots(page.plots, results[i], &plots[i]);
	}
	err = plots_draw(page.plots, why);
	if (!err) {
		put_head(&page, results, n, clean);
		if (n_loads > 1)
			page_load_table(&page, loads, n_loads);
		put_sections(&page, results, n, plots, o->paths);
		put_environment(&page, results, n);
		fputs("</main>\n<footer>Written by beagle-reports from ", f);
		fprintf(f, "%zu result file%s. Nothing on this page is loaded from elsewhere.", n,
			n == 1 ? "" : "s");
		fputs("</footer>\n</body>\n</html>\n", f);
	}
	plots_free(page.plots);
	free(clean);
	free(loads);
	free(plots);
	return err;
}
