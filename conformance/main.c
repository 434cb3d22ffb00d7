/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/check.h"
#include "conformance/coverage.h"
#include "conformance/curlpeer.h"
#include "conformance/replay.h"
#include "conformance/run.h"
#include "conformance/listing.h"
#include "server/base/os.h"

#define PROGRAM "beagle-conformance"
/* where an installed program finds its cases */
#ifndef BEAGLE_CASES_DIR
#define BEAGLE_CASES_DIR "/usr/share/beagle/conformance/cases"
#endif

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void usage(FILE *f)
{
	fputs("usage: beagle-conformance COMMAND …\n"
	      "\n"
	      "  run URL             judge the server at URL\n"
	      "    --only GLOB       these cases, by id (may be repeated)\n"
	      "    --exclude GLOB    not these (may be repeated)\n"
	      "    --clause GLOB     cases that test such a clause (may be repeated)\n"
	      "    --tag TAG         cases with this tag: smoke, media, robust (may be repeated)\n"
	      "    --level LEVEL     must (default), should or may: what a failure must break\n"
	      "    --profile NAME    practice (default) or rfc2326: where the two part ways\n"
	      "    --slow            also cases that take long\n"
	      "    --destructive     also cases that may damage the target\n"
	      "    -o, --json FILE   result file\n"
	      "    --junit FILE      JUnit file\n"
	      "    --evidence DIR    transcript and pcap per case\n"
	      "    --keep WHICH      evidence of: fail (default), all, none\n"
	      "    --jobs N          so many cases at a time (4); robustness cases run alone\n"
	      "    --seed N          seed, kept in the result\n"
	      "    --quiet           failures and the summary only\n"
	      "    --tls-url URL     rtsps:// of the same content: the cases about TLS\n"
	      "    --auth-url URL    content that asks for credentials: the cases about them\n"
	      "    --credentials FILE  one line user:password (else BEAGLE_USER, BEAGLE_PASSWORD): for\n"
	      "                    --auth-url, and for URL when it asks for credentials itself\n"
	      "    --i-may-load-this-host   destructive cases against another machine\n"
	      "  list [--json]       the cases\n"
	      "  explain CASE        one case: clauses, stimulus, expectations\n"
	      "  lint                faults of the case files\n"
	      "  language            rules and features that cases may name\n"
	      "  coverage [--clauses]  how the clauses are covered\n"
	      "  check FILE.pcap     what either side broke in a capture\n"
	      "    --level LEVEL, --notes\n"
	      "  replay FILE.pcap URL  a captured client session against a live server\n"
	      "    -o FILE, --max-gap S (10), --speed F (1), --quiet\n"
	      "  curl URL            a session by libcurl, as a foreign client\n"
	      "    --packets N (50)\n"
	      "\n"
	      "  --cases DIR         the case files (else $BEAGLE_CASES, else those of the program)\n"
	      "  --help, --version\n"
	      "\n"
	      "exit: 0 ok, 1 a check failed, 2 usage, 3 inconclusive, 4 target unreachable or died,\n"
	      "      130 interrupted\n",
		f);
}

static int misuse(const char *what, const char *arg)
{
	fprintf(stderr, PROGRAM ": %s%s%s (--help tells more)\n", what, arg ? ": " : "",
		arg ? arg : "");
	return 2;
}

/* ---- options ---- */

enum opt {
	O_ONLY = 256,
	O_EXCLUDE,
	O_CLAUSE,
	O_TAG,
	O_LEVEL,
	O_PROFILE,
	O_SLOW,
	O_DESTRUCTIVE,
	O_JUNIT,
	O_EVIDENCE,
	O_KEEP,
	O_SEED,
	O_JOBS,
	O_QUIET,
	O_MAY,
	O_TLS_URL,
	O_AUTH_URL,
	O_CREDENTIALS,
	O_CASES,
	O_JSON,
	O_CLAUSES,
	O_NOTES,
	O_GAP,
	O_SPEED,
	O_PACKETS,
	O_HELP,
	O_VERSION
};
static const struct option longs[] = { { "only", required_argument, NULL, O_ONLY },
	{ "exclude", required_argument, NULL, O_EXCLUDE },
	{ "clause", required_argument, NULL, O_CLAUSE }, { "tag", required_argument, NULL, O_TAG },
	{ "level", required_argument, NULL, O_LEVEL },
	{ "profile", required_argument, NULL, O_PROFILE }, { "slow", no_argument, NULL, O_SLOW },
	{ "destructive", no_argument, NULL, O_DESTRUCTIVE },
	{ "junit", required_argument, NULL, O_JUNIT },
	{ "evidence", required_argument, NULL, O_EVIDENCE },
	{ "keep", required_argument, NULL, O_KEEP }, { "seed", required_argument, NULL, O_SEED },
	{ "jobs", required_argument, NULL, O_JOBS }, { "quiet", no_argument, NULL, O_QUIET },
	{ "i-may-load-this-host", no_argument, NULL, O_MAY },
	{ "tls-url", required_argument, NULL, O_TLS_URL },
	{ "auth-url", required_argument, NULL, O_AUTH_URL },
	{ "credentials", required_argument, NULL, O_CREDENTIALS },
	{ "cases", required_argument, NULL, O_CASES }, { "json", optional_argument, NULL, O_JSON },
	{ "clauses", no_argument, NULL, O_CLAUSES }, { "notes", no_argument, NULL, O_NOTES },
	{ "max-gap", required_argument, NULL, O_GAP },
	{ "speed", required_argument, NULL, O_SPEED },
	{ "packets", required_argument, NULL, O_PACKETS }, { "help", no_argument, NULL, O_HELP },
	{ "version", no_argument, NULL, O_VERSION }, { 0 } };

