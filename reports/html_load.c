/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page.h"
#include "reports/result_json.h"
#include "reports/text.h"

/* The section of one load result. */

/* What a histogram is about: a step of a session, its media, or the generator itself. */
enum sort { SORT_STEP, SORT_MEDIA, SORT_OWN, SORTS };

/* Histograms in the order of a session's life, in a reader's words. */
static const struct named {
	const char *name, *label;
	enum sort sort;
	bool drawn; /* in a spectrum */
} histograms[] = {
	{ "connect", "connect", SORT_STEP, true },
	{ "options", "OPTIONS", SORT_STEP, true },
	{ "describe", "DESCRIBE", SORT_STEP, true },
	{ "setup", "SETUP", SORT_STEP, true },
	{ "play", "PLAY", SORT_STEP, true },
	{ "ready", "start to PLAY answered", SORT_STEP, false },
	{ "first_packet", "PLAY to first packet", SORT_STEP, true },
	{ "startup", "start to first packet", SORT_STEP, true },
	{ "pause", "PAUSE", SORT_STEP, true },
	{ "get_parameter", "GET_PARAMETER", SORT_STEP, true },
	{ "set_parameter", "SET_PARAMETER", SORT_STEP, true },
	{ "teardown", "TEARDOWN", SORT_STEP, true },
	{ "lateness", "packet lateness", SORT_MEDIA, true },
	{ "pacing", "packet lateness", SORT_MEDIA, true },
	{ "frame_spread", "frame spread", SORT_MEDIA, true },
	{ "jitter", "jitter (RFC 3550)", SORT_MEDIA, true },
	{ "transit", "transit, sent to read", SORT_MEDIA, true },
	{ "longest_gap", "longest silence of a stream", SORT_MEDIA, false },
	{ "generator_lag", "own lag", SORT_OWN, true },
	{ "timer_lag", "timer served late", SORT_OWN, true },
	{ "start_lag", "session started late", SORT_OWN, true },
};

/* Place of a histogram in the table above; COUNT(histograms) for an unknown one. */
static size_t rank_of(const json_t *hist)
{
	size_t i = 0;

	while (i < COUNT(histograms) && strcmp(histograms[i].name, peek_text(hist, "name")) != 0)
		i++;
	return i;
}

static const char *label_of(const json_t *hist)
{
	size_t rank = rank_of(hist);
	return rank < COUNT(histograms) ? histograms[rank].label : peek_text(hist, "name");
}

static enum sort sort_of(const json_t *hist)
{
	size_t rank = rank_of(hist);
	return rank < COUNT(histograms) ? histograms[rank].sort : SORT_STEP;
}

static bool is_drawn(const json_t *hist)
{
	size_t rank = rank_of(hist);
	return rank == COUNT(histograms) || histograms[rank].drawn;
}

/* Of two origins of one name the intended start is what a user waits; else the first one counts. */
static bool is_main(const struct result *r, const json_t *hist)
{
	const char *name = peek_text(hist, "name");
	const json_t *intended = result_json_find_hist(r, name, "intended");

	return hist == (intended ? intended : result_json_find_hist(r, name, NULL));
}

/* What a time is counted from, in words. */
static const char *origin_words(const char *origin)
{
	static const char *const words[][2] = { { "intended", "intended start" },
		{ "sent", "request sent" }, { "reply", "reply read" }, { "rtp", "RTP clock" },
		{ "clock", "clock" } };

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i][0], origin) == 0)
			return words[i][1];
	}
	return origin;
}

/* ---- plots ---- */

static size_t pick_curves(
	const struct result *r, enum sort sort, struct plot_curve *curves, size_t max)
{
	const json_t *all = peek_top(r, "histograms");
	size_t n = 0;

	for (size_t rank = 0; rank <= COUNT(histograms); rank++) {
		for (size_t i = 0; i < json_array_size(all) && n < max; i++) {
			const json_t *o = json_array_get(all, i);
			if (rank_of(o) == rank && sort_of(o) == sort && is_drawn(o) &&
				is_main(r, o) && strcmp(peek_text(o, "unit"), "ns") == 0)
				curves[n++] = (struct plot_curve){ o, label_of(o) };
		}
	}
	return n;
}

