/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include "captures/json.h"
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct dialog *d;
		char *why;
		if (dialog_read(argv[i], NULL, &d, &why) != 0) {
			fprintf(stderr, "%s: %s\n", argv[i], why);
			free(why);
			return 2;
		}
		json_t *o = dialog_json(d);
		json_dumpf(o, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(16));
		puts("");
		json_decref(o);
		dialog_free(d);
	}
	return 0;
}
