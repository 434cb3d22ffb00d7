/* SPDX-License-Identifier: MIT */
#include "loadgen/progress.h"

#include <inttypes.h>
#include <math.h>

const char *progress_number(double v, char *dst)
{
	static const char suffixes[] = { 0, 'k', 'M', 'G', 'T' };
	size_t i = 0;

	while (fabs(v) >= 999.5 && i + 1 < COUNT(suffixes)) {
		v /= 1000;
		i++;
	}
	int digits = i == 0 ? 0 : fabs(v) < 9.995 ? 2 : fabs(v) < 99.95 ? 1 : 0;
	(void)snprintf(dst, PROGRESS_NUMBER, "%.*f%.1s", digits, v, i ? &suffixes[i] : "");
	return dst;
}

void progress_line(const struct progress_second *p, char *dst, size_t cap)
{
	char packets[PROGRESS_NUMBER], bits[PROGRESS_NUMBER];

	(void)snprintf(dst, cap,
		"%4.0fs  started %" PRIu64 "/%" PRIu64 "  playing %" PRIu64 "  failed %" PRIu64
		"  %s pkt/s  %sbit/s  lost %" PRId64 "  corrupt %" PRId64
		"  late p99 %.1f ms  cpu %.0f %%",
		p->at, p->started, p->planned, p->playing, p->failed,
		progress_number(p->packets_per_s, packets), progress_number(p->bits_per_s, bits),
		p->lost, p->corrupt, p->late_p99_ms, 100 * p->cpu);
}

void progress_show(FILE *f, bool is_tty, const struct progress_second *p)
{
	char line[PROGRESS_LINE];

	progress_line(p, line, sizeof line);
	/* erase to the end of the line: the one before may have been longer */
	fprintf(f, is_tty ? "\r%s\033[K" : "%s\n", line);
	fflush(f);
}

void progress_end(FILE *f, bool is_tty)
{
	if (is_tty)
		fputc('\n', f);
	fflush(f);
}
