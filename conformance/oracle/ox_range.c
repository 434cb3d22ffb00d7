/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_fields.h"
#include "conformance/oracle/ox_text.h"

/* Times beyond some 31 years of NPT are refused: they would not fit a tick_t with head-room. */
enum { MOST_SECONDS = 1000000000 };

/* Digits after a '.' as ns; at most 9 count, the rest must still be digits. */
static bool read_fraction(struct bytes b, tick_t *ns)
{
	tick_t unit = TICK_S;

	*ns = 0;
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
		unit /= 10;
		*ns += (b.p[i] - '0') * unit;
	}
	return true;
}

/* npt-sec or npt-hhmmss (3.6). */
static bool read_npt(struct bytes v, tick_t *t)
{
	size_t dot = bytes_index(v, '.');
	struct bytes whole = bytes_sub(v, 0, dot), part[3] = { { 0 } };
	uint64_t n[3] = { 0 };
	size_t parts = 0;
	tick_t ns;

	if (!read_fraction(bytes_sub(v, dot + 1, v.n), &ns) || whole.n == 0 ||
		whole.p[whole.n - 1] == ':')
		return false;
	while (parts < 3 && bytes_cut(&whole, ':', &part[parts])) {
		if (!bytes_to_u64(part[parts], MOST_SECONDS, &n[parts]))
			return false;
		parts++;
	}
	if (whole.n > 0 || parts == 2 || (parts == 3 && (n[1] > 59 || n[2] > 59 || n[0] > 200000)))
		return false;
	*t = (tick_t)(parts == 3 ? (n[0] * 60 + n[1]) * 60 + n[2] : n[0]) * TICK_S + ns;
	return true;
}

