#!/bin/bash
# SPDX-License-Identifier: MIT
# Modules that are loaded: the guide of the README followed to the letter, the sample, and all that cannot be
# loaded. What is compiled here is compiled outside the tree, in an empty folder.
. server/tests/lib.sh
CC=${CC:-gcc}
ROOT=$PWD
BUILD=${BUILD:-build}

# as rtsp, without CRs
say() { rtsp "$1" | tr -d '\r'; }
request() { printf '%s %s RTSP/1.0\\r\\nCSeq: 1\\r\\nConnection: close\\r\\n\\r\\n' "$1" "$URL$2"; }
status() { sed -n '1s#^RTSP/1.0 \([0-9]*\).*#\1#p'; }
errors() { ls -t "$TMP"/server.*.err | head -n 1; }
# compile NAME FOLDER [OPTION...]: the C of standard input, out of the tree
compile() {
	local name=$1 folder=$2
	shift 2
	(cd "$TMP" && cat >"$name.c" &&
		$CC -shared -fPIC -D_GNU_SOURCE "$@" -I "$ROOT" -o "$folder/$name.so" "$name.c" -pthread)
}

if ! command -v "$CC" >/dev/null; then
	skip "modules are compiled here, and there is no compiler"
	exit 0
fi
if [ -n "${SAN-}" ]; then
	skip "what the program exports: the sanitizers export more"
else
	nm -D --defined-only "$BIN/beagle-server" | awk '$2 == "T" { print $3 }' | sort >"$TMP/exported"
	sed 's#/\*.*\*/##; /^\/\*/,/\*\/$/d' server/core/module.list | tr -d '{}' | tr ';\t ' '\n\n\n' |
		grep -E '^[a-z]' | sort >"$TMP/listed"
	same "the program exports what module.list says, and nothing else" "" \
		"$(diff "$TMP/listed" "$TMP/exported")"
fi

# ---- the guide, as it stands in the README ----
mkdir "$TMP/hello"
awk '/^### Write a module/ { here = 1 } here && /^```$/ { if (in_c) exit; } in_c { print } here && /^```c$/ { in_c = 1 }' \
	server/README.md >"$TMP/hello/hello.c"
line=$(grep -m 1 '^gcc .*hello\.c' server/README.md | sed "s#~/beagle#$ROOT#g; s#^gcc#$CC#")
check "the guide's line compiles the guide's module" sh -c "cd '$TMP/hello' && $line"
if ! start_server --modules "$TMP/hello" --workers 2; then
	not_ok "the server starts with it"
	exit 1
fi
check "it answers as the guide says" grep -q '^hello, 127.0.0.1$' <(say "$(request OPTIONS /hello)")
same "and leaves the rest alone" 200 "$(say "$(request OPTIONS /)" | status)"
stop_server
same "the end is clean" 0 $?

# ---- the sample ----
if [ -f "$BUILD/modules/sample.so" ]; then
	printf 'log = info\n[sample]\ngreeting = hello\n' >"$TMP/sample.ini"
	start_server --modules "$BUILD/modules" --config "$TMP/sample.ini" --stats "$TMP/stats.json" --workers 2
	setup=$(printf 'SETUP %s/pattern/trackID=1 RTSP/1.0\\r\\nCSeq: 1\\r\\nTransport: RTP/AVP/TCP;unicast\\r\\nConnection: close\\r\\n\\r\\n' "$URL")
	check "sample: greets and counts the session's requests" \
		grep -q '^X-Greeting: hello 1$' <(say "$setup")
	check "sample: answers from its own thread" \
		grep -Eq '^127\.0\.0\.1 [^ ]+$' <(say "$(request OPTIONS /whoami)")
	printf 'log = info\n[sample]\ngreeting = good day\n[ghost]\nx = 1\n' >"$TMP/sample.ini"
	kill -HUP "$SERVER_PID"
	check "SIGHUP reads its section again" wait_for 10 grep -q 'read again' "$(errors)"
	check "and the new value holds" grep -q '^X-Greeting: good day 0$' <(say "$(request OPTIONS /)")
	check "a section of nobody is named" grep -q "sample.ini:5: there is no module 'ghost'" "$(errors)"
	printf '[sample]\ngreting = x\n' >"$TMP/sample.ini"
	kill -HUP "$SERVER_PID"
	check "an unknown name in a section is named with its line" wait_for 10 grep -q \
		"sample.ini:2: module sample has no preference 'greting': all stays" "$(errors)"
	stop_server
	same "sample: the end is clean" 0 $?
	same "its counters stand in the statistics" '{"asked":1,"refused":0,"greeted":1}' \
		"$(jq -c .modules.sample "$TMP/stats.json")"
	check "--list-modules has its rows" grep -q -- '--set sample.greeting' \
		<("$BIN/beagle-server" --modules "$BUILD/modules" --list-modules)
