/* SPDX-License-Identifier: MIT */
#include "server/tests/packing.h"

void packing_open(struct packing *t, const struct codec *c)
{
	const char *why = NULL;

	*t = (struct packing){ 0 };
	buf_init(&t->sdp, 4096);
	CU_ASSERT_EQUAL_FATAL(packer_init(&t->p, c, &why), 0);
	CU_ASSERT_EQUAL(t->p.payload_max, PACK_PAYLOAD_MAX);
	CU_ASSERT(t->p.clock_hz > 0 && t->p.unit_samples > 0);
	if (t->p.payload_type == PACK_PT_NONE)
		t->p.payload_type = 97;
}

void packing_close(struct packing *t)
{
	block_unref(t->block);
	packer_clear(&t->p);
	buf_clear(&t->sdp);
}

int packing_refuses(const struct codec *c)
{
	struct packer p;
	const char *why = NULL;
	int err = packer_init(&p, c, &why);

	CU_ASSERT((err == 0) == (why == NULL));
	packer_clear(&p);
	return err;
}

void packing_run(struct packing *t, const struct access_unit *u, size_t n)
{
	struct block_build b;

	block_unref(t->block);
	block_build_init(&b);
	t->p.ops->pack(&t->p, u, n, &b);
	CU_ASSERT_EQUAL_FATAL(b.err, 0);
	t->block = block_build_take(&b, 0, 0, (uint32_t)n);
	for (size_t i = 0; i < packing_rows(t); i++) {
		const struct row *r = packing_row(t, i);

		CU_ASSERT(r->n > 0 && r->n <= t->p.payload_max);
		CU_ASSERT_EQUAL(r->payload_type, t->p.payload_type);
		CU_ASSERT(t->p.is_video || (r->sync && r->importance == IMPORTANCE_HIGH));
		CU_ASSERT(!r->padding && !r->extension);
	}
}

void packing_run_one(struct packing *t, struct bytes data)
{
	packing_run(t, &(struct access_unit){ .data = data, .sync = true }, 1);
}

size_t packing_rows(const struct packing *t)
{
	return t->block->n_rows;
}

const struct row *packing_row(const struct packing *t, size_t i)
{
	CU_ASSERT_FATAL(i < t->block->n_rows);
	return &t->block->rows[i];
}

struct bytes packing_payload(const struct packing *t, size_t i)
{
	return block_payload(t->block, packing_row(t, i));
}

const char *packing_sdp(struct packing *t)
{
	struct sdp_writer w;
	size_t at;

	buf_clear(&t->sdp);
	sdp_begin(&w, &t->sdp);
	sdp_origin(&w, 1, 1, B("127.0.0.1"), false);
	sdp_line(&w, 's', "-");
	sdp_line(&w, 't', "0 0");
	sdp_line(&w, 'm', "audio 0 RTP/AVP %u", t->p.payload_type);
	at = t->sdp.n;
	t->p.ops->describe(&t->p, &w);
	CU_ASSERT_EQUAL_FATAL(sdp_end(&w), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&t->sdp, bytes_of("", 1)), 0);
	return (const char *)buf_bytes(&t->sdp).p + at;
}

uint32_t dice_below(struct dice *d, uint32_t n)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((d->state >> 33) % n);
}

void dice_fill(struct dice *d, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)dice_below(d, 256);
}
