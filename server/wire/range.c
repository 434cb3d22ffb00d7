/* SPDX-License-Identifier: MIT */
#include "server/wire/range.h"

#include <inttypes.h>

/*
 * Cursor over the text, with the fault noted at the first thing that does not fit. All times are
 * bounded by SECONDS_MAX, so that ns fit into a tick_t.
 */
struct text {
	struct bytes b;
	const uint8_t *start;
	struct fault *f;
};
#define SECONDS_MAX UINT64_C(9000000000)

static int fail(struct text *t, const char *why, int err)
{
	*t->f = (struct fault){ .at = (size_t)(t->b.p - t->start), .why = why };
	return err;
}

static bool take(struct text *t, char c)
{
	if (t->b.n == 0 || t->b.p[0] != (uint8_t)c)
		return false;
	t->b = bytes_sub(t->b, 1, t->b.n);
	return true;
}

/* The digits in front; may be none. */
static struct bytes take_digits(struct text *t)
{
	size_t n = 0;
	struct bytes v;

	while (n < t->b.n && t->b.p[n] >= '0' && t->b.p[n] <= '9')
		n++;
	v = bytes_sub(t->b, 0, n);
	t->b = bytes_sub(t->b, n, t->b.n);
	return v;
}

/* 1*DIGIT, at most max. */
static int take_number(struct text *t, uint64_t max, uint64_t *n)
{
	struct bytes v = take_digits(t);

	if (v.n == 0)
		return fail(t, "a digit is missing", ERR_SYNTAX);
	if (!bytes_to_u64(v, max, n))
		return fail(t, "a number is outside its range", ERR_RANGE);
	return 0;
}

/* *DIGIT after a decimal point, in ns; what is finer is cut off. */
static uint64_t take_fraction(struct text *t)
{
	struct bytes v = take_digits(t);
	uint64_t ns = 0;

	for (size_t i = 0; i < 9; i++)
		ns = ns * 10 + (i < v.n ? (uint64_t)(v.p[i] - '0') : 0);
	return ns;
}

/* ---- the three kinds of time ---- */

/* 2326 3.6: seconds, or hours:minutes:seconds; both with a fraction. */
static int take_npt(struct text *t, tick_t *ns)
{
	uint64_t s, min, sec, fraction = 0;
	int err = take_number(t, SECONDS_MAX, &s);

	if (err)
		return err;
	if (take(t, ':')) {
		if ((err = take_number(t, 59, &min)))
			return err;
		if (!take(t, ':'))
			return fail(t, "hours and minutes without seconds", ERR_SYNTAX);
		if ((err = take_number(t, 59, &sec)))
			return err;
		s = s * 3600 + min * 60 + sec;
		if (s > SECONDS_MAX)
			return fail(t, "the time is too large", ERR_RANGE);
	}
	if (take(t, '.'))
		fraction = take_fraction(t);
	*ns = (tick_t)(s * 1000000000 + fraction);
	return 0;
}

/* 2326 3.5: hours:minutes:seconds[:frames[.subframes]]. drop: 29.97 frames a second, of which two
 * are not counted at the start of every minute but each tenth. */
static int take_smpte(struct text *t, bool drop, tick_t *ns)
{
	uint64_t h, m, s, frames = 0, sub = 0, fps = drop ? 30 : 25, n;
	int err = take_number(t, SECONDS_MAX / 3600 / 30, &h);

	if (err)
		return err;
	if (!take(t, ':'))
		return fail(t, "hours without minutes", ERR_SYNTAX);
	if ((err = take_number(t, 59, &m)))
		return err;
	if (!take(t, ':'))
		return fail(t, "minutes without seconds", ERR_SYNTAX);
	if ((err = take_number(t, 59, &s)))
		return err;
	if (take(t, ':') && (err = take_number(t, fps - 1, &frames)))
		return err;
	if (take(t, '.')) {
		struct bytes v = take_digits(t);
		/* one digit is tenths, as in a decimal fraction */
		if (v.n > 2 || !bytes_to_u64(v, 99, &sub))
			return fail(t, "no one or two digits of subframes", ERR_SYNTAX);
		sub *= v.n == 1 ? 10 : 1;
	}
	if (drop && m % 10 && s == 0 && frames < 2) {
		frames = 2; /* these numbers do not exist: "0:01:00" is meant */
		sub = 0;
	}
	n = (h * 3600 + m * 60 + s) * fps + frames;
	if (drop) {
		uint64_t minutes = h * 60 + m;
		uint64_t skipped = 2 * (minutes - minutes / 10);
		n -= skipped;
	}
	n = n * 100 + sub;
	/* n counts hundredths of a frame of 1001/30000 or 1/25 s */
	*ns = (tick_t)(drop ? n * 1001000 / 3 : n * 400000);
	return 0;
}

