/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "captures/json.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/*
 * Our JSON against FILE.expect.json (written by expect.sh from what TShark says), in the fields that
 * its notes trust. One check per capture, which names the first field that differs.
 */
static const char *const file_fields[] = { "file", "sha256", "bytes", "format", "packets",
	"duration_s", "time_goes_backwards", "encap_type", "ip_versions", "truncated_packets",
	"tcp_streams", "udp_streams" };
static const char *const rtsp_fields[] = { "ports", "interleaved_frames_by_channel",
	"stream_requests", "stream_responses", "user_agents", "servers", "session_ids",
	"transports" };
static const char *const connection_fields[] = { "stream", "nodes", "requests", "responses",
	"bytes" };
static const char *const stream_fields[] = { "proto", "src", "dst", "channel", "ssrc",
	"payload_types", "packets", "markers", "first_rtptime", "last_rtptime", "duration_s",
	"first_seq", "last_seq", "highest_ext", "expected", "unique", "lost", "duplicates",
	"late_or_reordered", "gaps", "big_jumps" };

/* Where TShark's own rules, not the packets, make its figure; each looked at by hand. */
static const struct {
	const char *file, *field, *why;
} known[] = {
	{ "gortsplib-h264-udp-loopback-twice.pcapng", "udp_streams",
		"TShark counts 127.0.0.1:8000 <-> 127.0.0.1:25800 twice, once for each direction" },
	{ "clip-udp.pcap", "udp_streams",
		"likewise: a hole punch and the media that comes back through it, on loopback" },
	{ "rtp-mp2t-2d-parity-fec.pcap", "rtp.packets",
		"port 8200 belongs to another protocol for TShark; its three packets are RTP" },
	{ "rtp-mp2t-2d-parity-fec.pcap", "rtp.streams 192.168.1.10:8192 > 227.40.50.60:8200",
		"likewise" },
};

static bool is_known(const char *file, const char *field)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].file, file) == 0 && strcmp(known[i].field, field) == 0)
			return true;
	return false;
}

/* expect.sh writes "::1:554" where we write "[::1]:554". */
static bool is_same_place(const char *want, const char *got)
{
	if (got[0] != '[')
		return strcmp(want, got) == 0;
	for (got++; *want && (*got == *want || *got == ']'); got++)
		want += *got != ']';
	return *want == 0 && *got == 0;
}

static bool is_same(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b))
		return is_same_place(json_string_value(a), json_string_value(b));
	if (json_is_real(a) || json_is_real(b))
		return json_is_number(a) && json_is_number(b) &&
		       fabs(json_number_value(a) - json_number_value(b)) < 2e-6;
	return json_equal(a, b);
}

/* The first field that differs, as heap text; NULL when all are the same. */
static char *compare_fields(const char *file, const char *where, const json_t *want,
	const json_t *got, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *w = json_object_get(want, fields[i]),
			     *g = json_object_get(got, fields[i]);
		char *a, *b, *text;
		if (is_known(file, fields[i]) || (w && g && is_same(w, g)))
			continue;
		a = json_dumps(w, JSON_COMPACT | JSON_ENCODE_ANY);
		b = json_dumps(g, JSON_COMPACT | JSON_ENCODE_ANY);
		text = xasprintf("%s%s is %s, expected %s", where, fields[i], b ? b : "absent",
			a ? a : "absent");
		free(a);
		free(b);
		return text;
	}
	return NULL;
}

static char *compare_lists(const char *file, const char *where, const json_t *want,
	const json_t *got, const char *const *fields, size_t n)
{
	char *text = NULL;

	if (json_array_size(want) != json_array_size(got))
		return xasprintf("%s: %zu of them, expected %zu", where, json_array_size(got),
			json_array_size(want));
	for (size_t i = 0; i < json_array_size(want) && !text; i++) {
		char *at = xasprintf("%s[%zu].", where, i);
		text = compare_fields(
			file, at, json_array_get(want, i), json_array_get(got, i), fields, n);
		free(at);
	}
	return text;
}

/* Our streams without those that TShark is known not to see. */
static json_t *seen_streams(const char *file, const json_t *streams)
{
	json_t *list = json_array(), *s;
	size_t i;

	json_array_foreach((json_t *)streams, i, s)
	{
		char *name = xasprintf("rtp.streams %s > %s",
			json_string_value(json_object_get(s, "src")),
			json_string_value(json_object_get(s, "dst")));
		if (!is_known(file, name))
			json_array_append(list, s);
		free(name);
	}
	return list;
}

