/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "conformance/tests/ox_test.h"

/* A response is its own head plus what the row adds; a request likewise. */
#define ST               "Server: t\r\nDate: Sun, 22 Nov 2026 19:51:23 GMT\r\n"
#define OK               "RTSP/1.0 200 OK\r\nCSeq: 1\r\n" ST
#define RQ(method, more) method " rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n" more "\r\n"

static void judge(const char *request, const char *response, struct ox_findings *fs)
{
	struct ox_message q, r;
	struct ox_exchange x = { .response = &r, .is_stored = true, .stored_end = 100 * TICK_S };

	CU_ASSERT(ox_message_read(bytes_str(response), &r, fs) == 0);
	if (*request) {
		CU_ASSERT(ox_message_read(bytes_str(request), &q, NULL) == 0);
		x.request = &q;
	}
	ox_message_check(&r, fs);
	ox_exchange_check(&x, fs);
}

static void check(enum ox_rule rule, const char *request, const char *good, const char *bad)
{
	struct ox_findings fs = { .n = 0 };

	judge(request, good, &fs);
	ox_want(&fs, rule, false);
	ox_want_clean(&fs);
	ox_findings_clear(&fs);
	judge(request, bad, &fs);
	ox_want(&fs, rule, true);
	ox_findings_clear(&fs);
}
#define OX_CHECK check

#define OPT  RQ("OPTIONS", "")
#define DSC  RQ("DESCRIBE", "")
#define PUB  "Public: OPTIONS, PLAY\r\n"
#define SES  "Session: 12ab\r\n"
#define UDP  RQ("SETUP", "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n")
#define UOK  OK SES "Transport: RTP/AVP;unicast;client_port=5000-5001;"
#define USP  "server_port=6000-6001"
#define TCP  RQ("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
#define TOK  OK SES "Transport: RTP/AVP/TCP;unicast"
#define PLY  RQ("PLAY", SES)
#define INF  "RTP-Info: url=rtsp://h/a/1;seq=1;rtptime=2\r\n"
#define RNG  "Range: npt=0-10\r\n"
#define PUBS "Public: OPTIONS\r\n"

