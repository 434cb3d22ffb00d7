/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_PLOT_H
#define REPORTS_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "server/base/attr.h"

/*
 * The plots of one report. First all are declared, each gets a number; then one gnuplot run draws
 * them; then each is put into the page where it belongs. Data and script live in a temporary folder
 * that plots_free removes.
 */
struct plots;
struct json_t;

/* dry: nothing is drawn, plot_put writes nothing, all else works. */
struct plots *plots_new(bool dry);
void plots_free(struct plots *p);

/* How a plot came out of its declaration. */
#define PLOT_NONE 0 /* no data at all: the caller says so in words */

/* A curve of a spectrum: histogram object of the result file, and its label. */
struct plot_curve {
	const struct json_t *hist;
	const char *label;
};
/* Percentile spectrum of durations. Empty histograms are left out. A number, or PLOT_NONE. */
int plot_spectrum(struct plots *p, const struct plot_curve *curves, size_t n, const char *about);

/* Columns of a series: name in the file, label ("" = none is needed when it is alone), factor; rate = per second instead of per interval. */
struct plot_line {
	const char *column, *label;
	double factor;
	bool rate;
};
int plot_series(struct plots *p, const struct json_t *series, const struct plot_line *lines,
	size_t n, const char *about);

int plot_heat(struct plots *p, const struct json_t *heatmap, const char *yname, const char *about);

/* Draws everything. 0, or negative with *why a line for people (no gnuplot, or what it complained
 * of), which the caller frees. */
MUST_USE int plots_draw(struct plots *p, char **why);
/* Writes the SVG of plot `number` into the page; about = its text alternative. */
void plot_put(struct plots *p, int number, FILE *page);

#endif
