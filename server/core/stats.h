/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_STATS_H
#define SERVER_CORE_STATS_H

#include <stdint.h>
#include <stdio.h>

/* Why a media session ended: enum, name in logs and JSON, text. */
#define CLOSE_TABLE(X)                                                          \
	X(CLOSE_TEARDOWN, "teardown", "the client ended it")                    \
	X(CLOSE_TIMEOUT, "timeout", "no sign of life")                          \
	X(CLOSE_UNPLAYED, "unplayed", "it was set up, and never played")        \
	X(CLOSE_DISCONNECT, "disconnect", "its connection is gone")             \
	X(CLOSE_SHUTDOWN, "shutdown", "the server ended")                       \
	X(CLOSE_MEDIA, "media", "the medium could not be read")                 \
	X(CLOSE_CHANGED, "changed", "the file changed under it")                \
	X(CLOSE_LIMIT, "limit", "the media cache was full of what others play") \
	X(CLOSE_BLOCKED, "blocked", "the client took nothing any more")
#define CLOSE_ENUM(id, name, text) id,
enum close_reason { CLOSE_TABLE(CLOSE_ENUM) CLOSE_COUNT };
#undef CLOSE_ENUM
const char *close_reason_name(enum close_reason r);

/* Why a connection ended. */
#define END_TABLE(X)                                                               \
	X(END_CLIENT, "client", "the client closed it")                            \
	X(END_RESET, "reset", "it broke")                                          \
	X(END_ASKED, "asked", "the client asked for it (Connection: close)")       \
	X(END_TLS, "tls", "its TLS handshake failed")                              \
	X(END_FRAMING, "framing", "no telling where the next request began")       \
	X(END_SILENT, "silent", "no request came at all")                          \
	X(END_SLOW, "slow", "a request was not whole in time: 408")                \
	X(END_IDLE, "idle", "neither request nor session for long")                \
	X(END_BLOCKED, "blocked", "the client took nothing of what waited for it") \
	X(END_REFUSED, "refused", "it was one too many: 503")                      \
	X(END_FAILED, "failed", "we had no means to serve it")                     \
	X(END_RELAYED, "relayed", "its one request came by another process")       \
	X(END_MOVED, "moved", "it was the POST of another process's tunnel")       \
	X(END_HTTP, "http", "its HTTP was no tunnel")                              \
	X(END_ALONE, "alone", "the other half of its tunnel did not come")         \
	X(END_REPLACED, "replaced", "a newer POST of its tunnel took its place")   \
	X(END_SHUTDOWN, "shutdown", "the server ended")
#define END_ENUM(id, name, text) id,
enum conn_end { END_TABLE(END_ENUM) END_COUNT, END_NONE = END_COUNT };
#undef END_ENUM
const char *conn_end_name(enum conn_end e);