#define HEAD_PAIRS(X)                                                                              \
	X(version, OX_RTSP_3_1_01, "RTSP-3.1-01: the version is RTSP/1.0", OPT, OK PUB "\r\n",     \
		"RTSP/1.1 200 OK\r\nCSeq: 1\r\n" ST PUB "\r\n")                                    \
	X(utf8, OX_RTSP_4_01, "RTSP-4-01: the head is UTF-8", OPT, OK PUB "X-A: \xc3\xa4\r\n\r\n", \
		OK PUB "X-A: \xe4 \r\n\r\n")                                                       \
	X(crlf, OX_RTSP_4_02, "RTSP-4-02: lines end with CRLF", OPT, OK PUB "\r\n", OK PUB "\n")   \
	X(length, OX_RTSP_4_4_02, "RTSP-4.4-02: Content-Length is the size of the body",           \
		RQ("GET_PARAMETER", ""),                                                           \
		OK "Content-Type: text/parameters\r\nContent-Length: 4\r\n\r\na: 1",               \
		OK "Content-Type: text/parameters\r\nContent-Length: 5\r\n\r\na: 1")               \
	X(length_number, OX_RTSP_4_4_02, "RTSP-4.4-02: Content-Length is a plain number", OPT,     \
		OK PUB "Content-Length: 0\r\n\r\n", OK PUB "Content-Length: -1\r\n\r\n")           \
	X(length_missing, OX_RTSP_4_4_04, "RTSP-4.4-04: a body needs Content-Length",              \
		RQ("GET_PARAMETER", ""),                                                           \
		OK "Content-Type: text/parameters\r\nContent-Length: 4\r\n\r\na: 1",               \
		OK "Content-Type: text/parameters\r\n\r\na: 1")                                    \
	X(once, OX_RTSP_4_2_06, "RTSP-4.2-06: CSeq stands once", OPT, OK PUB "\r\n",               \
		OK PUB "CSeq: 1\r\n\r\n")                                                          \
	X(table_1, OX_RTSP_7_02, "RTSP-7-02: 201 is for RECORD", UDP, UOK USP "\r\n\r\n",          \
		"RTSP/1.0 201 Created\r\nCSeq: 1\r\n" ST SES                                       \
		"Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n")                        \
	X(table_1_unknown, OX_RTSP_7_02, "RTSP-7-02: 206 is no status of RTSP",                    \
		RQ("TEARDOWN", SES), OK "\r\n", "RTSP/1.0 206 Partial\r\nCSeq: 1\r\n" ST "\r\n")   \
	X(status_line, OX_RTSP_7_1_01, "RTSP-7.1-01: version, blank, 3 digits, blank, reason",     \
		OPT, OK PUB "\r\n", "RTSP/1.0  200 OK\r\nCSeq: 1\r\n" ST PUB "\r\n")               \
	X(status_line_cr, OX_RTSP_7_1_02, "RTSP-7.1-02: no CR inside the status line", OPT,        \
		OK PUB "\r\n", "RTSP/1.0 200 O\rK: 1\r\nCSeq: 1\r\n" ST PUB "\r\n")                \
	X(status_class, OX_RTSP_7_1_1_01, "RTSP-7.1.1-01: the status is within 100 and 599", OPT,  \
		OK PUB "\r\n", "RTSP/1.0 600 Odd\r\nCSeq: 1\r\n" ST PUB "\r\n")                    \
	X(token, OX_RTSP_15_1_01, "RTSP-15.1-01: a header's name is a token", OPT,                 \
		OK PUB "X-Good: 1\r\n\r\n", OK PUB "X Bad: 1\r\n\r\n")                             \
	X(colon, OX_RTSP_15_1_01, "RTSP-15.1-01: a header has a colon", OPT, OK PUB "\r\n",        \
		OK PUB "Nothing\r\n\r\n")                                                          \
	X(quotes, OX_RTSP_15_1_01, "RTSP-15.1-01: a quoted string is closed", UDP,                 \
		UOK USP ";mode=\"PLAY\"\r\n\r\n", UOK USP ";mode=\"PLAY\r\n\r\n")                  \
	X(control, OX_RTSP_15_1_02, "RTSP-15.1-02: no control characters in the head", OPT,        \
		OK PUB "X-A: a\tb\r\n\r\n", OK PUB "X-A: a\x01z\r\n\r\n")                          \
	X(public, OX_RTSP_1_5_03, "RTSP-1.5-03: OPTIONS is answered with Public", OPT,             \
		OK PUB "\r\n", OK "\r\n")

