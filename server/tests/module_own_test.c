/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* What a module declares, and how it begins and ends (server/core/module.h). */

/* What the test's modules have seen; one test at a time. */
static struct seen {
	int states[8], n_states;
	int n_lines, n_own;
	int workers, workers_strange;
	int shutdowns, prefs_changed, prefs_refused;
} seen;

/* ---- life ---- */

static void on_state(struct module *self, enum server_state state)
{
	(void)self;
	if (seen.n_states < (int)COUNT(seen.states))
		seen.states[seen.n_states++] = (int)state;
}

static int on_worker(struct module *self, struct worker *w)
{
	(void)self;
	seen.workers++;
	seen.workers_strange += !pthread_equal(w->loop.thread, pthread_self()) || w->loop.turns > 0;
	return 0;
}

static void on_line(struct module *self, struct bytes line)
{
	(void)self;
	seen.n_lines += bytes_find(line, B("a line for all")) < line.n;
	seen.n_own += bytes_find(line, B("its own")) < line.n;
	CU_ASSERT_TRUE(line.n > 0 && line.p[line.n - 1] != '\n');
	log_write(LOG_E, "test", "its own line is not told again");
}

struct own_prefs {
	int64_t number;
	char *text, *word;
};
static const struct pref_row own_rows[] = {
	MODULE_NUM(own_prefs, number, 5, 1, 10, "things", "a number"),
	MODULE_STR(own_prefs, text, "abc", "a text"),
	MODULE_WORD(own_prefs, word, "red", "red green", "a colour"),
};
static const struct module_stat own_stats[] = { { "one", "first" }, { "two", "second" } };

static int on_prefs(struct module *self, const struct prefs *p, char *why)
{
	const struct own_prefs *mine = module_prefs(self, p);

	seen.prefs_changed++;
	if (mine->number == 7) {
		(void)snprintf(why, PREFS_WHY, "seven is not for me");
		return ERR_RANGE;
	}
	return 0;
}

static void on_shutdown(struct module *self)
{
	(void)self;
	seen.shutdowns++;
}

static const struct module own = { MODULE_HEAD("own"), MODULE_PREFS(own_prefs, own_rows),
	MODULE_STATS(own_stats), .prefs_changed = on_prefs, .worker_init = on_worker,
	.state_changed = on_state, .error_log = on_line, .shutdown = on_shutdown };

static int add(struct prefs *p, char *why)
{
	return prefs_add_module(p, own.name, own.prefs, own.n_prefs, own.prefs_size, why);
}

static void drop_line(void *arg, const char *line, size_t n)
{
	(void)n;
	if (strstr(line, "own keeps what it had: seven is not for me"))
		++*(int *)arg;
}

static void t_reread(void)
{
	struct sim s;
	const struct module *const list[] = { &own };
	struct prefs *next = prefs_new();
	char why[PREFS_WHY];

	seen = (struct seen){ .n_states = 0 };
	sim_open_modules(&s, 2, list, 1, "own.number=3");
	const struct module *m = s.server.modules[2];
	CU_ASSERT_EQUAL(((const struct own_prefs *)module_prefs(m, s.workers[1].prefs))->number, 3);
	CU_ASSERT_EQUAL(prefs_set_module(next, "own.number=7", "test", why), 0);
	for (int i = 0; i < 2; i++) /* those that stand before it */
		CU_ASSERT_EQUAL(prefs_add_module(next, i ? "file" : "pattern", NULL, 0, 0, why), 0);
	CU_ASSERT_EQUAL(add(next, why), 0);
	log_sink(drop_line, &seen.prefs_refused);
	server_reload(&s.server, next);
	log_sink(NULL, NULL);
	CU_ASSERT_EQUAL(seen.prefs_changed, 1);
	CU_ASSERT_EQUAL(seen.prefs_refused, 1);
	CU_ASSERT_EQUAL(((const struct own_prefs *)module_prefs(m, s.workers[1].prefs))->number, 7);
	sim_close(&s);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(next);
}

