/* SPDX-License-Identifier: MIT */
#include "server/media/format/box.h"

bool box_next(struct bytes *rest, struct box *box, int *err)
{
	struct cur c = { *rest };
	uint32_t size32;
	uint64_t size, header = 8;

	*err = 0;
	if (rest->n < 8)
		return false; /* the end, or the 32-bit zero that ends QuickTime user data */
	if (!cur_be32(&c, &size32) || !cur_be32(&c, &box->type))
		return false;
	size = size32;
	if (size32 == 1) {
		header = 16;
		if (!cur_be64(&c, &size)) {
			*err = ERR_CORRUPT;
			return false;
		}
	} else if (size32 == 0) {
		size = rest->n;
	}
	if (size < header || size > rest->n) {
		*err = ERR_CORRUPT;
		return false;
	}
	box->body = bytes_sub(*rest, (size_t)header, (size_t)(size - header));
	*rest = bytes_sub(*rest, (size_t)size, rest->n);
	return true;
}

struct bytes box_find(struct bytes in, uint32_t type)
{
	struct box box;
	int err;

	while (box_next(&in, &box, &err)) {
		if (box.type == type)
			return box.body;
	}
	return (struct bytes){ 0 };
}

struct bytes box_find_path(struct bytes in, const uint32_t *path)
{
	for (; *path && in.p; path++)
		in = box_find(in, *path);
	return in;
}

bool box_is_top_type(uint32_t type)
{
	static const uint32_t types[] = { FOURCC('f', 't', 'y', 'p'), FOURCC('m', 'o', 'o', 'v'),
		FOURCC('m', 'd', 'a', 't'), FOURCC('f', 'r', 'e', 'e'), FOURCC('s', 'k', 'i', 'p'),
		FOURCC('w', 'i', 'd', 'e'), FOURCC('p', 'n', 'o', 't'), FOURCC('s', 't', 'y', 'p'),
		FOURCC('u', 'u', 'i', 'd'), FOURCC('P', 'I', 'C', 'T') };

	for (size_t i = 0; i < COUNT(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}