static const json_t *heat_map(const struct result *r, const char *name)
{
	const json_t *all = peek_top(r, "heatmaps");

	for (size_t i = 0; i < json_array_size(all); i++) {
		if (strcmp(peek_text(json_array_get(all, i), "name"), name) == 0)
			return json_array_get(all, i);
	}
	return NULL;
}

/* Small plots over time. Those that are not `always` are left out without data. */
static const struct panel {
	const char *caption, *unit;
	bool always;
	struct plot_line lines[4];
} panels[] = {
	{ "Sessions", "active", true, { { "sessions", "", 1, false } } },
	{ "Session starts and ends", "per second", false,
		{ { "arrivals", "started", 1, true }, { "completed", "completed", 1, true },
			{ "failed", "failed", 1, true } } },
	{ "Media received", "Mbit/s", true, { { "bytes", "", 8e-6, true } } },
	{ "Packets received", "per second", false, { { "packets", "", 1, true } } },
	{ "Packets lost", "per second", true,
		{ { "lost", "lost", 1, true }, { "reordered", "reordered", 1, true },
			{ "udp_drops", "kernel drops", 1, true } } },
	{ "Packet lateness", "ms", false,
		{ { "lateness_p50", "p50", 1e-6, false },
			{ "lateness_p99", "p99", 1e-6, false } } },
	{ "SETUP latency", "ms", false, { { "setup_p99", "p99", 1e-6, false } } },
	{ "Generator's own lag", "ms", false, { { "lag_p99", "p99", 1e-6, false } } },
	{ "CPU", "cores busy", false,
		{ { "cpu_generator", "generator", 1, false },
			{ "cpu_server", "server", 1, false } } },
	{ "Generator waiting for a CPU", "cores", false, { { "run_delay", "", 1, false } } },
	{ "Memory", "MB", false,
		{ { "rss_generator", "generator", 1e-6, false },
			{ "rss_server", "server", 1e-6, false } } },
};
static_assert(COUNT(panels) == COUNT(((struct load_plots *)0)->panels), "a number per panel");

static size_t lines_of(const struct panel *panel)
{
	size_t n = 0;

	while (n < COUNT(panel->lines) && panel->lines[n].column)
		n++;
	return n;
}

void page_load_plots(struct plots *p, const struct result *r, struct load_plots *out)
{
	static const char *const about[SORTS] = { "percentiles of the latency of each step",
		"percentiles of the timing of media packets",
		"percentiles of the generator's own lateness" };
	struct plot_curve curves[9];

	for (int sort = 0; sort < SORTS; sort++) {
		size_t n = pick_curves(r, (enum sort)sort, curves, COUNT(curves));
		out->spectra[sort] = plot_spectrum(p, curves, n, about[sort]);
	}
	for (size_t i = 0; i < COUNT(panels); i++)
		out->panels[i] = plot_series(p, peek_top(r, "series"), panels[i].lines,
			lines_of(&panels[i]), panels[i].caption);
	out->lateness_heat = plot_heat(
		p, heat_map(r, "lateness"), "lateness (log)", "lateness of packets over time");
	out->setup_heat = plot_heat(
		p, heat_map(r, "setup"), "SETUP latency (log)", "latency of SETUP over time");
}

/* ---- figures ---- */

/* A quantile needs ten values above it to mean something. */
static bool is_enough(const struct hist *h, double q)
{
	return h->n > 0 && (q <= 0.5 || (double)h->n * (1 - q) >= 10);
}

static bool quantile(const struct result *r, const char *name, double q, double *ns)
{
	struct hist h;
	bool enough;

	if (!result_get_hist(r, name, "intended", &h) && !result_get_hist(r, name, NULL, &h))
		return false;
	enough = is_enough(&h, q);
	*ns = (double)hist_quantile(&h, q);
	hist_clear(&h);
	return enough;
}

static void put_counter(
	struct page *p, const struct result *r, const char *name, const char *label, bool bad)
{
	double v = peek_counter(r, name);
	char s[48];

	if (!isfinite(v))
		return;
	text_number(s, v);
	page_figure(p, s, label, bad && v > 0);
}

/* The largest value stands in for a percentile that would be chance. */
static void put_quantile(
	struct page *p, const struct result *r, const char *name, double q, const char *label)
{
	double ns;
	char s[32], words[64];
	bool enough = quantile(r, name, q, &ns);

