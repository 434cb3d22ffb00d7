/* SPDX-License-Identifier: MIT */
#include "reports/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS    "\xe2\x80\xa6"
#define THIN_SPACE  "\xe2\x80\xaf" /* narrow and no-break */

/* Length of the UTF-8 sequence at the front of b and its code point; 0 = not UTF-8 (3629 4). */
static size_t utf8_read(struct bytes b, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead;
		size_t len;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 } };

	for (size_t k = 0; k < COUNT(forms); k++) {
		if ((b.p[0] & forms[k].mask) != forms[k].lead)
			continue;
		if (b.n < forms[k].len)
			return 0;
		uint32_t c = b.p[0] & (uint8_t)~forms[k].mask;
		for (size_t i = 1; i < forms[k].len; i++) {
			if ((b.p[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (b.p[i] & 0x3f);
		}
		if (c < forms[k].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*code = c;
		return forms[k].len;
	}
	return 0;
}

/* Characters that could break a page or deceive its reader. */
static bool is_harmful(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

char *text_clean(struct bytes b, size_t max)
{
	size_t cap = (b.n < max ? b.n * 3 : max) + 8, n = 0;
	char *out = xmalloc(cap);

	while (b.n) {
		uint32_t code = 0;
		size_t len = utf8_read(b, &code);
		bool good = len && !is_harmful(code);
		struct bytes piece = good ? bytes_sub(b, 0, len) : B(REPLACEMENT);

		if (n + piece.n > max) {
			memcpy(out + n, ELLIPSIS, 3);
			n += 3;
			break;
		}
		memcpy(out + n, piece.p, piece.n);
		n += piece.n;
		b = bytes_sub(b, len ? len : 1, b.n);
	}
	out[n] = 0;
	return out;
}

void text_put_html(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '&': fputs("&amp;", f); break;
		case '"': fputs("&quot;", f); break;
		case '\'': fputs("&#39;", f); break;
		default: fputc(*s, f);
		}
	}
}

void text_put_markdown(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '@') /* would notify a person of that name */
			fputs("&#64;", f);
		else if (*s == '\n' || *s == '\t')
			fputc(' ', f);
		else {
			if (strchr("\\|*_`[]#~!", *s))
				fputc('\\', f);
			fputc(*s, f);
		}
	}
}

void text_put_line(FILE *f, const char *s)
{
	for (; *s; s++)
		fputc(*s == '\n' || *s == '\t' ? ' ' : *s, f);
}

void text_fit(char *out, size_t cap, const char *s)
{
	size_t n = strlen(s);

	if (n >= cap) {
		n = cap - 1;
		while (n && ((uint8_t)s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(out, s, n);
	out[n] = 0;
}

uint64_t text_hash(struct bytes b, uint64_t seed)
{
	for (size_t i = 0; i < b.n; i++)
		seed = (seed ^ b.p[i]) * UINT64_C(0x100000001b3);
	return seed;
}

static void group_digits(char out[32], double v)
{
	char digits[32];
	size_t n, at = 0;

	(void)snprintf(digits, sizeof digits, "%.0f", v < 0 ? -v : v);
	n = strlen(digits);
	if (v < 0 && n < 18)
		out[at++] = '-';
	for (size_t i = 0; i < n && at + 5 < 32; i++) {
		if (i && (n - i) % 3 == 0) {
			memcpy(out + at, THIN_SPACE, 3);
			at += 3;
		}
		out[at++] = digits[i];
	}
	out[at] = 0;
}

void text_number(char out[32], double v)
{
	double a = v < 0 ? -v : v;

	if (!isfinite(v))
		(void)snprintf(out, 32, "\xe2\x80\x93");
	else if (a >= 1e12)
		(void)snprintf(out, 32, "%.3g", v);
	else if (a >= 100 || fabs(v - round(v)) < 1e-9)
		group_digits(out, round(v));
	else if (a >= 10)
		(void)snprintf(out, 32, "%.1f", v);
	else if (a >= 1)
		(void)snprintf(out, 32, "%.2f", v);
	else
		(void)snprintf(out, 32, "%.3g", v);
}

static void scaled(char out[32], double v, const char *const units[], size_t n)
{
	size_t i = 0;
	double a = v < 0 ? -v : v;

	if (!isfinite(v)) {
		(void)snprintf(out, 32, "\xe2\x80\x93");
		return;
	}
	/* 999.6 would print as 1000 of the smaller unit */
	while (i + 1 < n && a >= 999.5) {
		a /= 1000;
		v /= 1000;
		i++;
	}
	if (a == 0 || (i == 0 && a >= 1))
		(void)snprintf(out, 32, "%.0f %s", v, units[i]);
	else
		(void)snprintf(out, 32, "%.*f %s",
			a >= 99.95   ? 0
			: a >= 9.995 ? 1
				     : 2,
			v, units[i]);
}

void text_duration(char out[32], double ns)
{
	static const char *const units[] = { "ns", "\xc2\xb5s", "ms", "s" };
	scaled(out, ns, units, COUNT(units));
}

void text_ms(char out[32], double ns)
{
	double ms = ns / 1e6, a = ms < 0 ? -ms : ms;

	if (!isfinite(ms))
		(void)snprintf(out, 32, "\xe2\x80\x93");
	else
		(void)snprintf(out, 32, "%.*f",
			a >= 99.95    ? 0
			: a >= 9.995  ? 1
			: a >= 0.9995 ? 2
				      : 3,
			ms);
}

void text_size(char out[32], double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	scaled(out, bytes, units, COUNT(units));
}

void text_value(char out[48], double v, const char *unit)
{
	char n[32], word[13];

	if (unit && strcmp(unit, "count") == 0)
		unit = NULL;
	if (unit && strcmp(unit, "ns") == 0) {
		text_duration(n, v);
		(void)snprintf(out, 48, "%s", n);
	} else if (unit && strcmp(unit, "bytes") == 0) {
		text_size(n, v);
		(void)snprintf(out, 48, "%s", n);
	} else if (unit && (strcmp(unit, "share") == 0 || strcmp(unit, "ratio") == 0)) {
		(void)snprintf(out, 48, "%.4g %%", v * 100);
	} else {
		text_number(n, v);
		text_fit(word, sizeof word, unit ? unit : "");
		(void)snprintf(out, 48, "%s%s%s", n, *word ? " " : "", word);
	}
}
