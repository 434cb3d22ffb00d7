/* SPDX-License-Identifier: MIT */
#include "server/media/pack/pack.h"

#include "server/media/pack/packers.h"

static const struct packer_ops *find(enum codec_id id)
{
	size_t n;
	const struct packer_ops *const *list = packers_list(&n);

	for (size_t i = 0; i < n; i++) {
		if (list[i]->codec == id)
			return list[i];
	}
	return NULL;
}

int packer_init(struct packer *p, const struct codec *c, const char **why)
{
	const struct packer_ops *ops = find(c->id);

	*p = (struct packer){ .ops = ops,
		.payload_type = PACK_PT_NONE,
		.is_video = codec_is_video(c->id),
		.payload_max = PACK_PAYLOAD_MAX,
		.unit_samples = 1 };
	if (ops)
		return ops->init(p, c, why);
	*why = "no packetiser for this codec";
	return ERR_UNSUPPORTED;
}

void packer_clear(struct packer *p)
{
	if (p->ops && p->ops->clear)
		p->ops->clear(p);
	*p = (struct packer){ 0 };
}

bool packer_has(enum codec_id id)
{
	return find(id) != NULL;
}

struct row packer_row(const struct packer *p, const struct access_unit *u)
{
	return (struct row){ .due = u->due,
		.rtp_time = (uint32_t)u->rtp,
		.payload_type = p->payload_type,
		.importance = u->sync || !p->is_video ? IMPORTANCE_HIGH : IMPORTANCE_NORMAL,
		.sync = u->sync || !p->is_video };
}
