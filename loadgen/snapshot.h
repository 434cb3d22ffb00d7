/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_SNAPSHOT_H
#define LOADGEN_SNAPSHOT_H

#include "server/base/hist.h"
#include "server/base/tick.h"

/*
 * Everything that a run counts: counters and histograms, no pointer into a session. Two snapshots
 * merge by addition, so worker processes (and machines) need no other channel for their results.
 * Counters that can be taken back (a late packet is no longer lost) are signed.
 */
#define COUNTER_TABLE(X)                                                                          \
	X(sessions_started, "sessions that reached their start time and opened a connection")     \
	X(sessions_connected, "connections established")                                          \
	X(sessions_played, "sessions whose PLAY was accepted")                                    \
	X(sessions_completed, "sessions that played to their end, TEARDOWN accepted")             \
	X(sessions_failed, "sessions that ended in any other way")                                \
	X(sessions_silent, "of the completed ones, those that never brought a packet")            \
	X(sessions_judged, "sessions whose packets due are known")                                \
	X(sessions_below_99, "of the judged ones, those that got less than 99 % of what was due") \
	X(arrivals_dropped, "sessions that could not start: the generator was out of something")  \
	X(requests, "RTSP requests sent")                                                         \
	X(replies, "RTSP replies received")                                                       \
	X(replies_bad, "replies that could not be read, or answer no request")                    \
	X(server_requests, "requests that the server sent us")                                    \
	X(keepalives, "requests sent only to keep a session alive")                               \
	X(streams, "media streams set up")                                                        \
	X(streams_silent, "streams that never brought a packet")                                  \
	X(packets_due, "packets due to all judged sessions for the time they played")             \
	X(packets_received, "RTP packets received, duplicates included")                          \
	X(bytes_received, "bytes of those packets, RTP header and payload")                       \
	X(packets_lost, "packets missing before the last one received of their stream")           \
	X(packets_lost_head, "of those, missing before the first one received")                   \
	X(packets_tail_lost, "packets due that are missing after the last one received")          \
	X(packets_duplicate, "packets received more than once")                                   \
	X(packets_reordered, "packets that came after a newer one")                               \
	X(packets_checked, "packets whose payload was verified byte for byte")                    \
	X(packets_corrupt, "packets whose pattern payload was wrong in any byte")                 \
	X(packets_untimed, "packets whose time of arrival we do not know: we read too late")      \
	X(position_gaps, "media positions skipped without a gap in the sequence numbers")         \
	X(position_errors, "packets whose media position contradicts their sequence number")      \
	X(seq_restarts, "jumps of the sequence number that are no loss")                          \
	X(timestamp_jumps, "jumps of the RTP time by more than a minute")                         \
	X(ssrc_changes, "changes of a stream's SSRC while it played")                             \
	X(malformed, "datagrams or frames that are no RTP packet")                                \
	X(wrong_type, "packets of a payload type that the SDP does not name")                     \
	X(wrong_source, "packets from the server, but not from the port it had named")            \
	X(strays, "packets from an address or for a stream that no session knows")                \
	X(truncated, "datagrams longer than the receive buffer")                                  \
	X(stalls, "silences longer than the media time they span, beyond the stall limit")        \
	X(stalls_open, "streams that were silent when their session ended")                       \
	X(rtcp_received, "RTCP packets received")                                                 \
	X(rtcp_reports_received, "sender reports received")                                       \
	X(rtcp_byes_received, "RTCP BYE packets received")                                        \
	X(rtcp_malformed, "RTCP packets that could not be read")                                  \
	X(rtcp_sent, "RTCP compound packets sent")                                                \
	X(send_failed, "datagrams that the system refused to send")                               \
	X(own_drops, "datagrams that our own full receive buffers dropped")

/* field, name and origin in the result (reports/result.h), largest value, text. Three digits; in ns but
 * for shares (HIST_SHARE), which are in millionths. */
