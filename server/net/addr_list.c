/* SPDX-License-Identifier: MIT */
#include "server/net/addr_list.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

/* Octets of an address, as a prefix of full length; false: it is neither IPv4 nor IPv6. */
static bool octets_of(const struct addr *a, struct addr_prefix *p)
{
	*p = (struct addr_prefix){ .bits = 32, .is_ip4 = true };
	if (a->n && a->sa.sa_family == AF_INET) {
		memcpy(p->octets, &a->v4.sin_addr, 4);
		return true;
	}
	if (!a->n || a->sa.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		memcpy(p->octets, a->v6.sin6_addr.s6_addr + 12, 4);
		return true;
	}
	p->is_ip4 = false;
	p->bits = 128;
	memcpy(p->octets, &a->v6.sin6_addr, 16);
	return true;
}

/* Are the bits behind the length zero? 10.0.0.1/8 is more likely a slip of the pen than 10.0.0.0/8. */
static bool is_whole(const struct addr_prefix *p)
{
	for (unsigned i = p->bits; i < 128; i++) {
		if (p->octets[i / 8] & 0x80u >> i % 8)
			return false;
	}
	return true;
}

static bool read_one(struct bytes v, struct addr_prefix *p)
{
	char host[ADDR_TEXT];
	struct bytes head;
	struct addr a;
	uint64_t bits;
	size_t slash = bytes_index(v, '/');

	head = bytes_sub(v, 0, slash);
	if (!bytes_to_str(head, host, sizeof host) || addr_read(&a, host, 0) != 0 ||
		!octets_of(&a, p))
		return false;
	if (slash == v.n)
		return true;
	if (!bytes_to_u64(bytes_sub(v, slash + 1, v.n), p->bits, &bits))
		return false;
	p->bits = (unsigned)bits;
	return is_whole(p);
}

/* The next word of a list with blanks or commas between. */
static bool next_word(struct bytes *text, struct bytes *word)
{
	size_t i = 0;

	while (text->n && strchr(" \t,", text->p[0]) && text->p[0])
		*text = bytes_sub(*text, 1, text->n);
	while (i < text->n && !(text->p[i] && strchr(" \t,", text->p[i])))
		i++;
	*word = bytes_sub(*text, 0, i);
	*text = bytes_sub(*text, i, text->n);
	return i > 0;
}

int addr_list_read(struct addr_list *l, struct bytes text, struct bytes *bad)
{
	size_t before = l->n;
	struct addr_prefix p;

	while (next_word(&text, bad)) {
		int err = l->n == ADDR_LIST_MAX ? ERR_LIMIT : read_one(*bad, &p) ? 0 : ERR_SYNTAX;
		if (err) {
			l->n = before;
			return err;
		}
		l->v = xrealloc(l->v, (l->n + 1) * sizeof *l->v);
		l->v[l->n++] = p;
	}
	return 0;
}

void addr_list_clear(struct addr_list *l)
{
	free(l->v);
	*l = (struct addr_list){ 0 };
}

static bool is_within(const struct addr_prefix *a, const struct addr_prefix *p)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (a->is_ip4 != p->is_ip4 || memcmp(a->octets, p->octets, whole) != 0)
		return false;
	return rest == 0 || (a->octets[whole] ^ p->octets[whole]) >> (8 - rest) == 0;
}

bool addr_list_has(const struct addr_list *l, const struct addr *a)
{
	struct addr_prefix p;

	if (!octets_of(a, &p))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		if (is_within(&p, &l->v[i]))
			return true;
	}
	return false;
}