static char *compare_rtp(const char *file, const json_t *want, const json_t *got)
{
	json_t *w = json_object_get(want, "packets"), *g = json_object_get(got, "packets"),
	       *streams;
	char *text;

	if (!is_known(file, "rtp.packets") && !is_same(w, g))
		return xasprintf("rtp.packets is %lld, expected %lld", json_integer_value(g),
			json_integer_value(w));
	streams = seen_streams(file, json_object_get(got, "streams"));
	text = compare_lists(file, "rtp.streams", json_object_get(want, "streams"), streams,
		stream_fields, COUNT(stream_fields));
	json_decref(streams);
	return text;
}

static char *compare(const char *file, const json_t *want, const json_t *got)
{
	static const char *const rtcp[] = { "packets_by_type" };
	const json_t *w = json_object_get(want, "rtsp"), *g = json_object_get(got, "rtsp");
	char *text = compare_fields(file, "", want, got, file_fields, COUNT(file_fields));

	if (!text)
		text = compare_fields(file, "rtsp.", w, g, rtsp_fields, COUNT(rtsp_fields));
	if (!text)
		text = compare_lists(file, "rtsp.connections", json_object_get(w, "connections"),
			json_object_get(g, "connections"), connection_fields,
			COUNT(connection_fields));
	if (!text)
		text = compare_rtp(file, json_object_get(want, "rtp"), json_object_get(got, "rtp"));
	if (!text)
		text = compare_fields(file, "rtcp.", json_object_get(want, "rtcp"),
			json_object_get(got, "rtcp"), rtcp, COUNT(rtcp));
	return text;
}

/* Differences of one capture, as heap text; NULL: none. */
static char *check_file(const char *folder, const char *expect)
{
	size_t n = strlen(expect) - strlen(".expect.json");
	char *file = xasprintf("%.*s", (int)n, expect), *path = xasprintf("%s/%s", folder, file),
	     *want_path = xasprintf("%s/%s", folder, expect), *why = NULL, *text = NULL;
	json_t *want = json_load_file(want_path, 0, NULL), *got = NULL;
	struct dialog *d = NULL;

	if (!want)
		text = xasprintf("%s is no JSON", want_path);
	else if (dialog_read(path, NULL, &d, &why) != 0)
		text = xasprintf("cannot be read: %s", why ? why : "?");
	else
		text = compare(file, want, got = dialog_json(d));
	if (text) {
		char *full = xasprintf("%s: %s", file, text);
		free(text);
		text = full;
	}
	dialog_free(d);
	json_decref(want);
	json_decref(got);
	free(why);
	free(want_path);
	free(path);
	free(file);
	return text;
}

static bool is_expect(const char *name)
{
	size_t n = strlen(name), k = strlen(".expect.json");
	return n > k && strcmp(name + n - k, ".expect.json") == 0;
}

/* Checks every capture of a folder that has an expect.json; answers how many there were. */
static unsigned check_folder(const char *folder)
{
	struct dirent **v;
	int n = scandir(folder, &v, NULL, alphasort);
	unsigned checked = 0;

	for (int i = 0; i < n; i++) {
		char *text = is_expect(v[i]->d_name) ? check_file(folder, v[i]->d_name) : NULL;
		checked += is_expect(v[i]->d_name);
		if (text)
			printf("%s\n", text);
		CU_ASSERT_PTR_NULL(text);
		free(text);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
	return checked;
}

static void t_real(void)
{
	char *folder = unit_data("captures/real");

	if (!folder)
		return;
	CU_ASSERT(check_folder(folder) >= 23);
	free(folder);
}

static void t_samples(void)
{
	if (access("captures/samples/MANIFEST.tsv", R_OK) != 0) {
		CU_FAIL("captures/samples is not here: run this from the root of the tree");
		return;
	}
	CU_ASSERT(check_folder("captures/samples") >= 2);
}

UNIT_SUITE(captures_oracle,
	{ "real captures: every trusted field of the oracle's JSON is ours too", t_real },
	{ "our own samples: likewise", t_samples });