#define HIST_TABLE(X)                                                                             \
	X(connect, "connect", "intended", HIST_LATENCY, "TCP connection established")             \
	X(connect_sent, "connect", "sent", HIST_LATENCY, "TCP connection established")            \
	X(options, "options", "intended", HIST_LATENCY, "OPTIONS reply")                          \
	X(options_sent, "options", "sent", HIST_LATENCY, "OPTIONS reply")                         \
	X(describe, "describe", "intended", HIST_LATENCY, "DESCRIBE reply")                       \
	X(describe_sent, "describe", "sent", HIST_LATENCY, "DESCRIBE reply")                      \
	X(setup, "setup", "intended", HIST_LATENCY, "SETUP reply")                                \
	X(setup_sent, "setup", "sent", HIST_LATENCY, "SETUP reply")                               \
	X(play, "play", "intended", HIST_LATENCY, "PLAY reply")                                   \
	X(play_sent, "play", "sent", HIST_LATENCY, "PLAY reply")                                  \
	X(pause, "pause", "intended", HIST_LATENCY, "PAUSE reply")                                \
	X(pause_sent, "pause", "sent", HIST_LATENCY, "PAUSE reply")                               \
	X(keepalive, "get_parameter", "intended", HIST_LATENCY, "reply to a keep-alive")          \
	X(keepalive_sent, "get_parameter", "sent", HIST_LATENCY, "reply to a keep-alive")         \
	X(teardown, "teardown", "intended", HIST_LATENCY, "TEARDOWN reply")                       \
	X(teardown_sent, "teardown", "sent", HIST_LATENCY, "TEARDOWN reply")                      \
	X(ready, "ready", "intended", HIST_LATENCY,                                               \
		"intended start of the session to the PLAY reply")                                \
	X(startup, "startup", "intended", HIST_LATENCY,                                           \
		"intended start of the session to its first RTP packet")                          \
	X(first_packet, "first_packet", "sent", HIST_LATENCY,                                     \
		"PLAY sent to the first RTP packet of a track")                                   \
	X(first_packet_reply, "first_packet", "reply", HIST_LATENCY,                              \
		"PLAY reply to the first RTP packet of a track")                                  \
	X(lateness, "lateness", "rtp", HIST_MEDIA,                                                \
		"a frame's first packet, late against the RTP clock")                             \
	X(frame_spread, "frame_spread", "rtp", HIST_MEDIA,                                        \
		"a frame's other packets, after its first")                                       \
	X(jitter, "jitter", "rtp", HIST_MEDIA, "RFC 3550 interarrival jitter, every 16th packet") \
	X(transit, "transit", "clock", HIST_MEDIA,                                                \
		"send stamp in the payload to the receive stamp")                                 \
	X(stall, "stall", "rtp", HIST_MEDIA, "length of stalls")                                  \
	X(longest_gap, "longest_gap", "clock", HIST_MEDIA, "longest silence of each stream")      \
	X(shortfall, "shortfall", "due", HIST_SHARE, "packets missing of those due to a session") \
	X(start_lag, "start_lag", "intended", HIST_MEDIA,                                         \
		"actual less intended start of a session")                                        \
	X(timer_lag, "timer_lag", "clock", HIST_MEDIA, "our own 1 ms timer, late")                \
	X(generator_lag, "generator_lag", "clock", HIST_MEDIA,                                    \
		"the part of it that our own work caused")

#define HIST_LATENCY ((int64_t)600 * TICK_S)
#define HIST_MEDIA   ((int64_t)120 * TICK_S)
#define HIST_SHARE   ((int64_t)1000000)
enum { HIST_DIGITS = 3 };

/* Why a session ended: the names of Darwin's StreamingLoadTool, and two more. */
#define DEATH_TABLE(X)                                                                      \
	X(DIED_NORMALLY, "DiedNormally", "played to its end, TEARDOWN accepted")            \
	X(TEARDOWN_FAILED, "TeardownFailed", "TEARDOWN refused or not answered")            \
	X(REQUEST_FAILED, "RequestFailed", "a request was refused or its reply unreadable") \
	X(BAD_SDP, "BadSDP", "the description could not be used")                           \
	X(SESSION_TIMEDOUT, "SessionTimedout", "no reply, or no packet, for too long")      \
	X(CONNECTION_FAILED, "ConnectionFailed", "no connection, or lost before PLAY")      \
	X(DIED_WHILE_PLAYING, "DiedWhilePlaying", "the connection was lost while playing")  \
	X(GENERATOR_LIMIT, "GeneratorLimit", "we ran out of descriptors or ports")          \
	X(INTERRUPTED, "Interrupted", "the user ended the run first")

#define DEATH_ENUM(id, name, text) id,
enum death { DEATH_TABLE(DEATH_ENUM) N_DEATHS };
#undef DEATH_ENUM

enum { STATUS_MAX = 600 };

struct snapshot {
#define COUNTER_FIELD(field, text) int64_t field;
	COUNTER_TABLE(COUNTER_FIELD)
#undef COUNTER_FIELD
	int64_t deaths[N_DEATHS];
	int64_t statuses[STATUS_MAX]; /* replies by status; those out of 100 … 599 under 0 */
	double worst_share;   /* least received / due over the judged sessions; merged by min */
	tick_t longest_stall; /* merged by max */
#define HIST_FIELD(field, name, origin, max, text) struct hist field;
	HIST_TABLE(HIST_FIELD)
#undef HIST_FIELD
};

struct counter_row {
	const char *name, *text;
	size_t at; /* of the int64_t in struct snapshot */
};
struct hist_row {
	const char *name, *origin, *text;
	const char *unit; /* "ns", "ppm" */
	size_t at;        /* of the struct hist */
	int64_t max;
};
struct death_row {
	const char *name, *text;
};
extern const struct counter_row counter_rows[];
extern const size_t n_counter_rows;
extern const struct hist_row hist_rows[];
extern const size_t n_hist_rows;
extern const struct death_row death_rows[N_DEATHS];

/*
 * What the measuring code writes to: the sum of the run, and histograms of the second under way,
 * which the run empties once a second.
 */
enum { SECOND_DIGITS = 2 };
struct tally {
	struct snapshot sum;
	struct hist lateness, setup, lag;
};
void tally_init(struct tally *t);
void tally_clear(struct tally *t); /* frees */
void tally_next_second(struct tally *t);

void snapshot_init(struct snapshot *s);
void snapshot_clear(struct snapshot *s); /* frees */
/* Adds b to a. */
void snapshot_add(struct snapshot *a, const struct snapshot *b);
int64_t snapshot_counter(const struct snapshot *s, const struct counter_row *row);
const struct hist *snapshot_hist(const struct snapshot *s, const struct hist_row *row);

#endif
