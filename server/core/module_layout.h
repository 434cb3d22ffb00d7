/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_MODULE_LAYOUT_H
#define SERVER_CORE_MODULE_LAYOUT_H

#include <stddef.h>

#include "server/core/prefs.h"
#include "server/core/rtp_session.h"
#include "server/core/rtsp_session.h"
#include "server/core/rtsp_txn.h"
#include "server/core/stats.h"
#include "server/core/worker.h"
#include "server/media/source.h"

/*
 * What a module that is loaded must agree in with the server (module.h): MODULE_LAYOUT follows from the sizes
 * of all types that it can look into and from where the fields stand that it looks at; module_rows names
 * what the tables make of rows, one by one, since two counters that change places change no size.
 */
#define MODULE_MIX(a, b) ((a)*UINT64_C(1000003) + (b))
#define MODULE_SIZES                                                                             \
	MODULE_MIX(                                                                              \
		MODULE_MIX(MODULE_MIX(MODULE_MIX(sizeof(struct rtsp_txn), sizeof(struct prefs)), \
				   MODULE_MIX(sizeof(struct stats), sizeof(struct worker))),     \
			MODULE_MIX(sizeof(struct rtsp_session), sizeof(struct rtp_session))),    \
		MODULE_MIX(MODULE_MIX(sizeof(struct rtp_stream), sizeof(struct conn)),           \
			MODULE_MIX(sizeof(struct source), sizeof(struct loop))))

/* Fields that modules look at: a module that looks at another adds it. */
#define MODULE_FIELDS(X)             \
	X(rtsp_txn, worker)          \
	X(rtsp_txn, home)            \
	X(rtsp_txn, conn)            \
	X(rtsp_txn, task)            \
	X(rtsp_txn, peer)            \
	X(rtsp_txn, local)           \
	X(rtsp_txn, secure)          \
	X(rtsp_txn, received)        \
	X(rtsp_txn, wake_at)         \
	X(rtsp_txn, req)             \
	X(rtsp_txn, raw)             \
	X(rtsp_txn, arena)           \
	X(rtsp_txn, url)             \
	X(rtsp_txn, path)            \
	X(rtsp_txn, session)         \
	X(rtsp_txn, used_session)    \
	X(rtsp_txn, action)          \
	X(rtsp_txn, user)            \
	X(rtsp_txn, by_signature)    \
	X(rtsp_txn, opening)         \
	X(rtsp_txn, source)          \
	X(rtsp_txn, status)          \
	X(rtsp_txn, writer)          \
	X(rtsp_txn, reply)           \
	X(rtsp_txn, close)           \
	X(rtsp_session, w)           \
	X(rtsp_session, conn)        \
	X(rtsp_session, n_requests)  \
	X(rtp_session, w)            \
	X(rtp_session, id)           \
	X(rtp_session, path)         \
	X(rtp_session, peer)         \
	X(rtp_session, user)         \
	X(rtp_session, by_signature) \
	X(rtp_session, state)        \
	X(rtp_session, source)       \
	X(rtp_session, streams)      \
	X(rtp_session, n_streams)    \
	X(rtp_stream, session)       \
	X(rtp_stream, ssrc)          \
	X(rtp_stream, packets)       \
	X(rtp_stream, octets)        \
	X(rtp_stream, report)        \
	X(conn, io)                  \
	X(worker, index)             \
	X(worker, loop)              \
	X(worker, prefs)             \
	X(worker, server)            \
	X(worker, draining)          \
	X(worker, stats)             \
	X(source, ops)               \
	X(source, tracks)            \
	X(source, n_tracks)          \
	X(loop, now)

enum module_field {
#define MODULE_FIELD_ID(type, field) MODULE_FIELD_##type##_##field,
	MODULE_FIELDS(MODULE_FIELD_ID)
#undef MODULE_FIELD_ID
};
/* Each with a weight of its own, so that two that change places are seen. */
#define MODULE_FIELD_MIX(type, field) \
	+MODULE_MIX(MODULE_FIELD_##type##_##field, 1) * offsetof(struct type, field)
#define MODULE_LAYOUT MODULE_MIX(MODULE_SIZES, (UINT64_C(0) MODULE_FIELDS(MODULE_FIELD_MIX)))

/* Preferences, counters, and the reasons that are counted, in order. */
static const char module_rows[] =
#define PREF_NUM(name, ...)  #name " "
#define PREF_STR(name, ...)  #name " "
#define PREF_NETS(name, ...) #name " "
#include "server/prefs.def"
#undef PREF_NUM
#undef PREF_STR
#undef PREF_NETS
#define MODULE_ROW(name, ...) #name " "
	STAT_TABLE(MODULE_ROW) CLOSE_TABLE(MODULE_ROW) END_TABLE(MODULE_ROW);
#undef MODULE_ROW

#endif
