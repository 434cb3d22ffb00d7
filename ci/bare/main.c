/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "ci/bare/drain.h"
#include "ci/bare/outlet.h"
#include "ci/bare/pin.h"
#include "loadgen/usage.h"
#include "server/base/hist.h"
#include "server/base/os.h"

/*
 * The bare loop: what it costs to send a clip's packets, in its trains and at its times, to so many
 * addresses, and nothing else. ci/bench compares the server's CPU time with it.
 */
enum { WARM_TICKS = 500, SNDBUF = 4 << 20, CONNECT_S = 10, BACKLOG = 4096, LATE_DIGITS = 2 };
#define NOBODY_COMES (CONNECT_S * TICK_S)

static const char usage_text[] =
	"usage: bare [CLIP] [options]\n"
	"Sends the packets of a media file, or of a synthetic stream, to many addresses of loopback, as\n"
	"beagle-server would in trains and times, and prints the CPU time that it takes, as JSON.\n\n"
	"  --sessions N        how many, each somewhere else in the clip (1000)\n"
	"  --seconds S         measured, after half a second that is not (4)\n"
	"  --method NAME       sendmsg, sendmmsg, gso, sendmmsg-gso or writev (TCP); may be repeated\n"
	"                      (all but writev)\n"
	"  --synthetic BYTES,TRAIN   in place of CLIP: 100 packets a second, TRAIN at a time\n"
	"  --burst N           most packets of a session in a millisecond (16)\n"
	"  --cpu N             where it sends (0); -1: anywhere\n"
	"  --receiver-cpu N    where it receives (1); -1: anywhere\n"
	"  --seed N            of where in the clip the sessions are (1)\n"
	"  --schedule          prints what would be sent, and ends\n\n"
	"exit: 0 ok; 2 usage; 3 it could not be measured\n";

struct args {
	const char *clip, *methods[8];
	uint32_t n_methods, sessions, seconds, burst, seed;
	uint32_t bytes, train; /* synthetic */
	int cpu, receiver_cpu;
	bool only_schedule;
};

struct bench {
	struct args args;
	struct clip clip;
	struct schedule schedule;
	struct outlet_stream *streams;
	int *fds; /* TCP */
	uint32_t n_fds;
	bool is_first; /* nothing printed yet */
};

/* What one method came to. */
struct figures {
	tick_t cpu, wall;
	uint64_t packets, calls;
	double run_delay, steal;
	struct hist late; /* of the ticks */
};

/* ---- arguments ---- */

static bool read_number(const char *s, uint32_t most, uint32_t *v)
{
	uint64_t n;

	if (!bytes_to_u64(bytes_str(s), most, &n))
		return false;
	*v = (uint32_t)n;
	return true;
}

static bool read_cpu(const char *s, int *v)
{
	uint32_t n;

	*v = -1;
	if (strcmp(s, "-1") == 0)
		return true;
	if (!read_number(s, CPU_SETSIZE - 1, &n))
		return false;
	*v = (int)n;
	return true;
}

static bool read_synthetic(struct args *a, const char *s)
{
	struct bytes rest = bytes_str(s), first;
	uint64_t n, train;

	if (!bytes_cut(&rest, ',', &first) || !bytes_to_u64(first, 1472, &n) || n < 64 ||
		!bytes_to_u64(rest, OUTLET_TRAIN, &train) || train == 0)
		return false;
	a->bytes = (uint32_t)n;
	a->train = (uint32_t)train;
	return true;
}

static const struct outlet_method *find_method(const char *name)
{
	for (size_t i = 0; i < n_outlet_methods; i++)
		if (strcmp(outlet_methods[i].name, name) == 0)
			return &outlet_methods[i];
	return NULL;
}

static bool add_method(struct args *a, const char *name)
{
	if (a->n_methods == COUNT(a->methods) || !find_method(name))
		return false;
	a->methods[a->n_methods++] = name;
	return true;
}

static bool set_option(struct args *a, int option, const char *v)
{
	switch (option) {
	case 'n': return read_number(v, 100000, &a->sessions) && a->sessions > 0;
	case 't': return read_number(v, 600, &a->seconds) && a->seconds > 0;
	case 'm': return add_method(a, v);
	case 'y': return read_synthetic(a, v);
	case 'b': return read_number(v, OUTLET_BURST, &a->burst) && a->burst > 0;
	case 'c': return read_cpu(v, &a->cpu);
	case 'r': return read_cpu(v, &a->receiver_cpu);
	case 's': return read_number(v, UINT32_MAX, &a->seed);
	case 'p': return a->only_schedule = true;
	}
	return false;
}

