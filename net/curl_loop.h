/*
 * curl_loop.h - libcurl's multi interface driven by a libevent loop.
 *
 * libcurl says which sockets and which timeout it waits for; this waits for
 * them. Nothing may be asked of libcurl about a transfer while it is inside a
 * callback: `inside` says so, and settle() is called when it is over.
 */
#ifndef NET_CURL_LOOP_H
#define NET_CURL_LOOP_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

struct loop_socket;

struct curl_loop_events {
	/* After curl_loop_kick(): the moment to add handles. */
	void (*start)(void *arg);
	/*
	 * libcurl does not wait for bytes on this transfer's socket. True: it only
	 * holds back, and the transfer goes on later.
	 */
	bool (*unread)(void *arg, CURL *easy, curl_socket_t fd);
	void (*done)(void *arg, CURL *easy, CURLcode result);
	/* libcurl has been left: do what could not be done inside. */
	void (*settle)(void *arg);
};

struct curl_loop {
	struct event_base *base;
	const struct clock *clock;
	CURLM *multi;
	struct event timer, kick;
	uint64_t timer_due; /* monotonic milliseconds, while the timer is pending */
	bool inside;        /* of a libcurl function that may call back */
	bool starting;      /* and of start() */
	const struct curl_loop_events *events;
	void *arg;
	struct loop_socket **sockets; /* by descriptor; owned */
	size_t n_sockets;
	LIST_HEAD(, loop_socket) idle; /* connections without a transfer, newest first */
	size_t n_idle, max_idle;
	uint64_t connects;
};

/* 0 or -ENOMEM. On failure there is nothing to be undone. */
int curl_loop_init(struct curl_loop *l, struct event_base *base,
		   const struct clock *clock, size_t max_idle,
		   const struct curl_loop_events *events, void *arg);
/* Closes what is idle. No handle may be left in it. */
void curl_loop_done(struct curl_loop *l);
/* Has start() called, later in this turn of the event loop. */
void curl_loop_kick(struct curl_loop *l);
/* Makes a handle open and close its sockets here. */
CURLcode curl_loop_own_sockets(struct curl_loop *l, CURL *easy);

/*
 * A transfer is about to use the connection with this port of ours. If it was idle,
 * it no longer is; libcurl alone does not say so where all it wants to know of the
 * socket is done, or held back, before it first waits for it. The result (NULL: a
 * new connection) goes to curl_loop_release() when the transfer has left libcurl.
 */
struct loop_socket *curl_loop_take(struct curl_loop *l, int port);
void curl_loop_release(struct loop_socket *s); /* NULL is fine */

#endif
