/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "captures/extract.h"
#include "captures/json.h"
#include "captures/show.h"
#include "server/base/os.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"usage: beagle-captures COMMAND FILE... [FLAG...]\n"
	"Finds RTSP sessions and their media in pcap and pcapng files.\n"
	"\n"
	"  list FILE...                  one line per RTSP connection and per media stream\n"
	"  inspect FILE... [--json]      everything: facts, messages, media; --json for programs\n"
	"                                (with several files: one object a line)\n"
	"  extract FILE -o DIR           per session a transcript (.txt), a script (.jsonl) and a\n"
	"                                .pcap of it alone; per RTP stream a .pcap of its packets\n"
	"      --session N               only connection #N (the number that list shows)\n"
	"      --secrets                 don't take credentials out\n"
	"\n"
	"  -h, --help, --version\n"
	"\n"
	"Exit: 0 done, 2 bad command line, no capture, or a file that cannot be written.\n";

struct args {
	bool json, secrets;
	const char *folder;
	int64_t session;
	char **files;
	int n_files;
};

static int bad_usage(const char *what, const char *which)
{
	fprintf(stderr, "beagle-captures: %s%s (see --help)\n", what, which);
	return EXIT_USAGE;
}

/* NULL after one line on stderr. */
static struct dialog *read_file(const char *path)
{
	struct dialog *d;
	char *why;

	if (dialog_read(path, NULL, &d, &why) != 0) {
		fprintf(stderr, "beagle-captures: %s: %s\n", path, why ? why : "cannot be read");
		free(why);
		return NULL;
	}
	if (d->file.end != DIALOG_COMPLETE)
		fprintf(stderr, "beagle-captures: %s: read up to packet %llu only: %s\n", path,
			(unsigned long long)d->file.packets, d->file.end_why);
	return d;
}

/* Did all of it reach the standard output? */
static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	perror("beagle-captures: standard output");
	return EXIT_USAGE;
}

static void put_json(const struct dialog *d, bool is_single)
{
	json_t *o = dialog_json(d);
	size_t flags = (is_single ? JSON_INDENT(1) : JSON_COMPACT) | JSON_REAL_PRECISION(16);

	if (json_dumpf(o, stdout, flags) == 0)
		fputc('\n', stdout);
	json_decref(o);
}

static int show_files(const struct args *a, void (*show)(FILE *, const struct dialog *))
{
	int status = 0;

	for (int i = 0; i < a->n_files; i++) {
		struct dialog *d = read_file(a->files[i]);
		if (!d) {
			status = EXIT_USAGE; /* the others are read all the same */
			continue;
		}
		if (a->json)
			put_json(d, a->n_files == 1);
		else
			show(stdout, d);
		if (d->file.end != DIALOG_COMPLETE)
			status = EXIT_USAGE;
		dialog_free(d);
	}
	int err = finish_output();
	return err ? err : status;
}

static int do_list(const struct args *a)
{
	return a->json ? bad_usage("--json goes with inspect", "") : show_files(a, show_list);
}

static int do_inspect(const struct args *a)
{
	return show_files(a, show_details);
}

static int do_extract(const struct args *a)
{
	struct extract_opts opts = {
		.folder = a->folder, .session = a->session, .secrets = a->secrets
	};
	struct dialog *d;
	unsigned n;
	char *why;
	int err, status = 0;

	if (!a->folder)
		return bad_usage("extract needs -o DIR", "");
	if (a->n_files != 1)
		return bad_usage("extract takes one file", "");
	if (!(d = read_file(a->files[0])))
		return EXIT_USAGE;
	err = extract_all(d, &opts, &n, &why);
	if (err) {
		fprintf(stderr, "beagle-captures: %s\n", why ? why : "extract failed");
		free(why);
		status = EXIT_USAGE;
	} else {
		printf("%u files in %s\n", n, a->folder);
		status = finish_output();
	}
	if (d->file.end != DIALOG_COMPLETE)
		status = EXIT_USAGE;
	dialog_free(d);
	return status;
}

static const struct {
	const char *name;
	int (*run)(const struct args *a);
} commands[] = {
	{ "list", do_list },
	{ "inspect", do_inspect },
	{ "extract", do_extract },
};

enum { FLAG_JSON = 256, FLAG_SECRETS, FLAG_SESSION, FLAG_VERSION };
static const struct option flags[] = {
	{ "json", no_argument, NULL, FLAG_JSON },
	{ "secrets", no_argument, NULL, FLAG_SECRETS },
	{ "session", required_argument, NULL, FLAG_SESSION },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, FLAG_VERSION },
	{ 0 },
};

/* -1: go on; else the exit code. */
static int read_flags(int argc, char **argv, struct args *a)
{
	int flag;

	while ((flag = getopt_long(argc, argv, "ho:", flags, NULL)) != -1) {
		uint64_t n;
		switch (flag) {
		case FLAG_JSON: a->json = true; break;
		case FLAG_SECRETS: a->secrets = true; break;
		case 'o': a->folder = optarg; break;
		case FLAG_SESSION:
			if (!bytes_to_u64(bytes_str(optarg), UINT32_MAX, &n))
				return bad_usage("--session takes a number, not ", optarg);
			a->session = (int64_t)n;
			break;
		case 'h': fputs(usage, stdout); return finish_output();
		case FLAG_VERSION: puts("beagle-captures " BEAGLE_VERSION); return finish_output();
		default: return EXIT_USAGE; /* getopt has said which, in its one line */
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct args a = { .session = -1 };
	int status = read_flags(argc, argv, &a);

	if (status >= 0)
		return status;
	if (optind == argc)
		return bad_usage("no command", "");
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		a.files = argv + optind + 1;
		a.n_files = argc - optind - 1;
		if (a.n_files == 0)
			return bad_usage("no file given", "");
		return commands[i].run(&a);
	}
	return bad_usage("unknown command ", argv[optind]);
}
