/* SPDX-License-Identifier: MIT */
#include "reports/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/embed.h"
#include "reports/peek.h"
#include "reports/result_json.h"
#include "reports/text.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* More than this and a page would be unusable; the rest is left out. */
#define PLOTS_MAX    200
#define CURVES_MAX   9 /* as many as there are line types */
#define HEAT_COLUMNS ((size_t)160)
#define SVG_MAX      ((size_t)16 << 20)

struct plots {
	bool dry;
	int n;
	char *folder;
	FILE *script;
	bool failed; /* a file could not be written */
	char *about[PLOTS_MAX];
};

static char *path_of(const struct plots *p, const char *prefix, int number, const char *suffix)
{
	return number ? xasprintf("%s/%s%d.%s", p->folder, prefix, number, suffix)
		      : xasprintf("%s/%s.%s", p->folder, prefix, suffix);
}

static FILE *create(struct plots *p, const char *prefix, int number, const char *suffix)
{
	char *path = path_of(p, prefix, number, suffix);
	FILE *f = fopen(path, "w");

	free(path);
	if (!f)
		p->failed = true;
	return f;
}

static void finish(struct plots *p, FILE *f)
{
	if (f && (ferror(f) | fclose(f)))
		p->failed = true;
}

struct plots *plots_new(bool dry)
{
	struct plots *p = xcalloc(1, sizeof *p);
	const char *tmp = getenv("TMPDIR");

	p->dry = dry;
	if (dry)
		return p;
	p->folder = xasprintf("%s/beagle-plots.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(p->folder)) {
		free(p->folder);
		p->folder = NULL;
		p->failed = true;
		return p;
	}
	p->script = create(p, "all", 0, "gp");
	return p;
}

static void remove_file(const struct plots *p, const char *prefix, int number, const char *suffix)
{
	char *path = path_of(p, prefix, number, suffix);

	(void)unlink(path); /* may never have been written */
	free(path);
}

void plots_free(struct plots *p)
{
	if (!p)
		return;
	if (p->script)
		(void)fclose(p->script); /* never drawn */
	for (int i = 1; i <= p->n; i++) {
		if (p->folder) {
			remove_file(p, "plot", i, "tsv");
			remove_file(p, "plot", i, "svg");
		}
		free(p->about[i - 1]);
	}
	if (p->folder) {
		remove_file(p, "all", 0, "gp");
		remove_file(p, "all", 0, "err");
		(void)rmdir(p->folder);
	}
	free(p->folder);
	free(p);
}

/* A label as a cell of a data file: nothing that gnuplot could read as more than text. */
static void put_label(FILE *f, const char *s)
{
	for (size_t n = 0; *s && n < 60; s++, n++) {
		bool plain = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
			     (*s >= 'A' && *s <= 'Z') || strchr(" -.,()/:+'", *s);
		fputc(plain ? *s : ' ', f);
	}
}

/* Begins plot number p->n + 1; NULL = it cannot be. */
static FILE *begin(struct plots *p)
{
	if (p->dry || p->failed || p->n == PLOTS_MAX || !p->script)
		return NULL;
	p->n++;
	return create(p, "plot", p->n, "tsv");
}

static int end(struct plots *p, FILE *data, const char *body, int width, int height,
	const char *about, const char *fmt, ...) PRINTF(7, 8);
static int end(struct plots *p, FILE *data, const char *body, int width, int height,
	const char *about, const char *fmt, ...)
{
	FILE *f = p->script;
	va_list ap;

	finish(p, data);
	p->about[p->n - 1] = xstrdup(about);
	fprintf(f, "%s\nname = \"p%d\"\nout = \"plot%d.svg\"\ndata = \"plot%d.tsv\"\n",
		embed_style_gp, p->n, p->n, p->n);
	fprintf(f, "width = %d\nheight = %d\n", width, height);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fprintf(f, "%s\n", body);
	return p->n;
}

/* ---- spectrum ---- */

