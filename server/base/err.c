/* SPDX-License-Identifier: MIT */
#include "server/base/err.h"

#include <string.h>

#include "server/base/attr.h"

#define ERR_ROW(name, number, text) { name, #name, text },
static const struct {
	int err;
	const char *name, *text;
} rows[] = { ERR_TABLE(ERR_ROW) };
#undef ERR_ROW

const char *err_name(int err)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].err == err)
			return rows[i].name;
	}
	const char *name = err < 0 ? strerrorname_np(-err) : NULL;
	return name ? name : "ERR_UNKNOWN";
}

const char *err_text(int err)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].err == err)
			return rows[i].text;
	}
	const char *text = err < 0 ? strerrordesc_np(-err) : NULL;
	return text ? text : "unknown error";
}
