/* SPDX-License-Identifier: MIT */
#ifndef SERVER_FUZZ_HOLDS_H
#define SERVER_FUZZ_HOLDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What every target has: the entry that libFuzzer calls, and its own assert, which says where. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                \
		}                                                               \
	} while (0)

#endif