#define FIELD_PAIRS(X)                                                                             \
	X(url, OX_RTSP_3_2_01, "RTSP-3.2-01: URLs are rtsp://host[:port][path]", PLY,              \
		OK SES RNG INF "\r\n", OK SES RNG "RTP-Info: url=rtsp://h:99999/a/1\r\n\r\n")      \
	X(session_id, OX_RTSP_3_4_03, "RTSP-3.4-03: session ids are of the safe set", UDP,         \
		UOK USP "\r\n\r\n",                                                                \
		OK "Session: 12/34\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n")   \
	X(npt, OX_RTSP_3_6_01, "RTSP-3.6-01: npt is seconds or hh:mm:ss", PLY,                     \
		OK SES INF "Range: npt=0:01:02.5-\r\n\r\n",                                        \
		OK SES INF "Range: npt=0:61:02-\r\n\r\n")                                          \
	X(npt_negative, OX_RTSP_3_6_04, "RTSP-3.6-04: NPT is never negative", PLY,                 \
		OK SES INF "Range: npt=5-\r\n\r\n", OK SES INF "Range: npt=-5-\r\n\r\n")           \
	X(clock, OX_RTSP_3_7_01, "RTSP-3.7-01: clock ranges are UTC", PLY,                         \
		OK SES INF "Range: clock=20261122T195123.25Z-\r\n\r\n",                            \
		OK SES INF "Range: clock=20261322T195123Z-\r\n\r\n")                               \
	X(date, OX_RTSP_12_18_01, "RTSP-12.18-01: Date is an RFC 1123 date", OPT, OK PUB "\r\n",   \
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: t\r\nDate: Sun, Nov 22 2026 19:51:23 GMT"   \
		"\r\n" PUB "\r\n")                                                                 \
	X(date_weekday, OX_RTSP_12_18_01, "RTSP-12.18-01: the weekday is that of the date", OPT,   \
		OK PUB "\r\n",                                                                     \
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: t\r\nDate: Mon, 22 Nov 2026 19:51:23 GMT"   \
		"\r\n" PUB "\r\n")                                                                 \
	X(date_missing, OX_RTSP_12_18_02, "RTSP-12.18-02: Date is in every response", OPT,         \
		OK PUB "\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: t\r\n" PUB "\r\n")           \
	X(expires, OX_RTSP_12_19_01, "RTSP-12.19-01: Expires is a date", OPT,                      \
		OK PUB "Expires: Sun, 22 Nov 2026 20:51:23 GMT\r\n\r\n",                           \
		OK PUB "Expires: tomorrow\r\n\r\n")                                                \
	X(expires_far, OX_RTSP_12_19_02, "RTSP-12.19-02: Expires is within a year", OPT,           \
		OK PUB "Expires: Sun, 22 Nov 2026 20:51:23 GMT\r\n\r\n",                           \
		OK PUB "Expires: Fri, 22 Nov 2030 19:51:23 GMT\r\n\r\n")                           \
	X(modified, OX_RTSP_12_24_01, "RTSP-12.24-01: Last-Modified is not in the future", OPT,    \
		OK PUB "Last-Modified: Sun, 22 Nov 2026 18:51:23 GMT\r\n\r\n",                     \
		OK PUB "Last-Modified: Sun, 22 Nov 2026 20:51:23 GMT\r\n\r\n")                     \
	X(location, OX_RTSP_12_25_01, "RTSP-12.25-01: Location is an absolute URL", OPT,           \
		"RTSP/1.0 302 Found\r\nCSeq: 1\r\n" ST "Location: rtsp://h/b\r\n\r\n",             \
		"RTSP/1.0 302 Found\r\nCSeq: 1\r\n" ST "Location: /b\r\n\r\n")                     \
	X(methods, OX_RTSP_12_28_01, "RTSP-12.28-01: Public is a comma list of methods", OPT,      \
		OK PUB "\r\n", OK "Public: OPTIONS PLAY\r\n\r\n")                                  \
	X(retry, OX_RTSP_12_31_01, "RTSP-12.31-01: Retry-After is seconds or a date", OPT,         \
		"RTSP/1.0 503 Busy\r\nCSeq: 1\r\n" ST "Retry-After: 5\r\n\r\n",                    \
		"RTSP/1.0 503 Busy\r\nCSeq: 1\r\n" ST "Retry-After: soon\r\n\r\n")                 \
	X(server_empty, OX_RTSP_12_36_01, "RTSP-12.36-01: Server names the software", OPT,         \
		OK PUB "\r\n",                                                                     \
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer:\r\nDate: Sun, 22 Nov 2026 19:51:23 GMT"     \
		"\r\n" PUB "\r\n")                                                                 \
	X(server, OX_RTSP_D_2_05, "RTSP-D.2-05: the Server header is sent", OPT, OK PUB "\r\n",    \
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nDate: Sun, 22 Nov 2026 19:51:23 GMT\r\n" PUB        \
		"\r\n")                                                                            \
	X(language, OX_RTSP_12_13_01, "RTSP-12.13-01: Content-Language is a list of tags", OPT,    \
		OK PUB "Content-Language: en-GB, de\r\n\r\n",                                      \
		OK PUB "Content-Language: en, de-muchtoolong\r\n\r\n")                             \
	X(base, OX_RTSP_12_11_01, "RTSP-12.11-01: Content-Base is an absolute URL", DSC,           \
		OK "Content-Base: rtsp://h/a/\r\n\r\n", OK "Content-Base: /a/\r\n\r\n")            \
	X(vary, OX_RTSP_12_42_01, "RTSP-12.42-01: Vary is * or names headers", OPT,                \
		OK PUB "Vary: Accept, X-A\r\n\r\n", OK PUB "Vary: a b\r\n\r\n")                    \
	X(via, OX_RTSP_12_42_01, "RTSP-12.42-01: Via has protocol and host", OPT,                  \
		OK PUB "Via: 1.0 proxy\r\n\r\n", OK PUB "Via: proxy\r\n\r\n")                      \
	X(type, OX_RTSP_12_16_01, "RTSP-12.16-01: a body has a Content-Type",                      \
		RQ("GET_PARAMETER", ""),                                                           \
		OK "Content-Type: text/parameters\r\nContent-Length: 4\r\n\r\na: 1",               \
		OK "Content-Length: 4\r\n\r\na: 1")                                                \
	X(realm, OX_AUTH_2617_3_2_1_01, "AUTH-2617-3.2.1-01: Digest has a quoted realm and nonce", \
		OPT,                                                                               \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Basic realm=\"a\", Digest realm=\"a\",nonce=\"b\",qop=\"auth\"" \
		"\r\n\r\n",                                                                        \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Digest realm=\"a\", nonce=b\r\n\r\n")                           \
	X(qop, OX_AUTH_2617_3_2_1_06, "AUTH-2617-3.2.1-06: qop is offered", OPT,                   \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\",qop=\"auth\"\r\n\r\n",           \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\"\r\n\r\n")                        \
	X(strongest, OX_AUTH_7616_3_7_01, "AUTH-7616-3.7-01: the strongest algorithm is first",    \
		OPT,                                                                               \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\",algorithm=SHA-256\r\n"           \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\",algorithm=MD5\r\n\r\n",          \
		"RTSP/1.0 401 No\r\nCSeq: 1\r\n" ST                                                \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\",algorithm=MD5\r\n"               \
		"WWW-Authenticate: Digest realm=\"a\",nonce=\"b\",algorithm=SHA-256\r\n\r\n")