	if (!enough && !quantile(r, name, 0.5, &ns))
		return;
	if (!enough)
		ns = peek_number(result_json_find_hist(r, name, "intended"), "most");
	if (!isfinite(ns))
		return;
	text_duration(s, ns);
	(void)snprintf(words, sizeof words, "%s, %s", label,
		!enough   ? "largest"
		: q > 0.5 ? "p99"
			  : "p50");
	page_figure(p, s, words, false);
}

static double throughput_bps(const struct result *r)
{
	const json_t *series = peek_top(r, "series"), *rows = json_object_get(series, "rows");
	size_t column = peek_column(series, "bytes");
	double top = 0;

	for (size_t i = 0; column && i < json_array_size(rows); i++) {
		double v = peek_cell(json_array_get(rows, i), column) * 8 / peek_interval(rows, i);
		top = isfinite(v) && v > top ? v : top;
	}
	return column && top > 0 ? top : NAN;
}

static void put_figures(struct page *p, const struct result *r)
{
	double bps = throughput_bps(r);
	char s[48];

	fputs("<div class=\"figures\">\n", p->f);
	put_counter(p, r, "sessions_started", "sessions started", false);
	put_counter(p, r, "sessions_failed", "sessions failed", true);
	put_counter(p, r, "packets_received", "packets received", false);
	put_counter(p, r, "packets_lost", "packets lost", true);
	put_counter(p, r, "packets_corrupt", "packets corrupt", true);
	if (isfinite(bps)) {
		(void)snprintf(s, sizeof s, "%.*f Mbit/s", bps < 1e8 ? 1 : 0, bps / 1e6);
		page_figure(p, s, "media received, best second", false);
	}
	put_quantile(p, r, "setup", 0.99, "SETUP");
	put_quantile(p, r, "startup", 0.5, "start to first packet");
	put_quantile(p, r, "startup", 0.99, "start to first packet");
	put_quantile(p, r, "lateness", 0.99, "packet lateness");
	fputs("</div>\n", p->f);
}

/* ---- tables ---- */

static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999 };

static void put_latency_row(struct page *p, const json_t *o)
{
	struct hist h;

	if (strcmp(peek_text(o, "unit"), "ns") != 0 || !result_json_hist(o, &h))
		return;
	fputs("<tr><th scope=\"row\">", p->f);
	page_text(p, label_of(o));
	fputs("</th>", p->f);
	page_cell(p, "soft", origin_words(peek_text(o, "origin")));
	for (size_t k = 0; k < COUNT(quantiles); k++)
		page_ms(p, is_enough(&h, quantiles[k]) ? (double)hist_quantile(&h, quantiles[k])
						       : NAN);
	page_ms(p, h.n ? (double)h.most : NAN);
	page_ms(p, h.n ? hist_mean(&h) : NAN);
	page_number(p, (double)h.n);
	fputs("</tr>\n", p->f);
	hist_clear(&h);
}

/* One sort of histograms; main ones, or the others. False: there are none, nothing was written. */
static bool put_latency_table(
	struct page *p, const struct result *r, enum sort sort, bool main_ones, const char *before)
{
	static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max", "mean" };
	const json_t *all = peek_top(r, "histograms");
	bool any = false;

	for (size_t rank = 0; rank <= COUNT(histograms); rank++) {
		for (size_t i = 0; i < json_array_size(all); i++) {
			const json_t *o = json_array_get(all, i);
			if (rank_of(o) != rank || sort_of(o) != sort || is_main(r, o) != main_ones)
				continue;
			if (!any) {
				fputs(before, p->f);
				fputs("<div class=\"scroll\"><table class=\"times\"><thead><tr>",
					p->f);
				page_heading(p, "", NULL, false);
				page_heading(p, "counted from", NULL, false);
				for (size_t k = 0; k < COUNT(names); k++)
					page_heading(p, names[k], "ms", true);
				page_heading(p, "n", "values", true);
				fputs("</tr></thead><tbody>\n", p->f);
			}
			any = true;
			put_latency_row(p, o);
		}
	}
	if (any)
		fputs("</tbody></table></div>\n", p->f);
	return any;
}

