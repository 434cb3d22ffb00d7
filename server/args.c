/* SPDX-License-Identifier: MIT */
#include "server/args.h"

#include <stdlib.h>
#include <string.h>

#include "server/access.h"
#include "server/base/os.h"
#include "server/describe.h"
#include "server/modules/fault.h"
#include "server/modules/modules.h"

int args_complain(const char *why)
{
	fprintf(stderr, "beagle-server: %s\n", why);
	return EXIT_USAGE;
}

/* Of those that are linked in. */
static void print_module_prefs(FILE *f)
{
	char prefix[64];
	size_t n;
	const struct module *const *list = modules_list(&n);

	fprintf(f, "\nPreferences of modules:\n");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(prefix, sizeof prefix, "%s.", list[i]->name);
		pref_table_help(&(struct pref_table){ prefix, list[i]->prefs, list[i]->n_prefs },
			"--set ", f);
	}
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: beagle-server [FLAG...]\n"
		"A reference RTSP/RTP streaming server. Serves /pattern/... and the files of a folder,\n"
		"or a built-in /clip.mp4. Prints 'listening rtsp://ADDRESS:PORT/' when it is ready;\n"
		"SIGTERM ends it, SIGUSR1 writes statistics and status, SIGHUP reads flags and file again.\n\n"
		"  --root DIR                         = --movie-folder\n"
		"  --port N                           = --rtsp-port\n"
		"  --listen [rtsp[s]://]ADDR[:PORT]   in place of --bind-ip-addr; may be repeated\n"
		"  --workers N                        = --run-num-threads\n"
		"  --config FILE                      INI file of 'name = value' lines, names as below\n"
		"  --profile NAME                     sets a group of preferences, see below\n"
		"  --stats FILE                       counters as JSON, at the end and on SIGUSR1\n"
		"  --status FILE                      = --status-file\n"
		"  --access-log FILE                  W3C log, one line per session or failed request\n"
		"  --error-log FILE                   the log's lines with date and time, beside stderr\n"
		"  --modules DIR                      = --module-folder\n"
		"  --strict-modules                   = --strict-modules 1\n"
		"  --set MODULE.NAME=VALUE            a module's preference, as NAME in [MODULE] of a file\n"
		"  --list-modules                     prints them, their preferences and counters, and ends\n"
		"  --fault NAME[=VALUE]               misbehave on purpose; may be repeated\n"
		"  --seed N                           of the faults' randomness (default 1)\n"
		"  --list-faults                      prints the faults and ends\n"
		"  --describe FILE [--json] [--quick] prints what would be sent of FILE (tracks, packets,\n"
		"                                     SDP, what is left out) and ends; --quick reads the\n"
		"                                     tables only. Exit 1: it cannot be streamed\n"
		"  --hash-password USER[:REALM]       reads a password, prints the line for --auth-users, and ends\n"
		"  --sign-url URL --expires SECONDS|@UNIX [--client ADDRESS] --auth-sign-key FILE\n"
		"                                     prints the URL, signed, and ends\n"
		"  --help, --version\n\n"
		"Preferences:\n");
	prefs_help(f);
	print_module_prefs(f);
	fprintf(f, "\nProfiles (what is set after one holds):\n");
	prefs_help_profiles(f);
}

static int set_seed(struct prefs *p, const char *value, char *why)
{
	if (bytes_to_u64(bytes_str(value), UINT64_MAX, &p->seed))
		return 0;
	(void)snprintf(why, PREFS_WHY, "--seed must be a number, not '%.60s'", value);
	return ERR_SYNTAX;
}

static int set_fault(struct prefs *p, const char *value, char *why)
{
	int err = prefs_add_fault(p, value);
	if (err)
		(void)snprintf(why, PREFS_WHY, "--fault: at most %d", PREFS_FAULTS_MAX);
	return err;
}

static int set_stats(struct prefs *p, const char *value, char *why)
{
	(void)why;
	free(p->stats_file);
	p->stats_file = xstrdup(value);
	return 0;
}

static int set_of_module(struct prefs *p, const char *value, char *why)
{
	return prefs_set_module(p, value, "--set", why);
}