#define EXCHANGE_PAIRS(X)                                                                          \
	X(cseq_missing, OX_RTSP_12_17_01, "RTSP-12.17-01: CSeq is in every response", OPT,         \
		OK PUB "\r\n", "RTSP/1.0 200 OK\r\n" ST PUB "\r\n")                                \
	X(cseq_empty, OX_RTSP_12_17_01, "RTSP-12.17-01: an empty CSeq is none", OPT,               \
		OK PUB "\r\n", "RTSP/1.0 400 Bad\r\nCseq:\r\n" ST "\r\n")                          \
	X(cseq_other, OX_RTSP_12_17_03, "RTSP-12.17-03: CSeq is that of the request", OPT,         \
		"RTSP/1.0 200 OK\r\nCSeq: 0001\r\n" ST PUB "\r\n",                                 \
		"RTSP/1.0 200 OK\r\nCSeq: 2\r\n" ST PUB "\r\n")                                    \
	X(timestamp, OX_RTSP_12_38_01, "RTSP-12.38-01: Timestamp is echoed",                       \
		RQ("OPTIONS", "Timestamp: 12.5\r\n"), OK PUB "Timestamp: 12.5 0.01\r\n\r\n",       \
		OK PUB "\r\n")                                                                     \
	X(timestamp_other, OX_RTSP_12_38_01, "RTSP-12.38-01: Timestamp is echoed unchanged",       \
		RQ("OPTIONS", "Timestamp: 12.5\r\n"), OK PUB "Timestamp: 12.5\r\n\r\n",            \
		OK PUB "Timestamp: 12.50\r\n\r\n")                                                 \
	X(timestamp_delay, OX_RTSP_12_38_02, "RTSP-12.38-02: the delay is a decimal",              \
		RQ("OPTIONS", "Timestamp: 12.5\r\n"), OK PUB "Timestamp: 12.5 0.25\r\n\r\n",       \
		OK PUB "Timestamp: 12.5 x\r\n\r\n")                                                \
	X(session_setup, OX_RTSP_10_4_05, "RTSP-10.4-05: SETUP gives a session", UDP,              \
		UOK USP "\r\n\r\n", OK "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n") \
	X(session_play, OX_RTSP_12_37_07, "RTSP-12.37-07: PLAY returns the session", PLY,          \
		OK SES RNG INF "\r\n", OK RNG INF "\r\n")                                          \
	X(session_other, OX_RTSP_12_37_07, "RTSP-12.37-07: and it is that of the request", PLY,    \
		OK SES RNG INF "\r\n", OK "Session: 99\r\n" RNG INF "\r\n")                        \
	X(timeout, OX_RTSP_12_37_02, "RTSP-12.37-02: timeout is whole seconds", UDP,               \
		OK "Session: 12ab;timeout=60\r\n"                                                  \
		   "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",                     \
		OK "Session: 12ab;timeout=1m\r\n"                                                  \
		   "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n")                     \
	X(transport, OX_RTSP_10_4_04, "RTSP-10.4-04: SETUP names the transport", UDP,              \
		UOK USP "\r\n\r\n", OK SES "\r\n")                                                 \
	X(one_transport, OX_RTSP_12_39_03, "RTSP-12.39-03: exactly one transport", UDP,            \
		UOK USP "\r\n\r\n", UOK USP ",RTP/AVP/TCP;interleaved=0-1\r\n\r\n")                \
	X(asked_transport, OX_RTSP_12_39_03, "RTSP-12.39-03: one of those asked for", UDP,         \
		UOK USP "\r\n\r\n", TOK ";interleaved=0-1\r\n\r\n")                                \
	X(multicast, OX_RTSP_12_39_10, "RTSP-12.39-10: ttl is for multicast", UDP,                 \
		UOK USP "\r\n\r\n", UOK USP ";ttl=4\r\n\r\n")                                      \
	X(interleaved, OX_RTSP_12_39_14, "RTSP-12.39-14: TCP names its channels", TCP,             \
		TOK ";interleaved=2-3\r\n\r\n", TOK "\r\n\r\n")                                    \
	X(channel_high, OX_RTSP_12_39_15, "RTSP-12.39-15: channels are 0 to 255", TCP,             \
		TOK ";interleaved=254-255\r\n\r\n", TOK ";interleaved=256-257\r\n\r\n")            \
	X(server_port_0, OX_RTSP_12_39_18, "RTSP-12.39-18: server_port is a port", UDP,            \
		UOK USP "\r\n\r\n", UOK "server_port=0-0\r\n\r\n")                                 \
	X(client_port, OX_RTSP_12_39_19, "RTSP-12.39-19: client_port comes back", UDP,             \
		UOK USP "\r\n\r\n",                                                                \
		OK SES "Transport: RTP/AVP;unicast;client_port=5002-5003;" USP "\r\n\r\n")         \
	X(ssrc, OX_RTSP_12_39_20, "RTSP-12.39-20: ssrc is 8 hexadecimal digits", UDP,              \
		UOK USP ";ssrc=0012abCD\r\n\r\n", UOK USP ";ssrc=12abCD\r\n\r\n")                  \
	X(parity, OX_RTP_11_01, "RTP-11-01: RTP on an even port, RTCP on the next", UDP,           \
		UOK USP "\r\n\r\n", UOK "server_port=6001-6002\r\n\r\n")                           \
	X(info, OX_RTSP_12_33_01, "RTSP-12.33-01: PLAY gives RTP-Info", PLY,                       \
		OK SES RNG INF "\r\n", OK SES RNG "\r\n")                                          \
	X(info_url, OX_RTSP_12_33_02, "RTSP-12.33-02: an entry has a url", PLY,                    \
		OK SES RNG INF "\r\n", OK SES RNG "RTP-Info: seq=1;rtptime=2\r\n\r\n")             \
	X(info_seq, OX_RTSP_12_33_06, "RTSP-12.33-06: seq is at most 65535", PLY,                  \
		OK SES RNG INF "\r\n",                                                             \
		OK SES RNG "RTP-Info: url=rtsp://h/a/1;seq=65536;rtptime=2\r\n\r\n")               \
	X(info_rtptime, OX_RTSP_12_33_06, "RTSP-12.33-06: rtptime is a plain number", PLY,         \
		OK SES RNG INF "\r\n",                                                             \
		OK SES RNG "RTP-Info: url=rtsp://h/a/1;seq=6;rtptime=-2\r\n\r\n")                  \
	X(range, OX_RTSP_10_5_08, "RTSP-10.5-08: PLAY gives the real range", PLY,                  \
		OK SES RNG INF "\r\n", OK SES INF "\r\n")                                          \
	X(range_end, OX_RTSP_10_5_08, "RTSP-10.5-08: no range ends behind the end", PLY,           \
		OK SES "Range: npt=5-101\r\n" INF "\r\n",                                          \
		OK SES "Range: npt=5-102\r\n" INF "\r\n")                                          \
	X(encoding, OX_RTSP_12_2_01, "RTSP-12.2-01: no coding unless asked for", OPT,              \
		OK PUB "Content-Encoding: identity\r\n\r\n",                                       \
		OK PUB "Content-Encoding: gzip\r\n\r\n")                                           \
	X(cache, OX_RTSP_12_8_02, "RTSP-12.8-02: Cache-Control is for SETUP", OPT, OK PUB "\r\n",  \
		OK PUB "Cache-Control: no-cache\r\n\r\n")                                          \
	X(sdp_type, OX_SDP_5_01, "SDP-5-01: the type is application/sdp", DSC,                     \
		OK "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",                \
		OK "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nv=0")

