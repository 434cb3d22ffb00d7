/* SPDX-License-Identifier: MIT */
#include "server/core/module_load.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/base/log.h"
#include "server/base/os.h"

enum { NAME_MAX_BYTES = 32 };

static int is_module_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 3 && d->d_name[0] != '.' && strcmp(d->d_name + n - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return n > 0 && n <= NAME_MAX_BYTES && s[n] == '\0' && strcmp(s, "server") != 0;
}

static bool is_taken(const struct module_list *l, const struct module *const *own, size_t n_own,
	const char *name)
{
	for (size_t i = 0; i < l->n_loaded; i++) {
		if (strcmp(l->copies[i]->name, name) == 0)
			return true;
	}
	for (size_t i = 0; i < n_own; i++) {
		if (strcmp(own[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* NULL: it fits; else why not. Of another version nothing but the number may be looked at. */
static const char *misfit(const struct module *m, char *why, size_t cap)
{
	if (m->api_version != MODULE_API)
		(void)snprintf(why, cap, "made for version %u of the module interface, this is %u",
			m->api_version, (unsigned)MODULE_API);
	else if (m->struct_size != sizeof *m || m->layout != MODULE_LAYOUT || !m->rows ||
		 strcmp(m->rows, module_rows) != 0)
		(void)snprintf(why, cap,
			"compiled against other headers than the server: compile it again");
	else if (!m->name || !is_name(m->name))
		(void)snprintf(why, cap, "its name is none (a-z, 0-9, _)");
	else
		return NULL;
	return why;
}

/* One line of the loader's text, which tends to have several. */
static const char *loader_error(char *text, size_t cap)
{
	const char *e = dlerror();

	(void)snprintf(text, cap, "%s", e ? e : "unknown error");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* NULL: loaded; else why not. */
static const char *load(struct module_list *l, const struct module *const *own, size_t n_own,
	const char *path, char *why, size_t cap)
{
	struct stat st;

	if (l->n_loaded == MODULES_LOADED_MAX)
		return "too many modules";
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return "not a regular file"; /* the loader would wait for a FIFO's writer */
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return loader_error(why, cap);
	const struct module *m = dlsym(handle, MODULE_SYMBOL);
	const char *bad = m ? misfit(m, why, cap) : "has no symbol " MODULE_SYMBOL;
	if (!bad && is_taken(l, own, n_own, m->name)) {
		(void)snprintf(why, cap, "there is a module '%s' already", m->name);
		bad = why;
	}
	if (bad) {
		(void)dlclose(handle); /* none of it was used */
		return bad;
	}
	struct module *copy = xmalloc(sizeof *copy);
	*copy = *m;
	copy->is_loaded = true;
	l->copies[l->n_loaded] = copy;
	l->files[l->n_loaded] = xstrdup(path);
	l->handles[l->n_loaded++] = handle;
	return NULL;
}

static int load_folder(struct module_list *l, const char *folder, bool strict,
	const struct module *const *own, size_t n_own, char *why)
{
	struct dirent **found = NULL;
	int err = 0, n = scandir(folder, &found, is_module_file, by_name);

	if (n < 0) {
		err = -errno;
		(void)snprintf(why, PREFS_WHY, "module_folder %.150s: %s", folder, err_text(err));
		return err;
	}
	for (int i = 0; i < n; i++) {
		char reason[PREFS_WHY];
		char *path = xasprintf("%s/%s", folder, found[i]->d_name);
		const char *bad = err ? NULL : load(l, own, n_own, path, reason, sizeof reason);
		if (bad && strict) {
			(void)snprintf(
				why, PREFS_WHY, "module %.60s: %.180s", found[i]->d_name, bad);
			err = ERR_UNSUPPORTED;
		} else if (bad) {
			log_write(LOG_W, "module", "%s is left out: %s", found[i]->d_name, bad);
		}
		free(path);
		free(found[i]);
	}
	free(found);
	return err;
}

int module_list_init(struct module_list *l, const char *folder, bool strict,
	const struct module *const *own, size_t n, char *why)
{
	*l = (struct module_list){ .all = NULL };
	int err = *folder ? load_folder(l, folder, strict, own, n, why) : 0;

	l->all = xcalloc(l->n_loaded + n, sizeof *l->all);
	for (size_t i = 0; i < l->n_loaded; i++)
		l->all[l->n++] = l->copies[i];
	for (size_t i = 0; i < n; i++)
		l->all[l->n++] = own[i];
	return err;
}

void module_list_clear(struct module_list *l)
{
	for (size_t i = 0; i < l->n_loaded; i++) {
		free(l->copies[i]);
		free(l->files[i]);
		(void)dlclose(l->handles[i]); /* the process ends */
	}
	free(l->all);
	*l = (struct module_list){ .all = NULL };
}

static void on_unclaimed(void *arg, const char *where, const char *module)
{
	(void)arg;
	log_write(LOG_W, "prefs", "%s: there is no module '%s'", where, module);
}

int module_list_prefs(const struct module_list *l, struct prefs *p, char *why)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct module *m = l->all[i];
		int err = prefs_add_module(p, m->name, m->prefs, m->n_prefs, m->prefs_size, why);
		if (err)
			return err;
	}
	prefs_unclaimed(p, on_unclaimed, NULL);
	return 0;
}

void module_list_print(const struct module_list *l, FILE *f)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct module *m = l->all[i];
		char prefix[NAME_MAX_BYTES + 2];
		(void)snprintf(prefix, sizeof prefix, "%s.", m->name);
		fprintf(f, "%s (%s)\n", m->name, i < l->n_loaded ? l->files[i] : "linked in");
		pref_table_help(&(struct pref_table){ prefix, m->prefs, m->n_prefs }, "--set ", f);
		for (size_t k = 0; k < m->n_stats; k++)
			fprintf(f, "  counter %-26s %s\n", m->stats[k].name, m->stats[k].text);
	}
}
