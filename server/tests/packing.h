/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_PACKING_H
#define SERVER_TESTS_PACKING_H

#include "server/media/pack/pack.h"
#include "server/tests/unit.h"

/*
 * A packetiser on the bench: units in, packets out, for tests that say what every octet must be.
 * Failures are CUnit's, fatal where the test could not go on.
 */
struct packing {
	struct packer p;
	struct block *block; /* of the last run */
	struct buf sdp;
};

/* Makes the packer, with a dynamic payload type of 97 where none is static. */
void packing_open(struct packing *t, const struct codec *c);
void packing_close(struct packing *t);
/* What packer_init answers for c, cleared again. */
int packing_refuses(const struct codec *c);

void packing_run(struct packing *t, const struct access_unit *u, size_t n);
/* One unit of 20 ms at NPT 0, RTP 0. */
void packing_run_one(struct packing *t, struct bytes data);

size_t packing_rows(const struct packing *t);
const struct row *packing_row(const struct packing *t, size_t i);
struct bytes packing_payload(const struct packing *t, size_t i);
/* The lines it describes itself with; NUL-terminated, until the next call. */
const char *packing_sdp(struct packing *t);

/* Packet i has these octets. */
#define PACKET_IS(t, i, ...)                                                                  \
	do {                                                                                  \
		static const uint8_t want_[] = { __VA_ARGS__ };                               \
		CU_ASSERT_FATAL((i) < packing_rows(t));                                       \
		CU_ASSERT(bytes_is_eq(packing_payload(t, i), bytes_of(want_, sizeof want_))); \
	} while (0)

/* The same numbers in every run. */
struct dice {
	uint64_t state;
};
uint32_t dice_below(struct dice *d, uint32_t n);
void dice_fill(struct dice *d, uint8_t *p, size_t n);

#endif