static void swallow(void *arg, const char *line, size_t n)
{
	(void)arg;
	(void)line;
	(void)n;
}

static void t_states_and_lines(void)
{
	static const int want[] = { SERVER_RUNNING, SERVER_REFUSING, SERVER_RUNNING,
		SERVER_SHUTTING_DOWN };
	struct server server;
	struct prefs *p = prefs_new();
	const struct module *const list[] = { &own };
	char why[PREFS_WHY];

	seen = (struct seen){ .n_states = 0 };
	CU_ASSERT_EQUAL_FATAL(prefs_set(p, "run_num_threads", "1", why), 0);
	CU_ASSERT_EQUAL_FATAL(add(p, why), 0);
	log_sink(swallow, NULL);
	CU_ASSERT_EQUAL_FATAL(server_init(&server, p, list, 1, NULL, why), 0);
	server_start(&server);
	server_note_room(&server, false);
	server_note_room(&server, false);
	server_note_room(&server, true);
	log_write(LOG_E, "test", "a line for all");
	CU_ASSERT_TRUE(server_stop(&server));
	server_note_room(&server, true);
	server_set_state(&server, SERVER_RUNNING);
	server_clear(&server);
	log_write(LOG_E, "test", "a line for all, after its end");
	log_sink(NULL, NULL);
	CU_ASSERT_EQUAL_FATAL(seen.n_states, 4);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(seen.states[i], want[i]);
	CU_ASSERT_EQUAL(seen.workers, 1);
	CU_ASSERT_EQUAL(seen.workers_strange, 0);
	CU_ASSERT_EQUAL(seen.n_lines, 1);
	CU_ASSERT_EQUAL(seen.n_own, 0);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(p);
}

/* ---- preferences ---- */

/* A file with this text, read: what prefs_read_file answers. */
static int read_ini(struct prefs *p, const char *text, char *why)
{
	char path[] = "/tmp/beagle-module-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd); /* it is written */
	int err = prefs_read_file(p, path, why);
	(void)unlink(path);
	return err;
}

static void unclaimed(void *arg, const char *where, const char *module)
{
	char *text = arg;
	size_t n = strlen(text);
	(void)snprintf(text + n, 256 - n, "%s %s;", strrchr(where, ':'), module);
}

static void t_section(void)
{
	struct prefs p;
	char why[PREFS_WHY], told[256] = "";

	prefs_init(&p);
	CU_ASSERT_EQUAL(read_ini(&p,
				"rtp_timeout = 7\n[own]\nnumber = 9\ntext = x y\n[absent]\n"
				"this = that\nmore = 1\n[server]\nrtsp_port = 1\n",
				why),
		0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.word=g", "--set", why), 0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=10", "--set", why), 0);
	CU_ASSERT_EQUAL(add(&p, why), 0);
	const struct own_prefs *mine = p.modules[0].values;
	CU_ASSERT_EQUAL(mine->number, 10);
	CU_ASSERT_STRING_EQUAL(mine->text, "x y");
	CU_ASSERT_STRING_EQUAL(mine->word, "green");
	CU_ASSERT_EQUAL(p.rtp_timeout, 7);
	CU_ASSERT_EQUAL(p.rtsp_port, 1);
	prefs_unclaimed(&p, unclaimed, told);
	CU_ASSERT_STRING_EQUAL(told, ":6 absent;");
	prefs_clear(&p);
}