static bool read_args(struct args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "sessions", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "method", required_argument, NULL, 'm' },
		{ "synthetic", required_argument, NULL, 'y' },
		{ "burst", required_argument, NULL, 'b' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "receiver-cpu", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "schedule", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*a = (struct args){
		.sessions = 1000, .seconds = 4, .burst = 16, .seed = 1, .receiver_cpu = 1
	};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_option(a, option, optarg))
			return false;
	if (optind < argc)
		a->clip = argv[optind++];
	bool is_chosen = a->n_methods > 0;
	for (size_t i = 0; i < n_outlet_methods && !is_chosen; i++)
		if (!outlet_methods[i].is_tcp)
			a->methods[a->n_methods++] = outlet_methods[i].name;
	return optind == argc && (a->clip != NULL) != (a->bytes != 0);
}

/* ---- the other end ---- */

static int wait_ready(struct drain *d)
{
	const struct timespec ms = { .tv_nsec = TICK_MS };
	tick_t end = os_now() + NOBODY_COMES;
	int r;

	while ((r = drain_ready(d)) == 0 && os_now() < end)
		(void)nanosleep(&ms, NULL);
	return r == 1 ? 0 : r ? r : -ETIMEDOUT;
}

/* Takes the connections, in whatever order they come. */
static int accept_all(struct bench *b, int listener)
{
	tick_t end = os_now() + NOBODY_COMES;
	int on = 1;

	while (b->n_fds < b->args.sessions) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		if (os_now() > end || poll(&p, 1, CONNECT_S * 1000) <= 0)
			return -ETIMEDOUT;
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (fd < 0)
			continue;
		b->fds[b->n_fds++] = fd;
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
			return -errno;
	}
	return 0;
}

/* The receiver of a method, and where the streams go. *fd: the UDP socket. */
static int open_drain(struct bench *b, const struct outlet_method *m, struct drain *d, int *fd)
{
	struct drain_config c = { .clip = &b->clip,
		.sessions = b->args.sessions,
		.cpu = b->args.receiver_cpu,
		.is_tcp = m->is_tcp };
	struct addr here;
	int err = addr_read(&here, "127.0.0.1", 0), whole = IP_PMTUDISC_DO;

	if (err)
		return err;
	*fd = m->is_tcp ? sock_listen(&here, false, BACKLOG) : sock_udp(&here, SNDBUF, 0);
	if (*fd < 0)
		return *fd;
	c.connect = sock_local(*fd);
	/* no datagram is cut on its way: spares the kernel the numbers that parts would need */
	if (!m->is_tcp && setsockopt(*fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole) != 0)
		return -errno;
	err = drain_start(d, &c);
	if (!err && m->is_tcp)
		err = accept_all(b, *fd);
	return err ? err : wait_ready(d);
}

static void init_streams(struct bench *b, const struct drain *d)
{
	uint32_t tracks = b->clip.n_tracks;

	for (uint32_t i = 0; i < b->args.sessions * tracks; i++)
		b->streams[i] = (struct outlet_stream){ .to = d->shared->to[i],
			.ssrc = 0x10000 + i,
			.channel = (uint8_t)(2 * (i % tracks)) };
}

/* ---- the loop ---- */

