/* SPDX-License-Identifier: MIT */
#include <sys/resource.h>
#include <unistd.h>

#include "server/args.h"
#include "server/base/log.h"
#include "server/base/os.h"
#include "server/certificates.h"
#include "server/core/module_load.h"
#include "server/core/server.h"
#include "server/modules/modules.h"
#include "server/notify.h"
#include "server/privileges.h"
#include "server/sandbox.h"
#include "server/service.h"
#include "server/takeover.h"

/* As many descriptors as we may have: each TCP client takes one. */
static void raise_limits(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l); /* refused: EMFILE pauses the listener */
	}
}

/* What the preferences are made from, again and again. */
struct args {
	struct certificates certificates;
	struct file_reader files;
	int n;
	char **v;
	struct prefs *now;
	struct module_list modules;
};

/* The certificates' files are read again; a bad one changes nothing. */
static void reload_certificates(struct server *s, const struct args *a)
{
	char why[PREFS_WHY];
	struct tls_context *next = certificates_load(&a->certificates, &a->files, why);

	if (!next && !*why)
		return;
	if (next && server_use_tls(s, next, why) == 0) {
		s->tls_reloads++;
		log_write(LOG_I, "tls", "certificates read again");
	} else {
		s->tls_reloads_failed++;
		log_write(LOG_E, "tls", "%s: the certificates stay as they were", why);
	}
	tls_context_unref(next);
}

/* SIGHUP: the command line and its files are read again. What is bad in them changes nothing. */
static void reload(struct server *s, void *arg)
{
	struct args *a = arg;
	char why[PREFS_WHY];
	struct prefs *next = prefs_new();

	if (args_reread(next, a->n, a->v, why) != 0 ||
		module_list_prefs(&a->modules, next, why) != 0) {
		log_write(LOG_E, "prefs", "%s: all stays as it was", why);
		prefs_free(next);
		return;
	}
	server_reload(s, next);
	prefs_free(a->now);
	a->now = next;
	log_write(LOG_I, "prefs", "read again");
	reload_certificates(s, a);
}

/* Modules and their preferences. -1: go on; else the exit code. */
static int load_modules(struct args *a, char *why)
{
	size_t n;
	const struct module *const *own = modules_list(&n);

	if (module_list_init(
		    &a->modules, a->now->module_folder, a->now->strict_modules, own, n, why) != 0 ||
		module_list_prefs(&a->modules, a->now, why) != 0)
		return args_complain(why);
	if (!a->now->list_modules)
		return -1;
	module_list_print(&a->modules, stdout);
	return EXIT_OK;
}

/* Certificates are there when the first connection comes. */
static int use_certificates(struct server *s, struct args *a, char *why)
{
	struct tls_context *c = certificates_load(&a->certificates, &a->files, why);
	int err = !c && *why ? ERR_SYNTAX : server_use_tls(s, c, why);

	tls_context_unref(c);
	return err;
}

/* What is read again at SIGHUP, and may be for root alone. `leaves_root`: somebody must stay who can. */
static int open_files(struct args *a, bool leaves_root, char *why)
{
	const struct prefs *p = a->now;
	const char *const paths[] = { p->auth_users, p->auth_groups, p->auth_rules,
		p->auth_sign_key };
	int err = certificates_open(&a->certificates, p, &a->files, why);

	for (size_t i = 0; !err && i < COUNT(paths); i++)
		err = file_reader_add(&a->files, paths[i]);
	return !err && leaves_root ? file_reader_start(&a->files, why) : err;
}

/* All that needs root's rights, or nobody else's threads. 0 or an error with `why`. */
static int open_server(struct server *s, struct args *a, struct takeover *t,
	const struct privileges *user, char *why)
{
	const struct prefs *p = a->now;
	int err = notify_listeners(&t->given);

	if (err)
		(void)snprintf(why, PREFS_WHY, "LISTEN_FDS: %s", err_text(err));
	if (!err)
		err = takeover_ask(t, p->takeover, why);
	if (!err)
		err = server_init(s, p, a->modules.all, a->modules.n, &t->given, why);
	s->files = &a->files;
	if (!err)
		err = use_certificates(s, a, why);
	if (!err)
		err = takeover_listen(t, p, why);
	if (!err)
		err = privileges_drop(user, why);
	/* as whom we are now */
	return err ? err : service_check_files(p, why);
}

/* Answered by a worker that is through with its start, its modules' included. */
static void has_begun(struct worker *w, void *arg, tick_t now)
{
	(void)w;
	(void)arg;
	(void)now;
}

/* From the first thread to the last; the exit code. */
static int run(struct server *s, struct args *a, struct takeover *t, const struct privileges *user)
{
	const struct service_hooks hooks = { .reload = reload, .arg = a };
	char url[DOOR_URL], why[PREFS_WHY] = "";

	*s = (struct server){ .prefs = a->now };
	if (open_files(a, user->is_wanted && geteuid() == 0, why) != 0 ||
		open_server(s, a, t, user, why) != 0)
		return args_complain(why);
	listener_store_clear(&t->given); /* at those addresses nobody listens from now on */
	takeover_start(t, s);
	server_start(s);
	server_ask(s, has_begun, NULL);
	int err = sandbox_start(a->now, why);
	if (!err)
		err = takeover_ready(t, why);
	if (!err) {
		for (size_t i = 0; i < s->n_doors; i++)
			printf("listening %s\n", door_url(&s->doors[i], url));
		fflush(stdout);
	}
	if (err ? !server_stop(s) : !service_run(s, t, &hooks)) {
		/* a thread is stuck in the kernel, and what it will touch cannot be freed */
		log_write(LOG_W, "server", "a disk has not answered: ending without it");
		_exit(EXIT_OK);
	}
	return err ? args_complain(why) : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct args args = { .n = argc, .v = argv, .now = prefs_new() };
	struct server server;
	struct takeover takeover;
	struct privileges user = { .is_wanted = false };
	char why[PREFS_WHY] = "";
	enum log_level level = LOG_W;

	log_start(os_now(), level);
	file_reader_init(&args.files);
	takeover_init(&takeover);
	int code = args_read(args.now, argc, argv);
	if (code < 0) {
		if (log_level_read(args.now->log, &level))
			log_set_level(level);
		code = load_modules(&args, why);
	}
	if (code < 0) {
		if (service_check_files(args.now, why) != 0 ||
			privileges_read(&user, args.now, why) != 0) {
			code = args_complain(why);
		} else {
			service_block_signals();
			raise_limits();
			code = run(&server, &args, &takeover, &user);
			server_clear(&server);
		}
	}
	certificates_close(&args.certificates);
	file_reader_close(&args.files);
	takeover_close(&takeover);
	privileges_clear(&user);
	prefs_free(args.now);
	module_list_clear(&args.modules);
	return code;
}