else
	skip "the sample: make modules has not been run"
fi

# ---- what cannot be loaded ----
mkdir "$TMP/bad"
compile version bad <<'C'
#include "server/core/module.h"
const struct module beagle_module = { .api_version = 99, .name = "version" };
C
compile layout bad <<'C'
#include "server/core/module.h"
const struct module beagle_module = { MODULE_HEAD("layout"), .layout = 1 };
C
# Headers that differ where no size does: fields change places, a counter has another name.
other_header() { # NAME HEADER SED
	mkdir -p "$TMP/$1/server/core"
	sed "$3" "server/core/$2" >"$TMP/$1/server/core/$2"
	! cmp -s "server/core/$2" "$TMP/$1/server/core/$2" || not_ok "$2 has no such line: $3"
	compile "$1" bad -I"$TMP/$1" <<C
#include "server/core/module.h"
const struct module beagle_module = { MODULE_HEAD("$1") };
C
}
other_header places rtsp_txn.h 's/struct addr peer, local;/struct addr local, peer;/'
other_header rows stats.h 's/X(requests_relayed,/X(requests_replayed,/'
compile symbol bad <<'C'
int something_else;
C
compile twice bad <<'C'
#include "server/core/module.h"
const struct module beagle_module = { MODULE_HEAD("file") };
C
compile name bad <<'C'
#include "server/core/module.h"
const struct module beagle_module = { MODULE_HEAD("No Name") };
C
compile private bad <<'C'
#include "server/core/server.h"
static void shutdown_module(struct module *self) { server_clear(self->server); }
const struct module beagle_module = { MODULE_HEAD("private"), .shutdown = shutdown_module };
C
compile init bad <<'C'
#include "server/core/module.h"
static int init(struct module *self, const struct prefs *p, char *why)
{
	(void)self, (void)p;
	snprintf(why, PREFS_WHY, "it is Sunday");
	return -1;
}
const struct module beagle_module = { MODULE_HEAD("init"), .init = init };
C
echo 'no ELF' >"$TMP/bad/text.so"
echo 'not looked at' >"$TMP/bad/README"
if start_server --modules "$TMP/bad" --workers 1; then
	err=$(errors)
	has() { check "left out, and named: $1" grep -q "W module $2" "$err"; }
	has "another version" 'version.so is left out: made for version 99 of the module interface'
	has "other headers" 'layout.so is left out: compiled against other headers'
	has "fields that changed places" 'places.so is left out: compiled against other headers'
	has "a counter that was renamed" 'rows.so is left out: compiled against other headers'
	has "no symbol" 'symbol.so is left out: has no symbol beagle_module'
	has "a name that is taken" "twice.so is left out: there is a module 'file' already"
	has "a name that is none" 'name.so is left out: its name is none'
	has "what the server does not export" 'private.so is left out: .*undefined symbol: server_clear'
	has "no ELF" 'text.so is left out: .*text.so'
	has "an init that refuses" 'init is left out: it is Sunday'
	same "one line for each" 10 "$(grep -c . "$err")"
	same "and the server serves" 200 "$(say "$(request OPTIONS /)" | status)"
	stop_server
	same "to a clean end" 0 $?
else
	not_ok "the server starts without them"
fi
says "--strict-modules: one that cannot be loaded ends the start" 2 'init.so: \|module ' --port 0 \
	--modules "$TMP/bad" --strict-modules
mkdir "$TMP/sunday" && cp "$TMP/bad/init.so" "$TMP/sunday"
says "--strict-modules: an init that refuses, too" 2 'it is Sunday' --port 0 --strict-modules --modules "$TMP/sunday"
says "a folder that is not there" 2 'module_folder' --port 0 --modules "$TMP/nowhere"
says "--set without a value" 2 "module.name=value" --port 0 --set file.x

