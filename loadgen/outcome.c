/* SPDX-License-Identifier: MIT */
#include "loadgen/outcome.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "loadgen/progress.h"

/* Above these the generator, not the server, may have made the figures (README). */
static const double cpu_limit = 0.85, dropped_arrivals_limit = 0.001, untimed_limit = 0.05,
		    noise_limit = 0.10;
/* Whoever kept us from running, us too: what is counted from the intended time is not the server's. */
static const double timer_limit = 100e6;
enum { FDS_SPARE = 16 };

static double ms(int64_t ns)
{
	return (double)ns / 1e6;
}

/* ---- the result ---- */

void outcome_begin(const struct run *r)
{
	const struct options *o = r->options;
	struct result *x = r->result;

	result_config_num(x, "sessions", (double)o->plan.sessions, NULL);
	result_config_num(x, "duration", tick_seconds(o->plan.play), "s");
	result_config_num(x, "rate", o->plan.rate, "1/s");
	result_config(x, "transport", media_transport_name(o->transport));
	result_config(x, "engine", "native");
	result_config_num(x, "workers", 1, NULL);
	result_config(x, "receive_mode", run_receive_mode(r));
	result_config(x, "scenario",
		o->is_cycle           ? "cycle"
		: o->pause_after >= 0 ? "pause"
				      : "play");
	if (o->is_cycle)
		result_config(x, "pipelined", o->is_pipelined ? "yes" : "no");
	if (o->pause_after >= 0)
		result_config_num(x, "pause_after", tick_seconds(o->pause_after), "s");
	if (o->seek_to >= 0) {
		result_config_num(x, "seek_from", tick_seconds(o->seek_from), "s");
		result_config_num(x, "seek_to", tick_seconds(o->seek_to), "s");
	}
	result_config(x, "payloads", run_payloads(r));
	result_config(x, "model", "open");
	result_config_num(x, "stall_after", tick_seconds(o->stall_after), "s");
	result_config_num(x, "rcvbuf", r->env.sink.rcvbuf_bytes, "bytes");
}

static void put_counters(const struct run *r)
{
	const struct snapshot *s = &r->tally.sum;

	result_counter(r->result, "sessions_planned", r->options->plan.sessions, NULL);
	for (size_t i = 0; i < n_counter_rows; i++) {
		int64_t v = snapshot_counter(s, &counter_rows[i]);
		result_counter(r->result, counter_rows[i].name, v > 0 ? (uint64_t)v : 0, NULL);
	}
	for (size_t i = 0; i < N_DEATHS; i++)
		if (s->deaths[i])
			result_counter(r->result, death_rows[i].name, (uint64_t)s->deaths[i], NULL);
}

static void put_hists(const struct run *r)
{
	for (size_t i = 0; i < n_hist_rows; i++) {
		const struct hist *h = snapshot_hist(&r->tally.sum, &hist_rows[i]);
		if (h->n == 0)
			continue;
		int err = result_hist(
			r->result, hist_rows[i].name, hist_rows[i].unit, hist_rows[i].origin, h);
		assert(!err); /* the table names each one once */
		(void)err;
	}
}

static void put_figures(const struct run *r)
{
	const struct snapshot *s = &r->tally.sum;
	struct result *x = r->result;

	result_figure(x, "sessions_most", (double)r->most_living, "count", RESULT_SUM);
	if (s->sessions_judged) {
		result_figure(x, "worst_session_delivered", s->worst_share, "share", RESULT_MIN);
		result_figure(x, "session_delivered_p1",
			1 - (double)hist_quantile(&s->shortfall, 0.99) / HIST_SHARE, "share",
			RESULT_MIN);
	}
	result_figure(x, "longest_stall", (double)s->longest_stall, "ns", RESULT_MAX);
	result_figure(x, "cpu_generator_busiest_second", r->usage.cpu_most, "cores", RESULT_MAX);
	result_figure(
		x, "run_delay", usage_delay_mean(&r->usage, r->ended_at), "cores", RESULT_MAX);
	result_figure(x, "steal", usage_steal_mean(&r->usage), "share", RESULT_MAX);
	if (s->packets_received)
		result_figure(x, "cpu_per_packet",
			usage_cpu_mean(&r->usage, r->ended_at) *
				(double)(r->ended_at - r->usage.began_at) /
				(double)s->packets_received,
			"ns", RESULT_MEAN);
}