/* hh:mm:ss[:ff[.subframes]] at 30 frames a second (3.5). */
static bool read_smpte(struct bytes v, tick_t *t)
{
	size_t dot = bytes_index(v, '.');
	struct bytes whole = bytes_sub(v, 0, dot), part;
	uint64_t n[4] = { 0 };
	size_t parts = 0;
	tick_t ns;

	if (!read_fraction(bytes_sub(v, dot + 1, v.n), &ns))
		return false;
	while (parts < 4 && bytes_cut(&whole, ':', &part)) {
		if (part.n > 4 || !bytes_to_u64(part, 9999, &n[parts]))
			return false;
		parts++;
	}
	if (whole.n > 0 || parts < 3 || n[1] > 59 || n[2] > 59 || n[3] > 29)
		return false;
	*t = (tick_t)((n[0] * 60 + n[1]) * 60 + n[2]) * TICK_S + (tick_t)n[3] * TICK_S / 30;
	return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_from_date(int64_t y, int64_t m, int64_t d)
{
	int64_t shifted = y - (m <= 2), era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	int64_t year = shifted - era * 400, day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static bool is_date(uint64_t y, uint64_t m, uint64_t d)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (uint64_t)(leap && m == 2);
}

/* YYYYMMDDThhmmss[.fraction]Z (3.7). */
static bool read_clock(struct bytes v, tick_t *t)
{
	uint64_t y, mo, d, h, mi, s;
	tick_t ns = 0;

	if (v.n < 16 || v.p[8] != 'T' || v.p[v.n - 1] != 'Z' ||
		!bytes_to_u64(bytes_sub(v, 0, 4), 2200, &y) || y < 1700 ||
		!bytes_to_u64(bytes_sub(v, 4, 2), 12, &mo) ||
		!bytes_to_u64(bytes_sub(v, 6, 2), 31, &d) ||
		!bytes_to_u64(bytes_sub(v, 9, 2), 23, &h) ||
		!bytes_to_u64(bytes_sub(v, 11, 2), 59, &mi) ||
		!bytes_to_u64(bytes_sub(v, 13, 2), 60, &s) || !is_date(y, mo, d))
		return false;
	if (v.n > 16 &&
		(v.p[15] != '.' || v.n == 17 || !read_fraction(bytes_sub(v, 16, v.n - 17), &ns)))
		return false;
	*t = (days_from_date((int64_t)y, (int64_t)mo, (int64_t)d) * 86400 +
		     (int64_t)(h * 3600 + mi * 60 + s)) *
		     TICK_S +
	     ns;
	return true;
}

static const struct unit {
	const char *name;
	enum ox_range_unit unit;
	enum ox_rule rule;
	bool (*read)(struct bytes v, tick_t *t);
} units[] = {
	{ "npt", OX_RANGE_NPT, OX_RTSP_3_6_01, read_npt },
	{ "clock", OX_RANGE_CLOCK, OX_RTSP_3_7_01, read_clock },
	{ "smpte", OX_RANGE_SMPTE, OX_RTSP_3_6_01, read_smpte },
	{ "smpte-25", OX_RANGE_SMPTE, OX_RTSP_3_6_01, read_smpte },
	{ "smpte-30-drop", OX_RANGE_SMPTE, OX_RTSP_3_6_01, read_smpte },
};

/* The one '-' that parts start and end; a '-' in front is a sign unless it begins "-end". */
static int read_ends(struct bytes v, const struct unit *u, struct ox_range *r)
{
	struct bytes start, end = v;

	if (!bytes_cut(&end, '-', &start))
		return ERR_SYNTAX;
	if (start.n == v.n || (start.n == 0 && end.n == 0))
		return ERR_SYNTAX;
	r->is_now = u->unit == OX_RANGE_NPT && bytes_is_eq(start, B("now"));
	if (start.n > 0 && !r->is_now) {
		r->has_start = u->read(start, &r->start);
		if (!r->has_start)
			return ERR_SYNTAX;
	}
	if (end.n > 0) {
		r->has_end = u->read(end, &r->end);
		if (!r->has_end)
			return ERR_SYNTAX;
	}
	return 0;
}

/* "npt=-5-" and "npt=1--2": minus signs. */
static bool has_negative(struct bytes v)
{
	size_t second = bytes_index(bytes_sub(v, 1, v.n), '-');

	return (v.n > 0 && v.p[0] == '-' && second + 1 < v.n) || bytes_find(v, B("--")) < v.n;
}

int ox_range_read(struct bytes value, size_t at, struct ox_range *r, struct ox_findings *fs)
{
	struct bytes rest = value, range, name, parameter, v;
	const struct unit *u = NULL;

	*r = (struct ox_range){ .unit = OX_RANGE_OTHER };
	if (!bytes_cut(&rest, ';', &range))
		range = rest;
	while (bytes_cut(&rest, ';', &parameter)) {
		parameter = bytes_trim(parameter);
		if (bytes_has_iprefix(parameter, B("time=")))
			r->time = bytes_sub(parameter, 5, parameter.n);
	}
	v = range;
	if (!bytes_cut(&v, '=', &name) || name.n == range.n) {
		ox_got(ox_find(fs, OX_RTSP_3_6_01, at, "a range is unit=start-end"), value);
		return ERR_SYNTAX;
	}
	r->unit_name = bytes_trim(name);
	for (size_t i = 0; i < COUNT(units); i++) {
		if (bytes_is_ieq(r->unit_name, bytes_str(units[i].name)))
			u = &units[i];
	}
	if (!u)
		return ERR_UNSUPPORTED;
	r->unit = u->unit;
	if (u->unit == OX_RANGE_NPT && has_negative(bytes_trim(v)))
		ox_got(ox_find(fs, OX_RTSP_3_6_04, at, "a time below 0"), value);
	else if (read_ends(bytes_trim(v), u, r) == 0)
		return 0;
	else
		ox_got(ox_find(fs, u->rule, at, "the range breaks the grammar of its unit"), value);
	return ERR_SYNTAX;
}

static int month_of(struct bytes b)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (bytes_is_eq(b, bytes_of(names + 3 * i, 3)))
			return i + 1;
	}
	return 0;
}

int ox_date_read(struct bytes v, int64_t *seconds)
{
	static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	uint64_t d, y, h, m, s;
	int month;

	if (v.n != 29 || v.p[3] != ',' || v.p[4] != ' ' || v.p[7] != ' ' || v.p[11] != ' ' ||
		v.p[16] != ' ' || v.p[19] != ':' || v.p[22] != ':' ||
		!bytes_is_eq(bytes_sub(v, 25, 4), B(" GMT")))
		return ERR_SYNTAX;
	month = month_of(bytes_sub(v, 8, 3));
	if (month == 0 || !bytes_to_u64(bytes_sub(v, 5, 2), 31, &d) ||
		!bytes_to_u64(bytes_sub(v, 12, 4), 9999, &y) ||
		!bytes_to_u64(bytes_sub(v, 17, 2), 23, &h) ||
		!bytes_to_u64(bytes_sub(v, 20, 2), 59, &m) ||
		!bytes_to_u64(bytes_sub(v, 23, 2), 60, &s))
		return ERR_SYNTAX;
	if (!is_date(y, (uint64_t)month, d))
		return ERR_RANGE;
	int64_t days = days_from_date((int64_t)y, month, (int64_t)d);
	int64_t weekday = (days % 7 + 7) % 7;
	if (!bytes_is_eq(bytes_sub(v, 0, 3), bytes_of(weekdays + 3 * weekday, 3)))
		return ERR_RANGE;
	*seconds = days * 86400 + (int64_t)(h * 3600 + m * 60 + s);
	return 0;
}