# ---- the order ----
mkdir "$TMP/order"
for name in zebra ant; do
	echo "#include \"server/core/module.h\"
const struct module beagle_module = { MODULE_HEAD(\"$name\") };" | compile $name order
done
same "loaded modules are asked by name, before those that are linked in" "ant zebra auth" \
	"$("$BIN/beagle-server" --modules "$TMP/order" --list-modules | grep -v '^ ' | cut -d' ' -f1 | head -n 3 | xargs)"

# ---- a slow answer, and clients that do not wait for it ----
mkdir "$TMP/slow"
compile slow slow <<'C'
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/module.h"

struct job {
	struct txn_wait *wait;
	_Atomic int done, refs;
};

static void drop(struct job *j)
{
	if (--j->refs == 0)
		free(j);
}

static _Atomic int threads;

static void *work(void *arg)
{
	struct job *j = arg;
	usleep(300000);
	j->done = 1;
	txn_wait_signal(j->wait);
	txn_wait_drop(j->wait);
	drop(j);
	threads--;
	return NULL;
}

static enum verdict preprocess(struct module *self, struct rtsp_txn *t)
{
	struct job **slot = module_request_slot(self, t);
	pthread_t thread;

	if (*slot) {
		if (!(*slot)->done)
			return MOD_WAIT;
		rtsp_txn_answer(t, RTSP_FORBIDDEN, t->worker->loop.now);
		return MOD_DONE;
	}
	*slot = xcalloc(1, sizeof **slot);
	(*slot)->refs = 2;
	(*slot)->wait = txn_wait_take(t);
	threads++;
	if (pthread_create(&thread, NULL, work, *slot) != 0)
		die("no thread");
	pthread_detach(thread);
	return MOD_WAIT;
}

static void clear(struct module *self, void *slot)
{
	(void)self;
	if (*(struct job **)slot)
		drop(*(struct job **)slot);
}

static void shutdown_module(struct module *self)
{
	(void)self;
	while (threads)
		usleep(1000);
	usleep(20000); /* the last one is leaving */
}

const struct module beagle_module = { MODULE_HEAD("slow"),
	.shutdown = shutdown_module,
	.preprocess = preprocess,
	.request_slot = { sizeof(struct job *), clear } };
C
start_server --modules "$TMP/slow" --workers 2 --stats "$TMP/slow.json"
same "a slow module's answer comes" 403 "$(say "$(request OPTIONS /)" | status)"
for _ in $(seq 40); do
	exec 8<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf "$(request OPTIONS /)" >&8
	exec 8<&- 8>&-
done
same "after forty clients that did not wait for theirs, too" 403 "$(say "$(request OPTIONS /)" | status)"
stop_server
same "and the end is clean" 0 $?
same "no connection is left" "$(number "$TMP/slow.json" connections_accepted)" \
	"$(number "$TMP/slow.json" connections_closed)"

# ---- what the server has no need of, under seccomp ----
mkdir "$TMP/dup"
compile dup dup <<'C'
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/core/module.h"

static enum verdict preprocess(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	int fd = dup(0);
	rtsp_txn_answer(t, fd < 0 && errno == EPERM ? RTSP_FORBIDDEN : RTSP_OK, t->worker->loop.now);
	if (fd >= 0)
		close(fd);
	return MOD_DONE;
}

const struct module beagle_module = { MODULE_HEAD("dup"), .preprocess = preprocess };
C
if [ -n "${SAN-}" ]; then
	skip "seccomp: not in a build with sanitizers"
else
	start_server --modules "$TMP/dup" --seccomp refuse
	same "a call that only a module makes is refused" 403 "$(say "$(request OPTIONS /)" | status)"
	check "and named" grep -q 'seccomp: dup is not allowed' "$(errors)"
	stop_server
	start_server --modules "$TMP/dup" --seccomp kill --seccomp-allow 'dup connect'
	same "with seccomp_allow it is made" 200 "$(say "$(request OPTIONS /)" | status)"
	stop_server
	same "and the server ends as ever" 0 $?
	"$BIN/beagle-server" --port 0 --seccomp kill --seccomp-allow 'dup frobnicate' >"$TMP/frob" 2>&1
	same "a call that there is not ends the start" "2 seccomp_allow: 'frobnicate' is no system call here" \
		"$? $(sed 's/^beagle-server: //' "$TMP/frob")"
fi
