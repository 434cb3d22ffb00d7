/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_SHELF_H
#define SERVER_TESTS_SHELF_H

#include "server/media/title_parts.h"

/* Room for all; packets of one clip. */
enum { SHELF_ROOMY = 64 << 20, SHELF_CLIP_PACKETS = 259 + 23 };

/* A folder of clips and a cache over it. */
struct shelf {
	char dir[32];
	int root;
	struct title_cache *c;
};

void shelf_open(struct shelf *s, size_t bytes, uint32_t titles);
/* Everything must have been given back. */
void shelf_close(struct shelf *s);

void shelf_put(struct shelf *s, const char *name, struct bytes what);
void shelf_remove(struct shelf *s, const char *name);
/* n clips, named 0.mp4 and so on. */
void shelf_put_many(struct shelf *s, int n);
void shelf_remove_many(struct shelf *s, int n);
/* The i-th one's name, into 16 octets. */
void shelf_name(char *name, int i);

/* Asks the cache, and reads what it must at once. */
int shelf_request(struct shelf *s, const char *path, bool for_session, struct title **t);
struct title *shelf_open_title(struct shelf *s, const char *path);
/* The next packet of any track. */
int shelf_next(struct source *s, struct packet *p);
/* Plays to the end: packets, or the error. */
int shelf_play_out(struct source *s);

#endif