static void put_checks(struct page *p, const json_t *checks, const char *title, const char *what)
{
	char s[48];

	if (!json_array_size(checks))
		return;
	fputs("<h3>", p->f);
	page_text(p, title);
	fputs("</h3>\n<p class=\"soft\">", p->f);
	page_text(p, what);
	fputs("</p>\n<div class=\"scroll\"><table><thead><tr>", p->f);
	page_heading(p, "", NULL, false);
	page_heading(p, "what", NULL, false);
	page_heading(p, "measured", NULL, true);
	page_heading(p, "limit", NULL, true);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(checks); i++) {
		const json_t *o = json_array_get(checks, i);
		bool pass = peek_true(o, "pass");
		fputs("<tr><td class=\"c\">", p->f);
		page_verdict(p, pass ? "pass" : "fail", pass ? "OK" : "FAIL");
		fputs("</td><th scope=\"row\">", p->f);
		page_label(p, peek_text(o, "name"));
		fputs("</th>", p->f);
		text_value(s, peek_number(o, "value"), peek_text(o, "unit"));
		page_cell(p, "n", s);
		text_value(s, peek_number(o, "limit"), peek_text(o, "unit"));
		page_cell(p, "n", s);
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
}

static void put_errors(struct page *p, const struct result *r)
{
	const json_t *all = peek_top(r, "errors");

	if (!json_array_size(all))
		return;
	fputs("<h3>Errors</h3>\n<div class=\"scroll\"><table><thead><tr>", p->f);
	page_heading(p, "where", NULL, false);
	page_heading(p, "what", NULL, false);
	page_heading(p, "count", NULL, true);
	page_heading(p, "for example", NULL, false);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		fputs("<tr>", p->f);
		page_cell(p, NULL, peek_text(o, "where"));
		page_cell(p, NULL, peek_text(o, "kind"));
		page_number(p, peek_number(o, "count"));
		page_cell(p, "soft", peek_text(o, "example"));
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
}

static void put_values(struct page *p, const json_t *map)
{
	const char *name;
	json_t *o;
	char s[48];

	json_object_foreach((json_t *)map, name, o)
	{
		fputs("<tr><th scope=\"row\">", p->f);
		page_label(p, name);
		fputs("</th>", p->f);
		text_value(s, peek_number(o, "value"), peek_text(o, "unit"));
		page_cell(p, "n", s);
		fputs("</tr>\n", p->f);
	}
}

static void put_counters(struct page *p, const struct result *r)
{
	if (!json_object_size(peek_top(r, "counters")) && !json_object_size(peek_top(r, "figures")))
		return;
	fputs("<details><summary>All counters and figures</summary>\n<div class=\"scroll\">"
	      "<table class=\"facts\"><tbody>\n",
		p->f);
	put_values(p, peek_top(r, "counters"));
	put_values(p, peek_top(r, "figures"));
	fputs("</tbody></table></div></details>\n", p->f);
}

/* ---- the section ---- */

static void put_steps(struct page *p, const struct result *r, const struct load_plots *plots)
{
	fputs("<h3>Latency of each step</h3>\n<div class=\"wide\">", p->f);
	page_plot(p, plots->spectra[SORT_STEP], "Percentile spectrum",
		"the further right, the rarer");
	fputs("</div>\n", p->f);
	if (put_latency_table(p, r, SORT_STEP, true, ""))
		fputs("<p class=\"soft\">A dash stands where fewer than ten values lie above a "
		      "percentile: it would be chance.</p>\n",
			p->f);
	if (put_latency_table(p, r, SORT_STEP, false,
		    "<details><summary>The same steps, counted from elsewhere</summary>\n"))
		fputs("</details>\n", p->f);
}

static void put_media(struct page *p, const struct result *r, const struct load_plots *plots)
{
	fputs("<h3>Media</h3>\n<div class=\"wide\">", p->f);
	page_plot(p, plots->spectra[SORT_MEDIA], "Timing of packets", "percentile spectrum");
	fputs("</div>\n", p->f);
	(void)put_latency_table(p, r, SORT_MEDIA, true, "");
	(void)put_latency_table(p, r, SORT_MEDIA, false, "");
	fputs("<div class=\"wide\">", p->f);
	page_plot(p, plots->lateness_heat, "Packet lateness over time",
		"arrival against the RTP clock");
	if (plots->setup_heat != PLOT_NONE)
		page_plot(p, plots->setup_heat, "SETUP latency over time", NULL);
	fputs("</div>\n", p->f);
}