/* Flags beside the preferences: a short name of one, or a function. */
static const struct flag {
	const char *name, *pref;
	int (*set)(struct prefs *p, const char *value, char *why);
} flags[] = {
	{ "root", "movie_folder", NULL },
	{ "port", "rtsp_port", NULL },
	{ "workers", "run_num_threads", NULL },
	{ "status", "status_file", NULL },
	{ "modules", "module_folder", NULL },
	{ "set", NULL, set_of_module },
	{ "config", NULL, prefs_read_file },
	{ "profile", NULL, prefs_set_profile },
	{ "stats", NULL, set_stats },
	{ "access-log", "accesslog.file", NULL },
	{ "error-log", "errorlog.file", NULL },
	{ "fault", NULL, set_fault },
	{ "seed", NULL, set_seed },
};

/* A short name of a preference, of the server or of a module. */
static int set_alias(struct prefs *p, const struct flag *f, const char *value, char *why)
{
	if (!strchr(f->pref, '.'))
		return prefs_set(p, f->pref, value, why);
	char *where = xasprintf("--%s", f->name), *text = xasprintf("%s=%s", f->pref, value);
	int err = prefs_set_module(p, text, where, why);
	free(where);
	free(text);
	return err;
}

static int set_flag(struct prefs *p, const char *name, const char *value, char *why)
{
	for (size_t i = 0; i < COUNT(flags); i++) {
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].pref ? set_alias(p, &flags[i], value, why)
					     : flags[i].set(p, value, why);
	}
	int err = prefs_set(p, name, value, why);
	if (err == ERR_NOT_FOUND)
		(void)snprintf(why, PREFS_WHY, "unknown flag --%.60s (see --help)", name);
	return err;
}

/* One argument that begins at argv[*i]: 0 or an error. "--name=value" and "--name value". */
static int read_flag(struct prefs *p, int argc, char **argv, int *i, char *why)
{
	char name[64];
	const char *arg = argv[*i], *value;
	size_t n = strcspn(arg, "=");

	if (strncmp(arg, "--", 2) != 0 || n < 3 || n - 2 >= sizeof name) {
		(void)snprintf(why, PREFS_WHY, "unexpected '%.80s' (see --help)", arg);
		return ERR_SYNTAX;
	}
	if (strcmp(arg, "--list-modules") == 0) {
		p->list_modules = true;
		return 0;
	}
	if (strcmp(arg, "--strict-modules") == 0)
		return prefs_set(p, arg + 2, "1", why);
	memcpy(name, arg + 2, n - 2);
	name[n - 2] = '\0';
	if (arg[n] == '=') {
		value = arg + n + 1;
	} else if (*i + 1 < argc) {
		value = argv[++*i];
	} else {
		if (set_flag(p, name, "", why) != ERR_NOT_FOUND) /* which says that there is none */
			(void)snprintf(why, PREFS_WHY, "--%s needs a value (see --help)", name);
		return ERR_SYNTAX;
	}
	return set_flag(p, name, value, why);
}

/* --describe FILE with its own flags, and no others: serves nothing. */
static int describe_file(int argc, char **argv)
{
	struct describe_options o = { .path = NULL };

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--describe=", 11) == 0)
			o.path = argv[i] + 11;
		else if (strcmp(argv[i], "--describe") == 0 && i + 1 < argc)
			o.path = argv[++i];
		else if (strcmp(argv[i], "--json") == 0)
			o.as_json = true;
		else if (strcmp(argv[i], "--quick") == 0)
			o.is_quick = true;
		else
			return args_complain(
				"usage: --describe FILE [--json] [--quick], and nothing else");
	}
	int code = describe(&o, stdout, stderr);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)args_complain("the description could not be written");
		return EXIT_FAILED;
	}
	return code;
}

int args_reread(struct prefs *p, int argc, char **argv, char *why)
{
	int err = 0;

	for (int i = 1; i < argc && !err; i++)
		err = read_flag(p, argc, argv, &i, why);
	return err;
}

int args_read(struct prefs *p, int argc, char **argv)
{
	char why[PREFS_WHY];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage(stdout);
			return EXIT_OK;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("beagle-server %s\n", BEAGLE_VERSION);
			return EXIT_OK;
		}
		if (strcmp(argv[i], "--list-faults") == 0) {
			faults_list(stdout);
			return EXIT_OK;
		}
		if (strncmp(argv[i], "--describe", 10) == 0 &&
			(argv[i][10] == '\0' || argv[i][10] == '='))
			return describe_file(argc, argv);
		if (access_is_flag(argv[i], "--hash-password"))
			return access_hash_password(argc, argv);
		if (access_is_flag(argv[i], "--sign-url"))
			return access_sign_url(argc, argv);
		if (read_flag(p, argc, argv, &i, why) != 0)
			return args_complain(why);
	}
	return -1;
}