static void put_checks(const struct run *r)
{
	const struct snapshot *s = &r->tally.sum;
	struct result *x = r->result;
	double cpu = usage_cpu_mean(&r->usage, r->ended_at);
	double lag = (double)hist_quantile(&s->generator_lag, 0.99);
	double late = (double)hist_quantile(&s->timer_lag, 0.99);
	double dropped = (double)s->arrivals_dropped / (double)r->options->plan.sessions;
	double fds = r->usage.fds_most, fds_limit = (double)(usage_fd_limit() - FDS_SPARE);

	result_self_check(x, "generator_cpu", cpu, cpu_limit, "cores", cpu <= cpu_limit);
	result_self_check(x, "generator_lag_p99", lag, (double)r->options->max_lag, "ns",
		lag <= (double)r->options->max_lag);
	result_self_check(x, "timer_lag_p99", late, timer_limit, "ns", late <= timer_limit);
	if (s->packets_received)
		result_self_check(x, "packets_untimed",
			(double)s->packets_untimed / (double)s->packets_received, untimed_limit,
			"share",
			(double)s->packets_untimed <= untimed_limit * (double)s->packets_received);
	result_self_check(x, "own_drops", (double)s->own_drops, 0, "count", s->own_drops == 0);
	result_self_check(x, "arrivals_dropped", dropped, dropped_arrivals_limit, "share",
		dropped <= dropped_arrivals_limit);
	if (!isnan(fds))
		result_self_check(x, "descriptors", fds, fds_limit, "count", fds <= fds_limit);
	if (s->deaths[GENERATOR_LIMIT])
		result_invalid(x, "%" PRId64 " sessions found no descriptor, port or address",
			s->deaths[GENERATOR_LIMIT]);
}

static double loss_percent(const struct snapshot *s)
{
	int64_t lost = s->packets_lost + s->packets_tail_lost;
	double of = (double)(s->packets_received - s->packets_duplicate + lost);
	return of > 0 ? 100 * (double)lost / of : 0;
}

static void put_gates(const struct run *r)
{
	const struct snapshot *s = &r->tally.sum;
	const struct options *o = r->options;
	double loss = loss_percent(s), worst = 100 * s->worst_share;

	result_gate(r->result, "sessions_failed", (double)s->sessions_failed, 0, "count",
		s->sessions_failed == 0);
	result_gate(r->result, "sessions_silent", (double)s->sessions_silent, 0, "count",
		s->sessions_silent == 0);
	result_gate(r->result, "packets_corrupt", (double)s->packets_corrupt, 0, "count",
		s->packets_corrupt == 0);
	if (o->max_loss >= 0)
		result_gate(r->result, "loss", loss, o->max_loss, "%", loss <= o->max_loss);
	if (o->min_delivered >= 0)
		result_gate(r->result, "worst_session_delivered", s->sessions_judged ? worst : NAN,
			o->min_delivered, "%", s->sessions_judged && worst >= o->min_delivered);
}

static void put_notes(const struct run *r)
{
	struct result *x = r->result;

	if (r->was_interrupted)
		result_note(x,
			"interrupted by the user: %" PRIu64 " of %" PRIu64 " sessions were started",
			r->n_started, r->options->plan.sessions);
	if (!r->tally.sum.sessions_judged)
		result_note(x,
			"no session told how many packets were due, so what is missing at the end of a stream is not known");
	double delay = usage_delay_mean(&r->usage, r->ended_at),
	       steal = usage_steal_mean(&r->usage);
	if (delay > noise_limit || steal > noise_limit)
		result_note(x,
			"a noisy machine: the generator stood in line for a CPU %.0f %% of the time, the hypervisor took %.0f %%",
			100 * delay, 100 * steal);
	if (addr_is_loopback(&r->env.target))
		result_note(x, "over loopback most of the cost of receiving is paid by the sender");
}

void outcome_end(struct run *r)
{
	const char *features[] = { media_transport_name(r->options->transport) };

	result_set_target(r->result, r->env.url, r->env.server_banner, features, COUNT(features));
	result_set_duration(r->result, tick_seconds(r->ended_at - r->began_at));
	put_counters(r);
	put_hists(r);
	put_figures(r);
	put_checks(r);
	put_gates(r);
	put_notes(r);
}

