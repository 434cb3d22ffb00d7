/* SPDX-License-Identifier: MIT */
#include "server/modules/modules.h"

const struct module *const *modules_list(size_t *n)
{
	static const struct module *const list[] = { &mod_pattern, &mod_file };
	*n = COUNT(list);
	return list;
}