/* Cumulated share at the upper end of each bucket that holds something. */
static void put_curve(FILE *f, const struct hist *h, const char *label)
{
	uint64_t seen = 0;
	double floor_ms = 1e-3; /* 1 us: below it a log axis only shows noise */
	double drawn_x = 0, drawn_y = 0;

	put_label(f, label);
	fprintf(f, "\n1\t%.6g\n", fmax((double)h->least / 1e6, floor_ms));
	for (uint32_t i = 0; i < h->n_counts; i++) {
		if (!h->counts[i])
			continue;
		seen += h->counts[i];
		int64_t v = hist_bucket_high(h, i);
		double top = (double)(v < h->most ? v : h->most) / 1e6;
		double x = log10((double)h->n / (double)(seen < h->n ? h->n - seen : 1));
		double y = log10(fmax(top, floor_ms));
		/* as fine as the eye: thousands of points would only make the page heavy */
		if (seen < h->n && x - drawn_x < 0.008 && fabs(y - drawn_y) < 0.008)
			continue;
		fprintf(f, "%.5g\t%.5g\n", pow(10, x), pow(10, y));
		drawn_x = x;
		drawn_y = y;
	}
	/* beyond the last value but one there is only the largest */
	fprintf(f, "%.5g\t%.5g\n\n\n", (double)h->n * 1.5, fmax((double)h->most / 1e6, floor_ms));
}

int plot_spectrum(struct plots *p, const struct plot_curve *curves, size_t n, const char *about)
{
	FILE *f = NULL;
	int drawn = 0;
	double x = 20, low = INFINITY, high = 0;

	for (size_t i = 0; i < n && drawn < CURVES_MAX; i++) {
		struct hist h;
		if (!curves[i].hist || !result_json_hist(curves[i].hist, &h))
			continue;
		if (h.n && (f || (f = begin(p)))) {
			put_curve(f, &h, curves[i].label);
			x = fmax(x, (double)h.n);
			low = fmin(low, (double)hist_quantile(&h, 0) / 1e6);
			high = fmax(high, (double)h.most / 1e6);
			drawn++;
		}
		hist_clear(&h);
	}
	if (!f)
		return PLOT_NONE;
	x = fmin(x * 1.25, 2e7);
	low = pow(10, floor(log10(fmax(low, 1e-3)) + 1e-9));
	high = pow(10, ceil(log10(fmax(high, low * 1.001)) - 1e-9));
	return end(p, f, embed_spectrum_gp, 900, 400, about,
		"curves = %d\nxtop = %g\nylow = %g\nyhigh = %g\n"
		"yname = \"milliseconds (log)\"\n",
		drawn, x, low, high);
}

/* ---- series ---- */

struct chosen {
	const struct plot_line *line[CURVES_MAX];
	size_t column[CURVES_MAX];
	size_t n;
};

/* The lines that the series has a number for. */
static void choose(struct chosen *c, const json_t *series, const struct plot_line *lines, size_t n)
{
	const json_t *rows = json_object_get(series, "rows");

	c->n = 0;
	for (size_t k = 0; k < n && c->n < CURVES_MAX; k++) {
		size_t column = peek_column(series, lines[k].column);
		bool any = false;
		for (size_t i = 0; column && i < json_array_size(rows) && !any; i++)
			any = isfinite(peek_cell(json_array_get(rows, i), column));
		if (any) {
			c->line[c->n] = &lines[k];
			c->column[c->n++] = column;
		}
	}
}

static void put_row(
	FILE *f, double t, const json_t *row, double interval, const struct chosen *c, double *top)
{
	fprintf(f, "%.6g", t);
	for (size_t k = 0; k < c->n; k++) {
		double v = peek_cell(row, c->column[k]) * c->line[k]->factor;
		if (c->line[k]->rate)
			v /= interval;
		if (isfinite(v))
			fprintf(f, "\t%.9g", v);
		else
			fputs("\tNaN", f);
		*top = fmax(*top, isfinite(v) ? v : 0);
	}
	fputc('\n', f);
}

/* 1, 2 or 5 times a power of ten: about five of them reach `top`. */
static double axis_step(double top)
{
	double rough = top / 5, power = top > 0 ? pow(10, floor(log10(rough))) : 0;

	/* all zero: an axis that shows that nothing happened */
	if (!(top > 0) || !isnormal(power))
		return 1;
	return power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
}

