/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_TEXT_H
#define REPORTS_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "server/base/bytes.h"

/* Text that may come from a peer, made fit for JSON, HTML, XML, Markdown and terminals. */

/*
 * A clean copy of b: valid UTF-8, at most max bytes ("…" at the end when cut). Bytes that are not
 * UTF-8, control characters but tab and line feed, directional overrides and non-characters become
 * U+FFFD, one each. Heap; the caller frees.
 */
char *text_clean(struct bytes b, size_t max);

/* The clean text s with < > & " ' as entities: fit for HTML and XML, between tags and inside quotes. */
void text_put_html(FILE *f, const char *s);
/* One line of Markdown table cell: | * _ ` [ ] < > & \ # and line ends made harmless. */
void text_put_markdown(FILE *f, const char *s);
/* One line for a terminal: tabs and line feeds become blanks. */
void text_put_line(FILE *f, const char *s);

/* Copies clean text s into out, cut to fit between two characters. */
void text_fit(char *out, size_t cap, const char *s);

/* 64-bit FNV-1a, for fingerprints of configurations (not for security). */
uint64_t text_hash(struct bytes b, uint64_t seed);
#define TEXT_HASH_SEED UINT64_C(0xcbf29ce484222325)

/*
 * A number for people in out: three significant digits, thousands grouped by thin spaces when it is
 * a whole one ("12 345"), "–" for NAN. Never empty.
 */
void text_number(char out[32], double v);
/* A duration of `ns` in the unit that suits it: "412 ns", "3.21 ms", "1.50 s". */
void text_duration(char out[32], double ns);
/* ns as milliseconds with three significant digits and no unit: "0.412", "3.21", "1500". */
void text_ms(char out[32], double ns);
/* A size in bytes: "3.21 MB" (powers of 1000). */
void text_size(char out[32], double bytes);
/* A value of a unit of the result file: "ns" as text_duration, "bytes" as text_size, "ratio"
 * and "share" in per cent, "count" as a number alone, anything else as the number and the unit. */
void text_value(char out[48], double v, const char *unit);

#endif
