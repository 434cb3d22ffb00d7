/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

void fault_splice(struct buf *reply, size_t at, size_t n, struct bytes by)
{
	struct bytes all = buf_bytes(reply);
	struct buf made;

	buf_init(&made, reply->max);
	if (buf_put(&made, bytes_sub(all, 0, at)) == 0 && buf_put(&made, by) == 0 &&
		buf_put(&made, bytes_sub(all, at + n, all.n)) == 0) {
		buf_drop(reply, all.n);
		if (buf_put(reply, buf_bytes(&made)) != 0)
			die("a reply of %zu bytes does not fit its own buffer", made.n);
	}
	buf_clear(&made);
}

void fault_set_status(struct buf *reply, struct bytes status)
{
	struct bytes all = buf_bytes(reply);
	size_t line = bytes_index(all, '\r'), at = bytes_index(all, ' ') + 1;

	if (at < line)
		fault_splice(reply, at, line - at, status);
}

bool fault_find_line(const struct buf *reply, struct bytes name, size_t *at, size_t *n)
{
	struct bytes all = buf_bytes(reply), rest = all, line;

	while (bytes_cut(&rest, '\n', &line) && bytes_trim(line).n) {
		if (line.n > name.n && line.p[name.n] == ':' && bytes_has_iprefix(line, name)) {
			*at = (size_t)(line.p - all.p);
			*n = line.n + 1;
			return true;
		}
	}
	return false;
}

void fault_shift_numbers(
	struct buf *reply, struct bytes name, struct bytes key, int64_t by, uint64_t mask)
{
	size_t at, n, from = 0;

	while (fault_find_line(reply, name, &at, &n)) {
		struct bytes line = bytes_sub(buf_bytes(reply), at, n);
		size_t k = from + bytes_find(bytes_sub(line, from, line.n), key) + key.n;
		size_t end = k;
		uint64_t v;
		char text[24];

		while (end < line.n && line.p[end] >= '0' && line.p[end] <= '9')
			end++;
		if (k >= line.n || !bytes_to_u64(bytes_sub(line, k, end - k), INT64_MAX, &v))
			return;
		int len = snprintf(text, sizeof text, "%" PRIu64, (v + (uint64_t)by) & mask);
		fault_splice(reply, at + k, end - k, bytes_of(text, (size_t)len));
		from = k + (size_t)len;
	}
}