int plot_series(struct plots *p, const json_t *series, const struct plot_line *lines, size_t n,
	const char *about)
{
	const json_t *rows = json_object_get(series, "rows"), *row;
	double top = 0, t = 0, interval = 1, step;
	struct chosen c;
	FILE *f;

	choose(&c, series, lines, n);
	if (!c.n || !(f = begin(p)))
		return PLOT_NONE;
	fputs("t", f);
	for (size_t k = 0; k < c.n; k++) {
		fputc('\t', f);
		put_label(f, c.line[k]->label);
	}
	fputc('\n', f);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		interval = peek_interval(rows, i);
		t = peek_cell(row, 0);
		put_row(f, t, row, interval, &c, &top);
		put_row(f, t + interval, row, interval, &c, &top);
	}
	step = axis_step(top);
	return end(p, f, embed_series_gp, 600, 240, about,
		"curves = %zu\nkeyed = %d\nxtop = %.6g\nytop = %.6g\nystep = %.6g\n", c.n,
		c.n > 1 || *c.line[0]->label, t + interval, step * fmax(1, ceil(top * 1.04 / step)),
		step);
}

/* ---- heat map ---- */

struct heat {
	size_t bins, low, high; /* low … high: those that hold something */
	double most;
};

/* Adds rows first … last - 1 to sum, one number per bin. */
static void add_rows(const json_t *rows, size_t first, size_t last, double *sum, struct heat *h)
{
	for (size_t k = 0; k < h->bins; k++) {
		sum[k] = 0;
		for (size_t i = first; i < last; i++) {
			double v = peek_cell(json_array_get(rows, i), k + 1);
			sum[k] += isfinite(v) ? v : 0;
		}
		h->most = fmax(h->most, sum[k]);
		if (sum[k] > 0) {
			h->low = k < h->low ? k : h->low;
			h->high = k > h->high ? k : h->high;
		}
	}
}

/* log10 of ns at the lower edge of a bin; bin 0 is drawn as wide as the others. */
static double edge(const json_t *edges, size_t bin)
{
	double first = log10(fmax(json_number_value(json_array_get(edges, 0)), 1));

	return bin ? log10(fmax(json_number_value(json_array_get(edges, bin - 1)), 1))
		   : first - 1.0 / RESULT_HEAT_PER_DECADE;
}

int plot_heat(struct plots *p, const json_t *map, const char *yname, const char *about)
{
	const json_t *rows = json_object_get(map, "rows"), *edges = json_object_get(map, "edges");
	size_t n = json_array_size(rows), step = (n + HEAT_COLUMNS - 1) / HEAT_COLUMNS;
	struct heat h = { .bins = json_array_size(edges), .low = SIZE_MAX };
	double *sum, right = 0;
	FILE *f;

	if (!n || h.bins < 2 || !(f = begin(p)))
		return PLOT_NONE;
	sum = xcalloc(h.bins, sizeof *sum);
	for (size_t i = 0; i < n; i += step) {
		size_t last = i + step < n ? i + step : n;
		double left = peek_cell(json_array_get(rows, i), 0);
		right = peek_cell(json_array_get(rows, last - 1), 0) +
			peek_interval(rows, last - 1);
		add_rows(rows, i, last, sum, &h);
		for (size_t k = 0; k < h.bins; k++) {
			if (sum[k] > 0)
				fprintf(f, "%.6g\t%.6g\t%.6g\t%.6g\t%.9g\n", left, right,
					edge(edges, k),
					k + 1 < h.bins
						? edge(edges, k + 1)
						: edge(edges, k) + 1.0 / RESULT_HEAT_PER_DECADE,
					sum[k]);
		}
	}
	free(sum);
	if (h.low > h.high) { /* nothing but zeros */
		finish(p, f);
		remove_file(p, "plot", p->n--, "tsv"); /* nobody will look for it later */
		return PLOT_NONE;
	}
	return end(p, f, embed_heat_gp, 900, 320, about,
		"xtop = %.6g\nylow = %.6g\nyhigh = %.6g\nctop = %.6g\nyname = \"%s\"\n"
		"cname = \"packets\"\n",
		right, edge(edges, h.low ? h.low - 1 : 0), edge(edges, h.high) + 0.4,
		fmax(h.most, 10), yname);
}