struct options {
	struct run_opts run;
	const char *cases;
	bool json, clauses, notes;
	double max_gap, speed;
	uint64_t packets;
	const char *args[4];
	size_t n_args;
};

static bool put_glob(const char **v, const char *glob)
{
	size_t n = 0;
	while (v[n])
		n++;
	if (n == RUN_GLOBS - 1)
		return false;
	v[n] = glob;
	return true;
}

static bool read_number(const char *s, double least, double most, double *v)
{
	char *end;
	if (!*s || strspn(s, "0123456789.") != strlen(s))
		return false;
	*v = strtod(s, &end);
	return !*end && *v >= least && *v <= most;
}

/* 0, or the exit code plus 1. */
static int option(struct options *o, int c, const char *arg)
{
	bool ok = true;
	uint64_t n = 0;
	switch (c) {
	case O_ONLY: ok = put_glob(o->run.only, arg); break;
	case O_EXCLUDE: ok = put_glob(o->run.exclude, arg); break;
	case O_CLAUSE: ok = put_glob(o->run.clauses, arg); break;
	case O_TAG: ok = put_glob(o->run.tags, arg); break;
	case O_LEVEL: ok = level_read(arg, &o->run.strictness); break;
	case O_PROFILE: ok = profile_read(arg, &o->run.profile); break;
	case O_SLOW: o->run.slow = true; break;
	case O_DESTRUCTIVE: o->run.destructive = true; break;
	case O_JUNIT: o->run.junit = arg; break;
	case O_EVIDENCE: o->run.evidence = arg; break;
	case O_KEEP: ok = evidence_keep_read(arg, &o->run.keep); break;
	case O_SEED: ok = bytes_to_u64(bytes_str(arg), UINT64_MAX, &o->run.seed); break;
	case O_JOBS:
		ok = bytes_to_u64(bytes_str(arg), 64, &n) && n > 0;
		o->run.jobs = (unsigned)n;
		break;
	case O_QUIET: o->run.quiet = true; break;
	case O_TLS_URL: o->run.target.tls_url = arg; break;
	case O_AUTH_URL: o->run.target.auth_url = arg; break;
	case O_CREDENTIALS: o->run.target.credentials = arg; break;
	case O_MAY: o->run.may_load_host = true; break;
	case O_CASES: o->cases = arg; break;
	case 'o': o->run.json = arg; break;
	case O_CLAUSES: o->clauses = true; break;
	case O_NOTES: o->notes = true; break;
	case O_GAP: ok = read_number(arg, 0, 3600, &o->max_gap); break;
	case O_SPEED: ok = read_number(arg, 0.01, 1000, &o->speed); break;
	case O_PACKETS: ok = bytes_to_u64(bytes_str(arg), 1000000, &o->packets); break;
	case O_JSON:
		o->json = true;
		o->run.json = arg;
		break;
	case O_HELP: usage(stdout); return 1;
	case O_VERSION: printf(PROGRAM " %s\n", BEAGLE_VERSION); return 1;
	default: return misuse("an unknown option, or one without its value", NULL) + 1;
	}
	return ok ? 0 : misuse("not a value for this option", arg) + 1;
}

static int parse(struct options *o, int argc, char **argv)
{
	int c, code;
	opterr = 0;
	for (;;) {
		while ((c = getopt_long(argc, argv, "+o:h", longs, NULL)) >= 0) {
			code = option(o, c == 'h' ? O_HELP : c, optarg);
			if (code)
				return code;
			/* `run … --json FILE` as well as `--json=FILE` */
			if (c == O_JSON && !optarg && o->n_args && strcmp(o->args[0], "run") == 0 &&
				optind < argc)
				o->run.json = argv[optind++];
		}
		if (optind >= argc)
			return 0;
		if (o->n_args == COUNT(o->args))
			return misuse("too many arguments", argv[optind]) + 1;
		o->args[o->n_args++] = argv[optind++];
	}
}

/* ---- the case files ---- */

static bool is_folder(const char *path)
{
	char *tsv = xasprintf("%s/prologues.yaml", path);
	bool yes = access(tsv, R_OK) == 0;
	free(tsv);
	return yes;
}

