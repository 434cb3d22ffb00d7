/* SPDX-License-Identifier: MIT */
#include "server/tests/unit.h"
#include "server/wire/date.h"

static void t_written(void)
{
	char text[DATE_TEXT];

	CU_ASSERT_STRING_EQUAL(date_text(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT");
	CU_ASSERT_STRING_EQUAL(date_text(0, text), "Thu, 01 Jan 1970 00:00:00 GMT");
	CU_ASSERT_STRING_EQUAL(date_text(951782400, text), "Tue, 29 Feb 2000 00:00:00 GMT");
	CU_ASSERT_STRING_EQUAL(date_text(4107542399, text), "Sun, 28 Feb 2100 23:59:59 GMT");
	CU_ASSERT_STRING_EQUAL(date_text(4107542400, text), "Mon, 01 Mar 2100 00:00:00 GMT");
}

/* Whatever day it is, its name follows that of the day before, and it reads back. */
static void t_weekdays(void)
{
	static const char *const names[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	char text[DATE_TEXT];

	for (int64_t day = 0; day < 366 * 150; day++) {
		int64_t t = day * 86400 + day % 86400;
		date_text(t, text);
		CU_ASSERT_TRUE_FATAL(bytes_has_prefix(bytes_str(text), bytes_str(names[day % 7])));
		CU_ASSERT_EQUAL_FATAL(date_read(bytes_str(text)), t);
	}
}

static void t_three_forms(void)
{
	static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Sun Nov 06 08:49:37 1994" };

	for (size_t i = 0; i < COUNT(good); i++)
		CU_ASSERT_EQUAL(date_read(bytes_str(good[i])), 784111777);
	CU_ASSERT_EQUAL(date_read(B("Sunday, 22-Nov-26 19:51:14 GMT")), 1795377074);
}

static void t_no_dates(void)
{
	static const char *const bad[] = { "", "yesterday", ",", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:3x GMT",
		"Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 29 Feb 1995 08:49:37 GMT",
		"Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov  6 08:49:37 94",
		"Sun, 06 Nov 1994 08:49:37 GMT " };

	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(date_read(bytes_str(bad[i])), -1);
}

UNIT_SUITE(wire_date, { "a date is written as RFC 1123 has it (2326 12.18)", t_written },
	{ "its weekday is that of the date", t_weekdays },
	{ "all three forms of 2616 3.3.1 are read", t_three_forms },
	{ "what is no day of the calendar is no date", t_no_dates });