static void sleep_until(tick_t at)
{
	struct timespec t = { .tv_sec = at / TICK_S, .tv_nsec = at % TICK_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void begin_window(const struct outlet *o, struct figures *f, struct usage *u, tick_t now)
{
	f->packets = o->packets;
	f->calls = o->calls;
	f->wall = now;
	f->cpu = os_cpu_time();
	if (usage_open(u, 0, now) != 0)
		die("usage of our own process"); /* it exists */
}

static void end_window(const struct outlet *o, struct figures *f, struct usage *u)
{
	struct usage_sample s;

	f->cpu = os_cpu_time() - f->cpu;
	f->wall = os_now() - f->wall;
	f->packets = o->packets - f->packets;
	f->calls = o->calls - f->calls;
	f->run_delay = usage_delay_mean(u, os_now());
	usage_take(u, os_now(), &s);
	f->steal = usage_steal_mean(u);
	usage_close(u);
}

static void send_all(const struct schedule *s, struct outlet *o, struct figures *f)
{
	tick_t began = os_now() + 10 * TICK_MS;
	struct usage u;

	hist_init(&f->late, 600 * TICK_S, LATE_DIGITS);
	for (uint32_t t = 0; t < s->n_ticks; t++) {
		tick_t at = began + (tick_t)t * TICK_MS, now = os_now();
		if (now < at) {
			sleep_until(at);
			now = os_now();
		}
		if (t == WARM_TICKS)
			begin_window(o, f, &u, now);
		if (t >= WARM_TICKS)
			hist_record(&f->late, now - at);
		for (uint64_t i = s->first[t]; i < s->first[t + 1]; i++)
			outlet_put(o, &s->entries[i], &s->groups[s->entries[i].group]);
		outlet_flush(o);
	}
	end_window(o, f, &u);
}

/* ---- figures ---- */

static void print_method(struct bench *b, const struct outlet *o, const struct figures *f,
	const struct drain_shared *r)
{
	int64_t lost = (int64_t)o->packets - (r->received - r->duplicate);

	printf("%s\n  {\"method\": \"%s\", \"packets\": %" PRIu64 ", \"calls\": %" PRIu64
	       ", \"ns_per_packet\": %.1f, \"cores\": %.4f, \"seconds\": %.3f",
		b->is_first ? "" : ",", o->method->name, f->packets, f->calls,
		f->packets ? (double)f->cpu / (double)f->packets : 0,
		(double)f->cpu / (double)f->wall, tick_seconds(f->wall));
	printf(", \"lost\": %" PRId64 ", \"dropped\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"last_error\": %d, \"receiver_drops\": %" PRId64,
		lost, o->dropped, o->failed, o->last_error, r->own_drops);
	printf(", \"tick_late_p99_ms\": %.3f, \"lateness_p50_ms\": %.3f, \"lateness_p99_ms\": %.3f",
		(double)hist_quantile(&f->late, 0.99) / 1e6, (double)r->lateness_p50 / 1e6,
		(double)r->lateness_p99 / 1e6);
	printf(", \"run_delay\": %.4f, \"steal\": %.4f, \"receiver_cores\": %.4f, \"receiver_run_delay\": %.4f}",
		f->run_delay, f->steal, r->cpu, r->run_delay);
	b->is_first = false;
	(void)fflush(stdout);
}

/* Packets a second and session, and in how many trains they leave at most. */
static void print_schedule(const struct bench *b)
{
	uint64_t trains = 0, octets = 0;

	for (uint32_t i = 0; i < b->clip.n; i++) {
		octets += b->clip.packets[i].n;
		trains += b->clip.packets[i].train == 1; /* each ends with one */
	}
	double s = tick_seconds(b->clip.period);
	printf("\"packets_per_s\": %.3f, \"trains_per_s\": %.3f, \"payload_bps\": %.0f, \"clip_s\": %.3f, "
	       "\"sessions\": %" PRIu32 ", \"burst\": %" PRIu32,
		b->clip.n / s, (double)trains / s, 8 * (double)octets / s, s, b->args.sessions,
		b->args.burst);
}

static int run_method(struct bench *b, const struct outlet_method *m)
{
	struct outlet o = {
		.method = m, .clip = &b->clip, .streams = b->streams, .fds = b->fds, .fd = -1
	};
	struct drain d = { 0 };
	struct figures f = { 0 };
	int err = open_drain(b, m, &d, &o.fd);

	if (!err) {
		init_streams(b, &d);
		outlet_open(&o);
		send_all(&b->schedule, &o, &f);
		outlet_close(&o);
		err = drain_stop(&d);
	}
	if (!err)
		print_method(b, &o, &f, d.shared);
	drain_clear(&d);
	hist_clear(&f.late);
	while (b->n_fds)
		(void)close(b->fds[--b->n_fds]); /* all has been read */
	if (o.fd >= 0)
		(void)close(o.fd); /* likewise */
	return err;
}

static int run_all(struct bench *b)
{
	int err = 0;

	printf("{\"format\": \"beagle-bare\", \"version\": 1, ");
	print_schedule(b);
	printf(", \"methods\": [");
	b->is_first = true;
	for (uint32_t i = 0; i < b->args.n_methods && !err && !b->args.only_schedule; i++) {
		err = run_method(b, find_method(b->args.methods[i]));
		if (err)
			fprintf(stderr, "bare: %s: %s\n", b->args.methods[i], err_text(err));
	}
	printf("]}\n");
	return err;
}

static int read_clip(struct bench *b)
{
	struct buf notes;
	int err = 0;

	buf_init(&notes, 64 << 10);
	if (b->args.clip)
		err = clip_read(&b->clip, b->args.clip, &notes);
	else
		clip_make(&b->clip, (uint16_t)b->args.bytes, (uint16_t)b->args.train);
	if (err)
		fprintf(stderr, "bare: %s: %s\n%.*s", b->args.clip, err_text(err), (int)notes.n,
			(const char *)buf_bytes(&notes).p);
	buf_clear(&notes);
	return err;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };

	if (!read_args(&b.args, argc, argv)) {
		fputs(usage_text, stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	int err = read_clip(&b);
	if (!err)
		err = pin_to(b.args.cpu);
	if (!err) {
		const struct schedule_config c = { .sessions = b.args.sessions,
			.ticks = WARM_TICKS + b.args.seconds * 1000,
			.burst = b.args.burst,
			.seed = b.args.seed };
		schedule_init(&b.schedule, &b.clip, &c);
		b.streams = xcalloc((size_t)c.sessions * b.clip.n_tracks, sizeof *b.streams);
		b.fds = xcalloc(c.sessions, sizeof *b.fds);
		err = run_all(&b);
	}
	free(b.streams);
	free(b.fds);
	schedule_clear(&b.schedule);
	clip_clear(&b.clip);
	return err ? 3 : 0;
}