/* Heap; the caller frees. */
static char *find_cases(const struct options *o)
{
	char self[PATH_MAX];
	const char *env = getenv("BEAGLE_CASES");
	if (o->cases)
		return xstrdup(o->cases);
	if (env && *env)
		return xstrdup(env);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	/* build/bin/beagle-conformance, build/san/bin/…: up to the tree that holds the cases */
	while (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (!slash)
			break;
		*slash = '\0';
		n = slash - self;
		char *path = xasprintf("%s/conformance/cases", self);
		if (is_folder(path))
			return path;
		free(path);
	}
	if (is_folder("conformance/cases"))
		return xstrdup("conformance/cases");
	return xstrdup(BEAGLE_CASES_DIR);
}

static int read_cases(const struct options *o, struct catalogue *cat)
{
	char *root = find_cases(o);
	int rc = catalogue_read(cat, root);
	if (rc < 0)
		fprintf(stderr, PROGRAM ": no cases in %s%s%s\n", root, cat->n_faults ? ": " : "",
			cat->n_faults ? cat->faults[0] : "");
	free(root);
	return rc < 0 ? 2 : 0;
}

/* ---- commands ---- */

static int cmd_run(struct options *o, struct catalogue *cat)
{
	o->run.target.url = o->args[1];
	if (cat->n_faults) {
		for (size_t i = 0; i < cat->n_faults; i++)
			fprintf(stderr, "%s\n", cat->faults[i]);
		return misuse("the case files have faults", cat->root);
	}
	return run(cat, &o->run);
}

static int cmd_list(struct options *o, struct catalogue *cat)
{
	listing_all(cat, o->json);
	return 0;
}

static int cmd_explain(struct options *o, struct catalogue *cat)
{
	return listing_case(cat, o->args[1]) ? 0 : misuse("no such case", o->args[1]);
}

static int cmd_lint(struct options *o, struct catalogue *cat)
{
	(void)o;
	return listing_lint(cat) ? 1 : 0;
}

static int cmd_coverage(struct options *o, struct catalogue *cat)
{
	coverage_print(cat, o->clauses);
	return 0;
}

static int cmd_language(struct options *o, struct catalogue *cat)
{
	(void)o;
	(void)cat;
	listing_language();
	return 0;
}

static int cmd_check(struct options *o, struct catalogue *cat)
{
	struct check_opts c = { o->args[1], o->run.strictness, o->notes };
	(void)cat;
	return check(&c);
}

static int cmd_replay(struct options *o, struct catalogue *cat)
{
	struct replay_opts r = { .file = o->args[1],
		.url = o->args[2],
		.json = o->run.json,
		.max_gap_s = o->max_gap,
		.speed = o->speed,
		.quiet = o->run.quiet,
		.stop = &stop,
		.argc = o->run.argc,
		.argv = o->run.argv };
	(void)cat;
	return replay(&r);
}

static int cmd_curl(struct options *o, struct catalogue *cat)
{
	(void)cat;
	return curlpeer(o->args[1], o->packets, &stop);
}

static const struct {
	const char *name;
	size_t n_args; /* with the command itself */
	bool needs_cases;
	int (*fn)(struct options *o, struct catalogue *cat);
} commands[] = {
	{ "run", 2, true, cmd_run },
	{ "list", 1, true, cmd_list },
	{ "explain", 2, true, cmd_explain },
	{ "lint", 1, true, cmd_lint },
	{ "language", 1, false, cmd_language },
	{ "coverage", 1, true, cmd_coverage },
	{ "check", 2, false, cmd_check },
	{ "replay", 3, false, cmd_replay },
	{ "curl", 2, false, cmd_curl },
};

static int dispatch(struct options *o)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		struct catalogue cat = { 0 };
		if (strcmp(o->args[0], commands[i].name) != 0)
			continue;
		if (o->n_args != commands[i].n_args)
			return misuse(o->n_args < commands[i].n_args ? "an argument is missing"
								     : "too many arguments",
				o->args[0]);
		int code = commands[i].needs_cases ? read_cases(o, &cat) : 0;
		if (code == 0)
			code = commands[i].fn(o, &cat);
		catalogue_clear(&cat);
		return code;
	}
	return misuse("no such command", o->args[0]);
}

int main(int argc, char **argv)
{
	struct options o = { .run = { .strictness = LEVEL_MUST,
				     .profile = PROFILE_PRACTICE,
				     .keep = KEEP_FAIL,
				     .jobs = 4,
				     .stop = &stop,
				     .argc = argc,
				     .argv = argv },
		.max_gap = 10,
		.speed = 1,
		.packets = 50 };
	struct sigaction quit = { .sa_handler = on_signal };
	(void)sigaction(SIGINT, &quit, NULL);
	(void)sigaction(SIGTERM, &quit, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	os_random(&o.run.seed, sizeof(o.run.seed));
	o.run.seed &= 0xffffffff;
	int code = parse(&o, argc, argv);
	if (code)
		return code - 1;
	if (o.n_args == 0) {
		usage(stderr);
		return 2;
	}
	code = dispatch(&o);
	if (fflush(stdout) != 0 || ferror(stdout))
		return code ? code : misuse("standard output", strerror(errno));
	return code;
}