static int take_smpte_30(struct text *t, tick_t *ns)
{
	return take_smpte(t, true, ns);
}

static int take_smpte_25(struct text *t, tick_t *ns)
{
	return take_smpte(t, false, ns);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: years start in March, so that the leap
 * day is the last. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_fixed(struct text *t, size_t digits, uint64_t *n)
{
	if (t->b.n < digits || !bytes_to_u64(bytes_sub(t->b, 0, digits), UINT32_MAX, n))
		return false;
	t->b = bytes_sub(t->b, digits, t->b.n);
	return true;
}

/* 2326 3.7: YYYYMMDD "T" hhmmss[.fraction] "Z" */
static int take_utc(struct text *t, tick_t *ns)
{
	static const uint8_t month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint64_t y, mon, d, h, min, s, fraction = 0;

	if (!take_fixed(t, 4, &y) || !take_fixed(t, 2, &mon) || !take_fixed(t, 2, &d) ||
		!take(t, 'T') || !take_fixed(t, 2, &h) || !take_fixed(t, 2, &min) ||
		!take_fixed(t, 2, &s))
		return fail(t, "no time as in 19961108T142300Z", ERR_SYNTAX);
	if (take(t, '.'))
		fraction = take_fraction(t);
	if (!take(t, 'Z'))
		return fail(t, "a UTC time ends with Z", ERR_SYNTAX);
	if (mon < 1 || mon > 12 || d < 1 || h > 23 || min > 59 || s > 60 || y < 1970 || y > 2200)
		return fail(t, "no such date or time", ERR_RANGE);
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d > (uint64_t)month_days[mon - 1] + (mon == 2 && leap))
		return fail(t, "no such day", ERR_RANGE);
	int64_t sec = days_of((int64_t)y, (int64_t)mon, (int64_t)d) * 86400;
	sec += (int64_t)(h * 3600 + min * 60 + s);
	*ns = sec * TICK_S + (tick_t)fraction;
	return 0;
}

int range_utc_read(struct bytes v, tick_t *t)
{
	struct fault f;
	struct text x = { .b = v, .start = v.p, .f = &f };
	int err = take_utc(&x, t);

	return err ? err : x.b.n ? ERR_SYNTAX : 0;
}

/* ---- and back ---- */

static int put_npt(struct buf *out, tick_t t)
{
	int64_t s = t / TICK_S, ns = t % TICK_S;

	if (t < 0)
		return ERR_RANGE;
	if (ns % 1000000 == 0)
		return buf_printf(out, "%" PRId64 ".%03" PRId64, s, ns / 1000000);
	if (ns % 1000 == 0)
		return buf_printf(out, "%" PRId64 ".%06" PRId64, s, ns / 1000);
	return buf_printf(out, "%" PRId64 ".%09" PRId64, s, ns);
}

static int put_utc(struct buf *out, tick_t t)
{
	int64_t s = t / TICK_S, ns = t % TICK_S, days = s / 86400, of_day = s % 86400;
	int64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t m = mp < 10 ? mp + 3 : mp - 9, y = yoe + era * 400 + (m <= 2);
	int err;

	if (t < 0)
		return ERR_RANGE;
	err = buf_printf(out,
		"%04" PRId64 "%02" PRId64 "%02" PRId64 "T%02" PRId64 "%02" PRId64 "%02" PRId64, y,
		m, doy - (153 * mp + 2) / 5 + 1, of_day / 3600, of_day / 60 % 60, of_day % 60);
	if (!err && ns)
		err = ns % 1000000 ? buf_printf(out, ".%09" PRId64, ns)
				   : buf_printf(out, ".%03" PRId64, ns / 1000000);
	return err ? err : buf_put(out, B("Z"));
}

/* n: hundredths of frames since the beginning. */
static int put_smpte(struct buf *out, uint64_t n, uint64_t fps)
{
	uint64_t frames = n / 100, s = frames / fps;
	int err;

	if (s >= 100 * 3600)
		return ERR_RANGE;
	err = buf_printf(out, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
		s / 60 % 60, s % 60, frames % fps);
	if (!err && n % 100)
		err = buf_printf(out, ".%02" PRIu64, n % 100);
	return err;
}

static int put_smpte_25(struct buf *out, tick_t t)
{
	return t < 0 ? ERR_RANGE : put_smpte(out, ((uint64_t)t + 200000) / 400000, 25);
}

/* Ten minutes have 17982 frames: 1800 in the first, 1798 in each of the others, whose first two numbers
 * are left out. */