int outcome_exit(const struct run *r)
{
	const struct snapshot *s = &r->tally.sum;

	if (r->was_interrupted)
		return 130;
	if (r->is_unreachable)
		return 4;
	if (s->sessions_failed && run_is_target_gone(r))
		return 4;
	return result_exit_code(r->result);
}

/* ---- the summary ---- */

static void print_counts(const struct run *r, FILE *f)
{
	const struct snapshot *s = &r->tally.sum;

	fprintf(f,
		"sessions  %" PRId64 " of %" PRIu64 " started, %" PRId64 " completed, %" PRId64
		" failed, %" PRIu64 " at once\n",
		s->sessions_started, r->options->plan.sessions, s->sessions_completed,
		s->sessions_failed, r->most_living);
	for (size_t i = 0; i < N_DEATHS; i++)
		if (s->deaths[i] && i != DIED_NORMALLY)
			fprintf(f, "          %" PRId64 " %s: %s\n", s->deaths[i],
				death_rows[i].name, death_rows[i].text);
	fprintf(f, "packets   %" PRId64 " received", s->packets_received);
	if (s->sessions_judged)
		fprintf(f, " (%" PRId64 " due, worst session got %.2f %%)", s->packets_due,
			100 * s->worst_share);
	fprintf(f,
		", %" PRId64 " lost, %" PRId64 " missing at the end, %" PRId64
		" duplicate, %" PRId64 " reordered",
		s->packets_lost, s->packets_tail_lost, s->packets_duplicate, s->packets_reordered);
	if (s->packets_checked)
		fprintf(f, ", %" PRId64 " corrupt", s->packets_corrupt);
	fputc('\n', f);
	if (s->stalls || s->stalls_open)
		fprintf(f,
			"stalls    %" PRId64 ", longest %.0f ms, %" PRId64 " not over at the end\n",
			s->stalls, ms(s->longest_stall), s->stalls_open);
}

static void print_hists(const struct run *r, FILE *f)
{
	fprintf(f, "%-24s %9s %9s %9s %9s %9s\n", "ms", "n", "p50", "p90", "p99", "max");
	for (size_t i = 0; i < n_hist_rows; i++) {
		const struct hist *h = snapshot_hist(&r->tally.sum, &hist_rows[i]);
		char name[48];
		if (h->n == 0 || hist_rows[i].max == HIST_SHARE)
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", hist_rows[i].name, hist_rows[i].origin);
		fprintf(f, "%-24s %9" PRIu64 " %9.3f %9.3f %9.3f %9.3f\n", name, h->n,
			ms(hist_quantile(h, 0.5)), ms(hist_quantile(h, 0.9)),
			ms(hist_quantile(h, 0.99)), ms(h->most));
	}
}

void outcome_print(const struct run *r, FILE *f)
{
	const struct options *o = r->options;
	const struct snapshot *s = &r->tally.sum;
	double cpu = usage_cpu_mean(&r->usage, r->ended_at);

	char *url = result_redact_url(r->env.url);

	fprintf(f, "%s  %s  %" PRIu64 " sessions  %g/s  %g s each\n", url, run_receive_mode(r),
		o->plan.sessions, o->plan.rate, tick_seconds(o->plan.play));
	free(url);
	print_counts(r, f);
	print_hists(r, f);
	fprintf(f,
		"generator cpu %.1f %% of a core (%.2f us a packet), lag p99 %.3f ms, %" PRId64
		" own drops, %.0f descriptors\n",
		100 * cpu,
		s->packets_received ? cpu * (double)(r->ended_at - r->usage.began_at) / 1e3 /
					      (double)s->packets_received
				    : 0,
		ms(hist_quantile(&s->generator_lag, 0.99)), s->own_drops, r->usage.fds_most);
	fprintf(f,
		"machine   waited for a CPU %.1f %%, stolen %.1f %%, timer p99 %.3f ms late, %.2f %% of the packets untimed\n",
		100 * usage_delay_mean(&r->usage, r->ended_at), 100 * usage_steal_mean(&r->usage),
		ms(hist_quantile(&s->timer_lag, 0.99)),
		s->packets_received ? 100 * (double)s->packets_untimed / (double)s->packets_received
				    : 0);
	fprintf(f, "%s\n",
		result_is_valid(r->result) ? "VALID" : "INVALID: the generator was the limit");
}
