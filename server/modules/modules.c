/* SPDX-License-Identifier: MIT */
#include "server/modules/modules.h"

#include "server/modules/mod_accesslog.h"
#include "server/modules/mod_auth.h"
#include "server/modules/mod_fault.h"

const struct module *const *modules_list(size_t *n)
{
	static const struct module *const list[] = {
		&mod_auth,
		&mod_pattern,
		&mod_file,
		&mod_accesslog,
		&mod_errorlog,
		&mod_fault,
#ifdef SAMPLE_MODULE
		&mod_sample,
#endif
	};
	*n = COUNT(list);
	return list;
}
