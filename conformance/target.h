/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TARGET_H
#define CONFORMANCE_TARGET_H

#include "conformance/login.h"

/* The server under test: where it is, and what discovery learnt about it. */
enum { TARGET_FEATURES = 32 };
struct target {
	char *url;      /* as given, without user and password */
	char *shown;    /* the same for people and files: without tokens */
	char host[256]; /* without [] */
	char port[8], path[1024];
	struct sockaddr_storage addr;
	socklen_t addr_len;
	/* other ways in; NULL or empty: none was named */
	struct door_places places;
	char *tls_url, *auth_url; /* auth_url: what credentials are asked for */
	char tls_host[256];
	char *tls_tracks[MEDIA_STREAMS], *auth_track, *auth_aggregate;
	char user[128], password[256];
	struct login login;
	bool asks; /* it wants credentials for everything, and login has them */
	/* discovery */
	char *describe, *description; /* request and reply, as they went over the wire */
	size_t describe_n, description_n;
	struct ox_sdp sdp; /* views into description */
	char *aggregate;   /* control URL of the presentation */
	char *tracks[MEDIA_STREAMS];
	size_t n_tracks;
	double duration;   /* s; 0: unknown or endless */
	char banner[128];  /* Server header */
	char methods[256]; /* Public; empty: none was sent */
	const char *features[TARGET_FEATURES];
	size_t n_features;
};

struct target_opts {
	const char *url;
	const char *tls_url,
		*auth_url; /* NULL: none; auth_url: that itself, when it asks for credentials */
	const char *
		credentials; /* file with one line "user:password"; NULL: BEAGLE_USER, BEAGLE_PASSWORD */
};

/* Reads the URL and finds the address. 0, or an error with *why (heap; the caller frees). */
MUST_USE int target_init(struct target *t, const char *url, char **why);
/* The same with the other doors. */
MUST_USE int target_init_doors(struct target *t, const struct target_opts *o, char **why);
void target_clear(struct target *t);
bool target_is_loopback(const struct target *t);
bool target_has(const struct target *t, const char *feature);

/*
 * Asks the target what it is: OPTIONS, DESCRIBE, a trial SETUP over UDP and one over TCP. 0; -errno
 * or ERR_TIMEOUT when it can't be reached; ERR_STATE when it has no description to judge. *why tells
 * (heap; the caller frees). A failing answer never makes a feature missing: only a refusal that says
 * so (461, a method not in Public) does.
 */
MUST_USE int target_discover(struct target *t, const volatile sig_atomic_t *stop, char **why);

/* In discovery: what the named doors and the tunnel offer (target_door.c). 0, or an error with *why when a
 * door that was named stays shut. */
MUST_USE int target_discover_doors(struct target *t, struct links *l, char **why);
void target_feature(struct target *t, const char *name, bool has);

#endif