/* Counters of one worker; only its own thread writes them. Name, what it counts. */
#define STAT_TABLE(X)                                                                      \
	X(connections_accepted, "connections taken from the listener")                     \
	X(connections_refused, "answered 503: too many, for one of these reasons or all")  \
	X(connections_refused_address, "maximum_connections_per_address")                  \
	X(connections_refused_rate, "maximum_connections_per_second_per_address")          \
	X(connections_refused_descriptors, "there was no descriptor for it")               \
	X(tls_handshakes, "TLS handshakes that succeeded")                                 \
	X(tls_resumed, "of these by a ticket")                                             \
	X(tls_waited, "steps of handshakes put off to a later turn")                       \
	X(tls_failed_not_tls, "handshakes that failed: what came was no TLS")              \
	X(tls_failed_version, "no version in common")                                      \
	X(tls_failed_cipher, "no cipher in common")                                        \
	X(tls_failed_alert, "the client refused: our certificate, most often")             \
	X(tls_failed_closed, "the client went")                                            \
	X(tls_failed_timeout, "tls_handshake_timeout")                                     \
	X(tls_failed_other, "any other error")                                             \
	X(tls_truncated, "TLS connections that ended without close_notify")                \
	X(tls_broken, "TLS connections that ended by a broken record")                     \
	X(tls_reloads, "times the certificates were read again")                           \
	X(tls_reloads_failed, "times a bad one kept the old ones in place")                \
	X(connections_closed, "connections that ended, refused ones too")                  \
	X(requests, "requests read, bad ones included")                                    \
	X(requests_forwarded, "requests for a session of another worker")                  \
	X(requests_relayed, "requests sent to the process that has their session")         \
	X(requests_relayed_in, "requests that another process sent here")                  \
	X(relays_failed, "of those sent, answered 454 or 503 by us")                       \
	X(takeovers, "times that another process took over")                               \
	X(takeovers_failed, "times that one began to, and did not come to serve")          \
	X(responses_2xx, "answers 200 to 299")                                             \
	X(responses_3xx, "answers 300 to 399")                                             \
	X(responses_4xx, "answers 400 to 499")                                             \
	X(responses_5xx, "answers 500 to 599")                                             \
	X(responses_unsent, "answers whose connection was gone or full")                   \
	X(responses_stray, "answers that came from a client, who was asked nothing")       \
	X(modules_late, "answered 503: a module kept the request waiting too long")        \
	X(http_refused, "HTTP requests that are no half of a tunnel")                      \
	X(tunnel_halves, "GETs and POSTs of HTTP tunnels")                                 \
	X(tunnel_moves, "halves handed to the worker of their cookie")                     \
	X(tunnels, "tunnels whose halves met")                                             \
	X(tunnel_posts_reopened, "POSTs that came after the first")                        \
	X(tunnel_posts_replaced, "POSTs that a newer one replaced")                        \
	X(tunnel_posts_sent, "POSTs forwarded to the process that has their GET")          \
	X(tunnel_posts_taken, "POSTs that another process forwards to us")                 \
	X(tunnel_posts_unsent, "of those to be sent, answered 503")                        \
	X(tunnel_timeouts, "halves whose partner did not come")                            \
	X(tunnel_overflows, "ended or answered 503: too many halves wait")                 \
	X(tunnel_hijacks, "answered 403: a cookie of another address")                     \
	X(tunnel_doubles, "answered 409: a second GET")                                    \
	X(tunnel_bad_base64, "tunnels that ended with 400: no base64")                     \
	X(destinations_refused, "SETUP with a destination other than the client")          \
	X(ports_refused, "answered 461: media to a port below media_ports_min")            \
	X(pairs_refused, "answered 503: no sockets for RTP")                               \
	X(sessions_refused_total, "answered 453: maximum_sessions")                        \
	X(sessions_refused_connection, "answered 453: maximum_sessions_per_connection")    \
	X(sessions_refused_address, "answered 453: maximum_sessions_per_address")          \
	X(sessions_refused_unplayed, "answered 453: maximum_unplayed_per_address")         \
	X(sessions_refused_bandwidth, "answered 453: maximum_bandwidth")                   \
	X(sessions, "media sessions made")                                                 \
	X(auth_logins, "requests with the right credentials")                              \
	X(auth_challenged, "answered 401: no credentials, or none that are offered")       \
	X(auth_failed, "answered 401: wrong credentials")                                  \
	X(auth_stale, "answered 401 with stale: right ones, for an old nonce")             \
	X(auth_replayed, "answered 401 with stale: a count that was used before")          \
	X(auth_bad, "answered 400: credentials broken, or for another URL")                \
	X(auth_forbidden, "answered 403: not by the rules")                                \
	X(auth_signatures_bad, "answered 403: signed URLs, expired or wrong")              \
	X(auth_waits, "logins held back after wrong ones from their address")              \
	X(auth_crowded, "answered 503 and closed: too many of these")                      \
	X(sessions_stolen, "answered 454: a session of another address or user")           \
	X(sessions_ended, "media sessions that ended")                                     \
	X(packets_sent, "RTP packets handed to the kernel or to a connection")             \
	X(bytes_sent, "their bytes, RTP headers included")                                 \
	X(packets_dropped_fault, "RTP packets that a fault kept back for good")            \
	X(packets_dropped_tcp, "interleaved frames dropped because the client is slow")    \
	X(packets_late, "RTP packets that left more than 100 ms after their time")         \
	X(packets_thinned, "left out by importance: their TCP client is slow")             \
	X(packets_too_late, "left out: too late to be of use to their TCP client")         \
	X(thin_steps_down, "times a stream went down in quality")                          \
	X(thin_steps_up, "times it went up again")                                         \
	X(thin_1_ms, "stream time at quality 1: no frames that nothing refers to")         \
	X(thin_2_ms, "at 2: 75 % of the frames that others refer to")                      \
	X(thin_3_ms, "at 3: 50 %")                                                         \
	X(thin_4_ms, "at 4: 25 %")                                                         \
	X(thin_5_ms, "at 5: sync samples")                                                 \
	X(thin_6_ms, "at 6: every second sync sample")                                     \
	X(ahead_waits, "times stored media waited for their TCP client to read")           \
	X(packets_dropped_udp, "datagrams dropped at a full send buffer")                  \
	X(packets_failed_udp, "datagrams that the kernel refused")                         \
	X(packets_in_trains, "RTP packets that left in trains (UDP_SEGMENT)")              \
	X(trains_refused, "trains that the kernel refused: sent packet by packet")         \
	X(packets_fragmented, "longer than the path takes whole: sent in fragments")       \
	X(rtcp_sent, "RTCP compounds sent")                                                \
	X(rtcp_received, "valid RTCP compounds of known streams")                          \
	X(rtcp_bad, "RTCP compounds that break 3550 A.2")                                  \
	X(rtcp_foreign, "RTCP compounds about a stream, from another address")             \
	X(rtcp_unknown, "RTCP compounds of nobody we know")                                \
	X(frames_unknown, "interleaved frames of a channel without a stream")              \
	X(rtp_received, "datagrams and frames on our RTP side")                            \
	X(media_waits, "times a packet was due and still being loaded")                    \
	X(loops, "times a medium began again at its end (pref loop)")                      \
	X(media_opens, "files opened, or found open, for DESCRIBE and SETUP")              \
	X(media_open_not_found, "answered 404: there is no such file")                     \
	X(media_open_folder, "answered 404: a folder")                                     \
	X(media_open_outside, "answered 403: a link leads out of the folder")              \
	X(media_open_denied, "answered 403: we may not read it")                           \
	X(media_open_device, "answered 403: a device, a FIFO or a socket")                 \
	X(media_open_empty, "answered 415: a file without an octet")                       \
	X(media_open_truncated, "answered 415: the file ends early")                       \
	X(media_open_corrupt, "answered 415: the file contradicts itself")                 \
	X(media_open_excessive, "answered 415: above our caps for a file")                 \
	X(media_open_unsupported, "answered 415: nothing in it that we can send")          \
	X(media_open_changed, "answered 503: the file is being written to")                \
	X(media_open_full, "answered 503 or 453: no descriptor or room for it")            \
	X(media_open_failed, "answered 500: the disk failed")                              \
	X(paths_outside, "answered 403: the URL climbs above the root")                    \
	X(paths_bad, "answered 400: a NUL or another broken escape in the URL")            \
	X(media_cache_bytes, "tables and blocks of files kept now")                        \
	X(media_cache_bytes_most, "at most ever")                                          \
	X(media_cache_pinned_bytes, "blocks that sessions hold now")                       \
	X(media_titles_open, "files open now")                                             \
	X(media_files_read, "files read: the others were found open")                      \
	X(media_blocks_filled, "blocks made")                                              \
	X(media_blocks_evicted, "blocks given up for others")                              \
	X(io_threads_now, "threads of the I/O pool now")                                   \
	X(io_threads_most, "at most ever")                                                 \
	X(access_log_lost, "lines of the access log that were not written")                \
	X(memory_trims, "times memory was given back after a rush")                        \
	X(listener_waits, "times maximum_connections_per_second let new connections wait") \
	X(listener_pauses, "times the listener ran out of descriptors, or memory")

struct stats {
#define STAT_FIELD(name, text) uint64_t name;
	STAT_TABLE(STAT_FIELD)
#undef STAT_FIELD
	uint64_t ended[CLOSE_COUNT]; /* sessions_ended by reason */
	uint64_t closed[END_COUNT];  /* connections_closed by reason */
};

/* *sum += *one. */
void stats_add(struct stats *sum, const struct stats *one);
/* JSON object with the profile of the prefs, all counters, what `more` (may be NULL) writes, each member with a
 * comma after it, and "ended" (sessions) and "closed" (connections) by reason, written beside and renamed.
 * 0 or -errno. */
int stats_write_file(const struct stats *s, unsigned workers, const char *profile, double uptime_s,
	const char *path, void (*more)(FILE *f, void *arg), void *arg);

/* Counts an answer by its status; 0: there was none. */
void stats_count_reply(struct stats *s, int status);

#endif
