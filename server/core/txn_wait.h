/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TXN_WAIT_H
#define SERVER_CORE_TXN_WAIT_H

/*
 * A ticket for a request that a module keeps waiting (MOD_WAIT) while something else, on another thread
 * say, finds the answer. It outlives the request: a signal that comes too late touches nothing.
 *
 * Take one in the role that answers MOD_WAIT; signal it when the role is to be asked again; drop it when
 * done with it. It holds from the role that took it until that role is left: answered, passed, timed out.
 */
struct rtsp_txn;
struct txn_wait;

/* On the worker that has the request. Each is dropped by its taker. */
struct txn_wait *txn_wait_take(struct rtsp_txn *t);
/* From any thread, any number of times. */
void txn_wait_signal(struct txn_wait *k);
/* From any thread, once; k is gone then. NULL is fine. */
void txn_wait_drop(struct txn_wait *k);

/* For the server: signals after this mean nothing; on the worker that has the request. */
void txn_wait_end(struct rtsp_txn *t);

#endif