HEAD_PAIRS(OX_PAIR_FN)
FIELD_PAIRS(OX_PAIR_FN)
EXCHANGE_PAIRS(OX_PAIR_FN)

static void t_no_request_cseq(void)
{
	struct ox_findings fs = { .n = 0 };

	judge("OPTIONS rtsp://h/ RTSP/1.0\r\n\r\n", "RTSP/1.0 400 Bad\r\n" ST "\r\n", &fs);
	ox_want(&fs, OX_RTSP_12_17_01, false);
	ox_findings_clear(&fs);
}

static void t_redirect(void)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_message m;

	CU_ASSERT(ox_message_read(B("REDIRECT rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n"
				    "Location: rtsp://g/\r\n\r\n"),
			  &m, &fs) == 0);
	ox_message_check(&m, &fs);
	ox_want(&fs, OX_RTSP_10_10_01, false);
	CU_ASSERT(
		ox_message_read(B("REDIRECT rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"), &m, &fs) == 0);
	ox_message_check(&m, &fs);
	ox_want(&fs, OX_RTSP_10_10_01, true);
	ox_findings_clear(&fs);
}

static void t_all_at_once(void)
{
	struct ox_findings fs = { .n = 0 };

	judge(RQ("OPTIONS", "Timestamp: 1\r\n"),
		"RTSP/1.0 200 OK\nDate: yesterday\r\nX Y: 1\r\nPublic: A B\r\n\r\n", &fs);
	ox_want(&fs, OX_RTSP_4_02, true);
	ox_want(&fs, OX_RTSP_12_17_01, true);
	ox_want(&fs, OX_RTSP_12_18_01, true);
	ox_want(&fs, OX_RTSP_12_28_01, true);
	ox_want(&fs, OX_RTSP_12_38_01, true);
	ox_want(&fs, OX_RTSP_15_1_01, true);
	ox_findings_clear(&fs);
}

