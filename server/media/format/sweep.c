/* SPDX-License-Identifier: MIT */
#include "server/media/format/sweep.h"

#include <stdlib.h>

#include "server/base/os.h"

void sweep_init(struct sweep *s, const struct media_file *f)
{
	*s = (struct sweep){ .file = f, .window = SWEEP_BYTES };
}

void sweep_clear(struct sweep *s)
{
	free(s->p);
	s->p = NULL;
	s->p_n = 0;
}

static bool has(const struct sweep *s, uint64_t at, size_t need)
{
	return s->p && at >= s->p_at && at - s->p_at <= s->p_n &&
	       s->p_n - (size_t)(at - s->p_at) >= need;
}

/* How much the next read, at `at`, takes. */
static size_t read_length(struct sweep *s, uint64_t at, size_t need)
{
	uint64_t end = s->p_at + s->p_n;

	if (!s->least)
		return s->window;
	if (at >= s->p_at && at <= end + s->least)
		s->next_n *= 2;
	else
		s->next_n = s->least;
	if (s->next_n < need)
		s->next_n = need;
	if (s->next_n > s->window)
		s->next_n = s->window;
	return s->next_n;
}

int sweep_view(struct sweep *s, uint64_t at, size_t need, struct bytes *out)
{
	uint64_t left = at < s->file->size ? s->file->size - at : 0;
	size_t n;
	int err;

	*out = (struct bytes){ 0 };
	if (!left)
		return 0;
	if (s->file->fd < 0) { /* memory is one window */
		*out = bytes_sub(s->file->memory, (size_t)at, (size_t)left);
		return 0;
	}
	if (need > left)
		need = (size_t)left;
	if (!has(s, at, need ? need : 1)) {
		n = read_length(s, at, need);
		if (n > left)
			n = (size_t)left;
		if (!s->p)
			s->p = xmalloc(s->window);
		s->p_n = 0;
		err = media_file_read(s->file, at, s->p, n);
		if (err)
			return err;
		s->p_at = at;
		s->p_n = n;
		s->reads += n;
	}
	*out = bytes_of(s->p + (at - s->p_at), s->p_n - (size_t)(at - s->p_at));
	return 0;
}