static void t_bad_section(void)
{
	static const struct {
		const char *ini, *why;
	} cases[] = {
		{ "\n[own]\n; a remark\nnumber = 11\n",
			":4: own.number must be 1 to 10 (things), not '11'" },
		{ "[own]\nword = blue\n", ":2: own.word must be one of: red green; not 'blue'" },
		{ "[own]\nnumbr = 1\n", ":2: module own has no preference 'numbr'" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct prefs p;
		char why[PREFS_WHY] = "";
		prefs_init(&p);
		CU_ASSERT_EQUAL(read_ini(&p, cases[i].ini, why), 0);
		CU_ASSERT_NOT_EQUAL(add(&p, why), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		prefs_clear(&p);
	}
}

static void t_bad_setting(void)
{
	static const char *const bad[] = { "", "own", "own.number", "=1", ".number=1", "own.=1",
		"number=1" };
	struct prefs p;
	char why[PREFS_WHY];

	prefs_init(&p);
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(prefs_set_module(&p, bad[i], "--set", why), ERR_SYNTAX);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.text=a=b.c", "--set", why), 0);
	for (int i = 1; i < PREFS_SETTINGS_MAX; i++)
		CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=1", "--set", why), 0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=1", "--set", why), ERR_LIMIT);
	CU_ASSERT_EQUAL(add(&p, why), 0);
	CU_ASSERT_STRING_EQUAL(((const struct own_prefs *)p.modules[0].values)->text, "a=b.c");
	prefs_clear(&p);
}

/* ---- counters ---- */

static const struct module bare = { MODULE_HEAD("bare") };

static void t_counters(void)
{
	struct sim s;
	const struct module *const list[] = { &own, &bare };
	char path[] = "/tmp/beagle-module-XXXXXX", *text;
	size_t n;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	(void)close(fd); /* only the name is wanted */
	seen = (struct seen){ .n_states = 0 };
	sim_open_modules(&s, 2, list, 2, NULL);
	module_stats(s.server.modules[2], &s.workers[0])[0] += 3;
	module_stats(s.server.modules[2], &s.workers[1])[0] += 4;
	module_stats(s.server.modules[2], &s.workers[1])[1] += 1;
	CU_ASSERT_EQUAL(server_write_stats(&s.server, path, s.clock), 0);
	CU_ASSERT_EQUAL_FATAL(os_read_file(path, 1 << 20, &text, &n), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "\"modules\": {\n    \"own\": { \"one\": 7, \"two\": 1 }\n  },"));
	free(text);
	(void)unlink(path);
	sim_close(&s);
}

/* ---- modules that cannot be had ---- */

static int refuse(struct module *self, const struct prefs *p, char *why)
{
	(void)self;
	(void)p;
	(void)snprintf(why, PREFS_WHY, "there is no licence");
	return -ENOENT;
}
static const struct module loaded_refuser = { MODULE_HEAD("refuser"), .is_loaded = true,
	.init = refuse, .shutdown = on_shutdown };
static const struct module own_refuser = { MODULE_HEAD("refuser"), .init = refuse,
	.shutdown = on_shutdown };

/* What a server answers that is made of these and mod_pattern, and how many modules it has. */
static int init_with(const struct module *m, bool strict, size_t *n, char *why)
{
	struct server server;
	struct prefs *p = prefs_new();
	const struct module *const list[] = { m, &mod_pattern };

	CU_ASSERT_EQUAL(prefs_set(p, "strict_modules", strict ? "1" : "0", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "run_num_threads", "1", why), 0);
	seen = (struct seen){ .n_states = 0 };
	log_sink(swallow, NULL);
	int err = server_init(&server, p, list, 2, NULL, why);
	log_sink(NULL, NULL);
	*n = server.n_modules;
	server_clear(&server);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(p);
	return err;
}

static void t_refuses(void)
{
	char why[PREFS_WHY];
	size_t n;

	CU_ASSERT_EQUAL(init_with(&loaded_refuser, false, &n, why), 0);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(init_with(&loaded_refuser, true, &n, why), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why, "there is no licence");
	CU_ASSERT_EQUAL(init_with(&own_refuser, false, &n, why), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why, "there is no licence");
}

UNIT_SUITE(module_own, { "prefs_changed may refuse, and is logged", t_reread },
	{ "states come in order and once; the log is heard until the end", t_states_and_lines },
	{ "a section fills the module's struct, what is said last holds", t_section },
	{ "a bad line of a section is named with file and line", t_bad_section },
	{ "--set wants module.name=value, and not without end", t_bad_setting },
	{ "counters of all workers stand in the statistics", t_counters },
	{ "an init that refuses: a loaded module is left out, one of ours ends the start",
		t_refuses });