static void t_facts(void)
{
	struct ox_message m;
	struct bytes text =
		B("SETUP rtsp://h/a b/1 RTSP/1.0\r\nCseq:  7 \r\nUser-Agent: a\r\n b\r\n"
		  "Transport: A\r\ntransport: B\r\nContent-Length: 2\r\n\r\nxy");

	CU_ASSERT(ox_message_read(text, &m, NULL) == 0);
	CU_ASSERT(!m.is_response && bytes_is_eq(m.method, B("SETUP")));
	CU_ASSERT(bytes_is_eq(m.uri, B("rtsp://h/a b/1")));
	CU_ASSERT(m.has_cseq && bytes_is_eq(m.cseq, B("7")));
	CU_ASSERT(bytes_is_eq(ox_header_value(&m, "USER-AGENT"), B("a\r\n b")));
	CU_ASSERT(ox_header_count(&m, "Transport") == 2);
	CU_ASSERT(bytes_is_eq(m.body, B("xy")) && m.content_length == 2);
	CU_ASSERT(ox_message_read(B("hello\r\n\r\n"), &m, NULL) == ERR_SYNTAX);
	CU_ASSERT(ox_message_read(B("RTSP/1.0 404 Not Found\r\n\r\n"), &m, NULL) == 0);
	CU_ASSERT(m.is_response && m.status == 404 && bytes_is_eq(m.reason, B("Not Found")));
}

static void t_secrets(void)
{
	struct ox_findings fs = { .n = 0 };

	judge(OPT, "RTSP/1.0 302 M\r\nCSeq: 1\r\n" ST "Location: http://joe:secret@h/\r\n\r\n",
		&fs);
	ox_want(&fs, OX_RTSP_12_25_01, true);
	const struct ox_finding *f = ox_findings_first(&fs, OX_RTSP_12_25_01);
	CU_ASSERT(f && strcmp(f->got, "http://***@h/") == 0);
	ox_findings_clear(&fs);
}

UNIT_SUITE(ox_message,
	HEAD_PAIRS(OX_PAIR_ENTRY) FIELD_PAIRS(OX_PAIR_ENTRY) EXCHANGE_PAIRS(OX_PAIR_ENTRY){
		"RTSP-12.17-01: not when the request had none", t_no_request_cseq },
	{ "RTSP-10.10-01: REDIRECT has Location", t_redirect },
	{ "every clause is listed, not only the first", t_all_at_once },
	{ "facts of a message are read, folded and repeated headers too", t_facts },
	{ "a password in a URL is not quoted in a finding", t_secrets });