void page_load(struct page *p, const struct result *r, const struct load_plots *plots)
{
	char mode[128];

	put_figures(p, r);
	peek_config(r, "receive_mode", mode);
	if (*mode) {
		fputs("<p class=\"soft\">Receive mode: ", p->f);
		page_text(p, mode);
		fputs(". Compare only runs of the same mode.</p>\n", p->f);
	}
	put_checks(p, peek_top(r, "gates"), "Gates", "Limits that this run had to keep.");
	put_steps(p, r, plots);
	put_media(p, r, plots);
	fputs("<h3>Over time</h3>\n<div class=\"grid\">\n", p->f);
	for (size_t i = 0; i < COUNT(panels); i++) {
		if (plots->panels[i] != PLOT_NONE || panels[i].always)
			page_plot(p, plots->panels[i], panels[i].caption, panels[i].unit);
	}
	fputs("</div>\n", p->f);
	put_errors(p, r);
	put_checks(p, json_object_get(peek_top(r, "validity"), "checks"),
		"Was the generator honest?",
		"A generator that is itself the limit measures itself. One failed check makes the "
		"run INVALID.");
	if (plots->spectra[SORT_OWN] != PLOT_NONE) {
		fputs("<div class=\"wide\">", p->f);
		page_plot(p, plots->spectra[SORT_OWN], "The generator's own lateness",
			"percentile spectrum");
		fputs("</div>\n", p->f);
	}
	(void)put_latency_table(p, r, SORT_OWN, true, "");
	put_counters(p, r);
}

/* ---- several loads side by side ---- */

enum cell {
	CELL_CONFIG,
	CELL_COUNT,
	CELL_LOSS /* a count above zero is bad news */,
	CELL_P50,
	CELL_P99,
	CELL_BPS
};
static const struct {
	const char *label, *name;
	enum cell cell;
} side_rows[] = {
	{ "sessions", "sessions", CELL_CONFIG },
	{ "sessions failed", "sessions_failed", CELL_LOSS },
	{ "packets received", "packets_received", CELL_COUNT },
	{ "packets lost", "packets_lost", CELL_LOSS },
	{ "packets corrupt", "packets_corrupt", CELL_LOSS },
	{ "best second", NULL, CELL_BPS },
	{ "SETUP p99", "setup", CELL_P99 },
	{ "start to first packet p50", "startup", CELL_P50 },
	{ "start to first packet p99", "startup", CELL_P99 },
	{ "packet lateness p99", "lateness", CELL_P99 },
};

static void put_side_cell(struct page *p, const struct result *r, size_t row)
{
	char s[128] = "\xe2\x80\x93";
	double v = NAN;

	switch (side_rows[row].cell) {
	case CELL_CONFIG: peek_config(r, side_rows[row].name, s); break;
	case CELL_COUNT:
	case CELL_LOSS:
		v = peek_counter(r, side_rows[row].name);
		text_number(s, v);
		break;
	case CELL_P50:
	case CELL_P99:
		if (quantile(r, side_rows[row].name, side_rows[row].cell == CELL_P50 ? 0.5 : 0.99,
			    &v))
			text_duration(s, v);
		break;
	case CELL_BPS:
		v = throughput_bps(r);
		if (isfinite(v))
			(void)snprintf(s, sizeof s, "%.1f Mbit/s", v / 1e6);
		break;
	}
	page_cell(p, side_rows[row].cell == CELL_LOSS && v > 0 ? "n bad" : "n", s);
}

void page_load_table(struct page *p, struct result *const *results, size_t n)
{
	char name[64];

	fputs("<section>\n<h2>Load at a glance</h2>\n<div class=\"scroll\"><table><thead><tr>",
		p->f);
	page_heading(p, "", NULL, false);
	for (size_t i = 0; i < n; i++) {
		peek_name(results[i], name);
		page_heading(p, name, result_is_valid(results[i]) ? NULL : "INVALID", true);
	}
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t row = 0; row < COUNT(side_rows); row++) {
		fputs("<tr><th scope=\"row\">", p->f);
		page_text(p, side_rows[row].label);
		fputs("</th>", p->f);
		for (size_t i = 0; i < n; i++)
			put_side_cell(p, results[i], row);
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n</section>\n", p->f);
}