/* ---- drawing ---- */

extern char **environ;

/* gnuplot's own start-up files and language would change the picture. */
static char **environment(void)
{
	size_t n = 0, kept = 0;
	char **v;

	while (environ[n])
		n++;
	v = xcalloc(n + 2, sizeof *v);
	for (size_t i = 0; i < n; i++) {
		struct bytes e = bytes_str(environ[i]);
		if (!bytes_has_prefix(e, B("LC_")) && !bytes_has_prefix(e, B("LANG")) &&
			!bytes_has_prefix(e, B("GNUPLOT")) && !bytes_has_prefix(e, B("GNUTERM")))
			v[kept++] = environ[i];
	}
	v[kept] = (char *)"LC_ALL=C.UTF-8";
	return v;
}

static int spawn_gnuplot(const struct plots *p, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	char *argv[] = { (char *)"gnuplot", (char *)"-d", (char *)"all.gp", NULL };
	char **env = environment(), *log = path_of(p, "all", 0, "err");
	int err;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)posix_spawn_file_actions_adddup2(&files, 2, 1);
	(void)posix_spawn_file_actions_addchdir_np(&files, p->folder);
	err = posix_spawnp(pid, "gnuplot", &files, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&files);
	free(env);
	free(log);
	return -err;
}

static char *complaint(const struct plots *p)
{
	char *log = path_of(p, "all", 0, "err"), *text = NULL, *clean;
	size_t n = 0;

	if (os_read_file(log, 65536, &text, &n) != 0)
		text = xstrdup("");
	free(log);
	clean = text_clean(bytes_trim(bytes_of(text, n)), 400);
	free(text);
	for (char *s = clean; *s; s++) {
		if (*s == '\n' || *s == '\t')
			*s = ' ';
	}
	return clean;
}

int plots_draw(struct plots *p, char **why)
{
	pid_t pid;
	int status = 0, err;
	char *words;

	if (p->dry || (p->n == 0 && !p->failed))
		return 0;
	finish(p, p->script);
	p->script = NULL;
	if (p->failed) {
		*why = xstrdup("the plots' data cannot be written to a temporary folder (TMPDIR)");
		return -EIO;
	}
	err = spawn_gnuplot(p, &pid);
	if (err) {
		*why = err == -ENOENT
			       ? xstrdup("gnuplot is not installed (apt install gnuplot-nox); "
					 "--no-plots writes the report without plots")
			       : xasprintf("gnuplot cannot be started: %s", err_text(err));
		return err;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	words = complaint(p);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || *words) {
		*why = xasprintf("gnuplot failed: %s", *words ? words : "no reason given");
		err = ERR_UNSUPPORTED;
	}
	free(words);
	return err;
}

static struct bytes put_upto(FILE *page, struct bytes text, struct bytes mark)
{
	size_t at = bytes_find(text, mark);

	fwrite(text.p, 1, at, page);
	return bytes_sub(text, at, text.n);
}

/* Only the <svg> element; a text alternative stands in for gnuplot's title, and the definitions of
 * point marks go: no plot uses them, and their ids would be the same in every plot. */
void plot_put(struct plots *p, int number, FILE *page)
{
	char *path, *text = NULL;
	struct bytes svg;
	size_t n = 0;

	if (number < 1 || number > p->n || p->dry)
		return;
	path = path_of(p, "plot", number, "svg");
	if (os_read_file(path, SVG_MAX, &text, &n) != 0)
		text = xstrdup("");
	free(path);
	svg = bytes_of(text, n);
	svg = bytes_sub(svg, bytes_find(svg, B("<svg")), svg.n);
	svg = put_upto(page, svg, B("<title>"));
	fputs("<title>", page);
	text_put_html(page, p->about[number - 1]);
	fputs("</title>\n<g>\n", page);
	svg = bytes_sub(svg, bytes_find(svg, B("<rect")), svg.n);
	svg = put_upto(page, svg, B("<defs>"));
	svg = bytes_sub(svg, bytes_find(svg, B("</defs>")) + 7, svg.n);
	fwrite(svg.p, 1, svg.n, page);
	free(text);
}
