/* SPDX-License-Identifier: MIT */
#include "server/core/stats.h"

#include <errno.h>
#include <stddef.h>

#include "server/base/os.h"

static const char *const reasons[] = {
#define CLOSE_NAME(id, name, text) name,
	CLOSE_TABLE(CLOSE_NAME)
#undef CLOSE_NAME
};

const char *close_reason_name(enum close_reason r)
{
	return r < CLOSE_COUNT ? reasons[r] : "";
}

static const char *const ends[] = {
#define END_NAME(id, name, text) name,
	END_TABLE(END_NAME)
#undef END_NAME
};

const char *conn_end_name(enum conn_end e)
{
	return e < END_COUNT ? ends[e] : "";
}

static const struct stat_row {
	const char *name;
	size_t offset;
} rows[] = {
#define STAT_ROW(name, text) { #name, offsetof(struct stats, name) },
	STAT_TABLE(STAT_ROW)
#undef STAT_ROW
};

static uint64_t value(const struct stats *s, const struct stat_row *r)
{
	return *(const uint64_t *)(const void *)((const char *)s + r->offset);
}

void stats_add(struct stats *sum, const struct stats *one)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		*(uint64_t *)(void *)((char *)sum + rows[i].offset) += value(one, &rows[i]);
	for (size_t i = 0; i < CLOSE_COUNT; i++)
		sum->ended[i] += one->ended[i];
	for (size_t i = 0; i < END_COUNT; i++)
		sum->closed[i] += one->closed[i];
}

static void put_reasons(
	FILE *f, const char *key, const char *const *names, const uint64_t *v, size_t n)
{
	fprintf(f, "  \"%s\": {", key);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\"%s\": %llu", i ? ", " : " ", names[i], (unsigned long long)v[i]);
	fprintf(f, " }");
}

int stats_write_file(const struct stats *s, unsigned workers, const char *profile, double uptime_s,
	const char *path, void (*more)(FILE *f, void *arg), void *arg)
{
	struct outfile *o = outfile_open(path);

	if (!o)
		return -errno;
	fprintf(o->f, "{\n  \"format\": \"beagle-server-stats\",\n  \"version\": 1,\n");
	fprintf(o->f, "  \"profile\": \"%s\",\n", profile);
	fprintf(o->f, "  \"workers\": %u,\n  \"uptime_s\": %.3f,\n", workers, uptime_s);
	for (size_t i = 0; i < COUNT(rows); i++)
		fprintf(o->f, "  \"%s\": %llu,\n", rows[i].name,
			(unsigned long long)value(s, &rows[i]));
	if (more)
		more(o->f, arg);
	put_reasons(o->f, "closed", ends, s->closed, END_COUNT);
	fprintf(o->f, ",\n");
	put_reasons(o->f, "ended", reasons, s->ended, CLOSE_COUNT);
	fprintf(o->f, "\n}\n");
	return outfile_commit(o);
}

void stats_count_reply(struct stats *s, int status)
{
	uint64_t *const of[] = { &s->responses_2xx, &s->responses_3xx, &s->responses_4xx,
		&s->responses_5xx };
	if (status >= 200 && status < 600)
		++*of[status / 100 - 2];
}
