/* SPDX-License-Identifier: MIT */
#include "conformance/rules.h"

#include <string.h>

const struct rule_type *rule_find(const char *name)
{
	for (size_t i = 0; i < n_rtp_rules; i++) {
		if (strcmp(rtp_rules[i].name, name) == 0)
			return &rtp_rules[i];
	}
	for (size_t i = 0; i < n_rtcp_rules; i++) {
		if (strcmp(rtcp_rules[i].name, name) == 0)
			return &rtcp_rules[i];
	}
	return NULL;
}
