/* SPDX-License-Identifier: MIT */
#include "conformance/curlpeer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_rtp.h"
#include "conformance/oracle/ox_sdp.h"
#include "conformance/oracle/ox_url.h"
#include "server/base/buf.h"
#include "server/base/os.h"

enum { BODY_MAX = 1 << 20, STEP_TIMEOUT_S = 10 };

struct peer {
	CURL *curl;
	const char *url;
	const volatile sig_atomic_t *stop;
	struct buf body, base; /* of DESCRIBE: text, Content-Base */
	uint64_t frames, rtp, bad;
	char track[2048], aggregate[2048];
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct peer *c = arg;
	return buf_put(&c->body, bytes_of(p, size * n)) < 0 ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct peer *c = arg;
	struct bytes line = bytes_of(p, size * n), name = B("Content-Base:");
	if (bytes_has_iprefix(line, name) && c->base.n == 0 &&
		buf_put(&c->base, bytes_trim(bytes_sub(line, name.n, line.n))) < 0)
		return 0;
	return size * n;
}

/* One frame, its four bytes of header included. */
static size_t on_frame(void *p, size_t size, size_t n, void *arg)
{
	struct peer *c = arg;
	struct bytes b = bytes_of(p, size * n);
	struct ox_rtp rtp;
	c->frames++;
	if (b.n < 4 || b.p[0] != '$')
		c->bad++;
	else if (b.p[1] % 2 == 0)
		c->rtp++;
	if (b.n >= 4 && b.p[1] % 2 == 0 && ox_rtp_read(bytes_sub(b, 4, b.n), &rtp, NULL) < 0)
		c->bad++;
	return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
	const struct peer *c = arg;
	(void)a;
	(void)b;
	(void)x;
	(void)y;
	return *c->stop;
}

static bool step(struct peer *c, const char *name, long request, const char *uri)
{
	long status = 0;
	curl_easy_setopt(c->curl, CURLOPT_RTSP_STREAM_URI, uri);
	curl_easy_setopt(c->curl, CURLOPT_RTSP_REQUEST, request);
	CURLcode rc = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	bool ok = rc == CURLE_OK && (request == CURL_RTSPREQ_RECEIVE || status == 200);
	if (request != CURL_RTSPREQ_RECEIVE || !ok)
		printf("%-9s %s  %ld%s%s\n", name, ok ? "ok    " : "failed", status,
			rc == CURLE_OK ? "" : "  ", rc == CURLE_OK ? "" : curl_easy_strerror(rc));
	fflush(stdout);
	return ok;
}

static bool find_track(struct peer *c)
{
	struct ox_sdp *sdp = xmalloc(sizeof(*sdp));
	struct bytes base = buf_bytes(&c->base);
	int rc = ox_sdp_read(buf_bytes(&c->body), sdp, NULL);
	(void)rc; /* a description that breaks the grammar may do for a client */
	if (!base.n)
		base = bytes_str(c->url);
	struct bytes all = sdp->control.n ? sdp->control : B("*");
	bool ok = sdp->n_media > 0 &&
		  ox_url_join(base, sdp->media[0].control.n ? sdp->media[0].control : B("*"),
			  c->track, sizeof(c->track)) == 0 &&
		  ox_url_join(base, all, c->aggregate, sizeof(c->aggregate)) == 0;
	free(sdp);
	if (!ok)
		printf("DESCRIBE  failed  no track in %zu bytes\n", c->body.n);
	return ok;
}

static bool receive(struct peer *c, uint64_t packets)
{
	while (c->rtp < packets && !*c->stop) {
		if (!step(c, "RECEIVE", CURL_RTSPREQ_RECEIVE, c->aggregate))
			return false;
	}
	printf("RECEIVE   ok      %llu RTP packets in %llu frames, %llu malformed\n",
		(unsigned long long)c->rtp, (unsigned long long)c->frames,
		(unsigned long long)c->bad);
	return c->rtp >= packets && c->bad == 0;
}

/* Never from the command line, which everybody sees. */
static void set_credentials(CURL *curl)
{
	const char *user = getenv("BEAGLE_USER"), *password = getenv("BEAGLE_PASSWORD");

	if (!user || !password)
		return;
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_DIGEST);
	curl_easy_setopt(curl, CURLOPT_USERNAME, user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
}

static int session(struct peer *c, uint64_t packets)
{
	long status = 0;
	bool ok = step(c, "OPTIONS", CURL_RTSPREQ_OPTIONS, c->url);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (!ok && status == 0)
		return 4;
	ok = ok && step(c, "DESCRIBE", CURL_RTSPREQ_DESCRIBE, c->url) && find_track(c);
	if (ok) {
		curl_easy_setopt(
			c->curl, CURLOPT_RTSP_TRANSPORT, "RTP/AVP/TCP;unicast;interleaved=0-1");
		ok = step(c, "SETUP", CURL_RTSPREQ_SETUP, c->track);
	}
	ok = ok && step(c, "PLAY", CURL_RTSPREQ_PLAY, c->aggregate) && receive(c, packets);
	/* a session that was made is ended, whatever came between */
	char *id = NULL;
	curl_easy_getinfo(c->curl, CURLINFO_RTSP_SESSION_ID, &id);
	if (id && !step(c, "TEARDOWN", CURL_RTSPREQ_TEARDOWN, c->aggregate))
		ok = false;
	return ok ? 0 : 1;
}

int curlpeer(const char *url, uint64_t packets, const volatile sig_atomic_t *stop)
{
	struct ox_url u;
	struct peer *c = xcalloc(1, sizeof(*c));
	int code = 2;
	c->url = url;
	c->stop = stop;
	buf_init(&c->body, BODY_MAX);
	buf_init(&c->base, BODY_MAX);
	if (ox_url_read(bytes_str(url), 0, &u, NULL) < 0) {
		fprintf(stderr, "beagle-conformance: '%s' is no rtsp:// URL\n", url);
		goto out;
	}
	c->curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
	if (!c->curl)
		die("libcurl does not start");
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	set_credentials(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "rtsp");
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)STEP_TIMEOUT_S);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_INTERLEAVEFUNCTION, on_frame);
	curl_easy_setopt(c->curl, CURLOPT_INTERLEAVEDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
	code = session(c, packets);
	if (*stop)
		code = 130;
	curl_easy_cleanup(c->curl);
	curl_global_cleanup();
out:
	buf_clear(&c->body);
	buf_clear(&c->base);
	free(c);
	return code;
}
