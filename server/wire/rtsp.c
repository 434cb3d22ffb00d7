/* SPDX-License-Identifier: MIT */
#include "server/wire/rtsp.h"

static const char *const method_names[] = {
#define METHOD_ROW(id, text) [id] = text,
	RTSP_METHOD_TABLE(METHOD_ROW)
#undef METHOD_ROW
};
_Static_assert(COUNT(method_names) == RTSP_METHOD_COUNT, "a name for every method");

static const struct header_row {
	struct bytes name;
	bool is_list;
} headers[] = {
#define HEADER_ROW(id, text, list) [id] = { { (const uint8_t *)text, sizeof text - 1 }, list },
	RTSP_HEADER_TABLE(HEADER_ROW)
#undef HEADER_ROW
};
_Static_assert(COUNT(headers) == RTSP_H_COUNT, "a name for every header");

static const struct status_row {
	int code;
	const char *text;
} statuses[] = {
#define STATUS_ROW(id, code, text) { code, text },
	RTSP_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

const char *rtsp_method_name(enum rtsp_method m)
{
	return (unsigned)m < COUNT(method_names) && method_names[m] ? method_names[m] : "";
}

enum rtsp_method rtsp_method_of(struct bytes name)
{
	for (unsigned i = 1; i < COUNT(method_names); i++) {
		if (bytes_is_eq(name, bytes_str(method_names[i])))
			return (enum rtsp_method)i;
	}
	return RTSP_METHOD_UNKNOWN;
}

const char *rtsp_header_name(enum rtsp_header_id h)
{
	return (unsigned)h < COUNT(headers) && headers[h].name.n ? (const char *)headers[h].name.p
								 : "";
}

enum rtsp_header_id rtsp_header_of(struct bytes name)
{
	for (unsigned i = 1; i < COUNT(headers); i++) {
		if (headers[i].name.n == name.n && bytes_is_ieq(name, headers[i].name))
			return (enum rtsp_header_id)i;
	}
	return RTSP_H_UNKNOWN;
}

bool rtsp_header_is_list(enum rtsp_header_id h)
{
	return h == RTSP_H_UNKNOWN || ((unsigned)h < COUNT(headers) && headers[h].is_list);
}

const char *rtsp_status_text(int status)
{
	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (statuses[i].code == status)
			return statuses[i].text;
	}
	return "Unknown";
}

/* ---- looking into a message ---- */

const struct rtsp_header *rtsp_header_nth(
	const struct rtsp_msg *m, enum rtsp_header_id id, size_t n)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		if (m->header[i].id == id && n-- == 0)
			return &m->header[i];
	}
	return NULL;
}

const struct rtsp_header *rtsp_header(const struct rtsp_msg *m, enum rtsp_header_id id)
{
	return rtsp_header_nth(m, id, 0);
}

const struct rtsp_header *rtsp_header_named(const struct rtsp_msg *m, struct bytes name)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		if (bytes_is_ieq(m->header[i].name, name))
			return &m->header[i];
	}
	return NULL;
}

struct bytes rtsp_value(const struct rtsp_msg *m, enum rtsp_header_id id)
{
	const struct rtsp_header *h = rtsp_header(m, id);
	return h ? h->value : (struct bytes){ 0 };
}

size_t rtsp_header_count(const struct rtsp_msg *m, enum rtsp_header_id id)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_headers; i++)
		n += m->header[i].id == id;
	return n;
}

bool rtsp_list_next(
	const struct rtsp_msg *m, enum rtsp_header_id id, struct rtsp_list *it, struct bytes *v)
{
	for (;;) {
		while (bytes_cut_quoted(&it->rest, ',', v)) {
			*v = bytes_trim(*v);
			if (v->n)
				return true;
		}
		const struct rtsp_header *h = rtsp_header_nth(m, id, it->next);
		if (!h)
			return false;
		it->next++;
		it->rest = h->value;
	}
}

bool rtsp_list_has(const struct rtsp_msg *m, enum rtsp_header_id id, struct bytes token)
{
	struct rtsp_list it = { 0 };
	struct bytes v;

	while (rtsp_list_next(m, id, &it, &v)) {
		if (bytes_is_ieq(v, token))
			return true;
	}
	return false;
}

int rtsp_session_read(struct bytes value, struct bytes *id, uint32_t *timeout_s)
{
	struct bytes part = { 0 }, name;
	uint64_t n;

	(void)bytes_cut(&value, ';', &part);
	part = bytes_trim(part);
	if (part.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < part.n; i++) {
		if (part.p[i] <= ' ' || part.p[i] >= 0x7f)
			return ERR_SYNTAX;
	}
	*id = part;
	while (bytes_cut(&value, ';', &part)) {
		if (!bytes_cut(&part, '=', &name) || !bytes_is_ieq(bytes_trim(name), B("timeout")))
			continue;
		if (bytes_to_u64(bytes_trim(part), UINT32_MAX, &n))
			*timeout_s = (uint32_t)n;
	}
	return 0;
}
