/* SPDX-License-Identifier: MIT */
#include "server/wire/date.h"

#include <stdio.h>
#include <time.h>

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

const char *date_text(int64_t seconds, char *dst)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	dst[0] = '\0';
	if (gmtime_r(&t, &tm))
		(void)snprintf(dst, DATE_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT",
			days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			(tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return dst;
}

/* ---- reading ---- */

/* A form: '_' stands for a field's octet, all else for itself; and where its fields are. */
static const struct form {
	const char *text;
	uint8_t day, month, year, year_n, time;
} forms[] = {
	{ "___, __ ___ ____ __:__:__ GMT", 5, 8, 12, 4, 17 },
	{ "___ ___ __ __:__:__ ____", 8, 4, 20, 4, 11 },
	{ ", __-___-__ __:__:__ GMT", 2, 5, 9, 2, 12 }, /* RFC 850 from its comma on */
};

static bool is_form(const struct form *f, struct bytes v)
{
	if (v.n != bytes_str(f->text).n)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (f->text[i] != '_' && v.p[i] != (uint8_t)f->text[i])
			return false;
	}
	return true;
}

static int number(struct bytes v, size_t at, size_t n)
{
	uint64_t x;
	return bytes_to_u64(bytes_trim(bytes_sub(v, at, n)), 9999, &x) ? (int)x : -1;
}

static int month_of(struct bytes v)
{
	for (int i = 0; i < 12; i++) {
		if (bytes_is_eq(v, bytes_str(months[i])))
			return i;
	}
	return -1;
}

static int64_t read_form(const struct form *f, struct bytes v)
{
	int year = number(v, f->year, f->year_n);

	if (f->year_n == 2 && year >= 0)
		year += year < 70 ? 2000 : 1900;
	struct tm tm = { .tm_mday = number(v, f->day, 2),
		.tm_mon = month_of(bytes_sub(v, f->month, 3)),
		.tm_year = year - 1900,
		.tm_hour = number(v, f->time, 2),
		.tm_min = number(v, f->time + 3u, 2),
		.tm_sec = number(v, f->time + 6u, 2) };
	struct tm asked = tm;

	if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_mon < 0 || year < 1970 || tm.tm_hour < 0 ||
		tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
		tm.tm_sec > 60)
		return -1;
	int64_t t = (int64_t)timegm(&tm);
	/* the 31st of a short month would become the next one's 1st; a leap second may */
	return tm.tm_mday == asked.tm_mday || asked.tm_sec == 60 ? t : -1;
}

int64_t date_read(struct bytes v)
{
	/* the name of RFC 850's day has any length */
	struct bytes tail = bytes_sub(v, bytes_index(v, ','), v.n);

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct bytes part = forms[i].text[0] == ',' ? tail : v;
		if (is_form(&forms[i], part))
			return read_form(&forms[i], part);
	}
	return -1;
}