static int put_smpte_30(struct buf *out, tick_t t)
{
	uint64_t ns = (uint64_t)t, n, frames, tens, rest;

	if (t < 0)
		return ERR_RANGE;
	n = ns / 1001000 * 3 + (ns % 1001000 * 3 + 500500) / 1001000;
	frames = n / 100;
	tens = frames / 17982;
	rest = frames % 17982;
	frames += 18 * tens + (rest < 1800 ? 0 : 2 * (1 + (rest - 1800) / 1798));
	return put_smpte(out, frames * 100 + n % 100, 30);
}

/* ---- the range ---- */

/* In the order of enum range_unit. */
static const struct unit_row {
	const char *name;
	enum range_unit unit;
	int (*take)(struct text *t, tick_t *ns);
	int (*put)(struct buf *out, tick_t ns);
} units[] = {
	{ "npt", RANGE_NPT, take_npt, put_npt },
	{ "smpte", RANGE_SMPTE, take_smpte_30, put_smpte_30 },
	{ "smpte-30-drop", RANGE_SMPTE_30_DROP, take_smpte_30, put_smpte_30 },
	{ "smpte-25", RANGE_SMPTE_25, take_smpte_25, put_smpte_25 },
	{ "clock", RANGE_CLOCK, take_utc, put_utc },
};

static void skip_blanks(struct text *t)
{
	while (take(t, ' ') || take(t, '\t')) {}
}

static int read_span(struct text *t, const struct unit_row *u, struct range *r)
{
	int err;

	if (u->unit == RANGE_NPT && bytes_has_iprefix(t->b, B("now"))) {
		t->b = bytes_sub(t->b, 3, t->b.n);
		r->has_start = r->is_now = true;
	} else if (t->b.n && t->b.p[0] != '-') {
		if ((err = u->take(t, &r->start)))
			return err;
		r->has_start = true;
	}
	skip_blanks(t);
	if (!take(t, '-'))
		return fail(t, "no `-` after the start", ERR_SYNTAX);
	skip_blanks(t);
	if (t->b.n) {
		if ((err = u->take(t, &r->end)))
			return err;
		r->has_end = true;
		if (t->b.n)
			return fail(t, "more than a range", ERR_SYNTAX);
	}
	/* Only NPT may leave the start out (3.6), and then not the end as well. */
	if (!r->has_start && !(u->unit == RANGE_NPT && r->has_end))
		return fail(t, "no start", ERR_SYNTAX);
	return 0;
}

static int read_parameters(struct bytes v, struct range *r)
{
	struct bytes part, name;

	while (bytes_cut(&v, ';', &part)) {
		if (!bytes_cut(&part, '=', &name) || !bytes_is_ieq(bytes_trim(name), B("time")))
			continue;
		r->has_time = true;
		int err = range_utc_read(bytes_trim(part), &r->time);
		if (err)
			return err;
	}
	return 0;
}

int range_read(struct bytes v, struct range *r, struct fault *f)
{
	struct text t = { .start = v.p, .f = f };
	struct bytes span, name;
	size_t eq;
	int err;

	*r = (struct range){ 0 };
	*f = (struct fault){ 0 };
	v = bytes_trim(v);
	span = bytes_trim(bytes_sub(v, 0, bytes_index(v, ';')));
	eq = bytes_index(span, '=');
	name = bytes_trim(bytes_sub(span, 0, eq));
	t.b = span;
	if (eq == span.n || name.n == 0)
		return fail(&t, "no unit", ERR_SYNTAX);
	if (bytes_index(span, ',') < span.n)
		return fail(&t, "more than one range", ERR_UNSUPPORTED);
	t.b = bytes_trim(bytes_sub(span, eq + 1, span.n));
	for (size_t i = 0; i < COUNT(units); i++) {
		if (!bytes_is_ieq(name, bytes_str(units[i].name)))
			continue;
		r->unit = units[i].unit;
		if ((err = read_span(&t, &units[i], r)))
			return err;
		t.b = bytes_sub(v, bytes_index(v, ';') + 1, v.n);
		err = read_parameters(t.b, r);
		return err ? fail(&t, "no UTC time after `time=`", err) : 0;
	}
	return fail(&t, "an unknown unit", ERR_UNSUPPORTED);
}

/* ---- writing ---- */

static int put_range(const struct range *r, struct buf *out)
{
	const struct unit_row *u = &units[r->unit];
	int err = buf_printf(out, "%s=", u->name);

	if (!err && r->is_now)
		err = buf_put(out, B("now"));
	else if (!err && r->has_start)
		err = u->put(out, r->start);
	if (!err)
		err = buf_put(out, B("-"));
	if (!err && r->has_end)
		err = u->put(out, r->end);
	if (!err && r->has_time)
		err = buf_put(out, B(";time="));
	if (!err && r->has_time)
		err = put_utc(out, r->time);
	return err;
}

int range_write(const struct range *r, struct buf *out)
{
	size_t start = out->n;
	int err;

	err = put_range(r, out);
	if (err)
		buf_cut(out, start);
	return err;
}
