/*
 * front_evhttp.h - evhttp, reduced to what the gate needs of it: it accepts,
 * owns the connections and says when a request begins and has ended.
 */
#ifndef PROXY_FRONT_EVHTTP_H
#define PROXY_FRONT_EVHTTP_H

#include "base/str.h"

#include <stdbool.h>

struct bufferevent;
struct event_base;
struct evhttp_connection;
struct evhttp_request;
struct front;
struct sockaddr;

/* The bufferevent of a socket that is being accepted, or NULL to refuse it. */
typedef struct bufferevent *front_accept_cb(void *arg);
/* evhttp has freed a connection by itself, and its bufferevent and request with it. */
typedef void front_lost_cb(struct evhttp_connection *ec, void *arg);

/* 0, -ENOMEM, or -ENOTSUP where evhttp does not work as it has to. */
int front_new(struct event_base *base, front_accept_cb *on_accept, void *arg,
	      struct front **ret);
void front_free(struct front *f); /* connections not closed are freed. NULL is fine */

/* Accepts on a listening socket, which stays the caller's. 0 or -errno. */
int front_listen(struct front *f, int fd);
/*
 * Accepts, or stops. A listener stops by itself when accept(2) fails, for want
 * of descriptors for one: call this again after a while.
 */
void front_accept(struct front *f, bool on);

/*
 * evhttp's side of a connection, once on_accept() has returned; NULL where
 * evhttp has dropped it already. It stays evhttp's; on_lost(ec, arg) says that
 * it has gone without front_close().
 */
struct evhttp_connection *front_adopt(struct bufferevent *bev, front_lost_cb *on_lost,
				      void *arg);
/*
 * Begins a request: evhttp is shown a head of our own. NULL when out of
 * memory; close the connection then, unless it was lost.
 * evhttp leaves reading disabled.
 */
struct evhttp_request *front_begin(struct front *f, struct evhttp_connection *ec);
/*
 * The reply is written, all of it. The request is dead; evhttp has put its own
 * callbacks in place of the bufferevent's, and enabled reading.
 */
void front_end(struct evhttp_request *req);
/* Frees the connection with its bufferevent, its socket and its request. */
void front_close(struct evhttp_connection *ec);

/* Borrowed from the connection. */
const struct sockaddr *front_peer(struct evhttp_connection *ec);
struct str front_peer_text(struct evhttp_connection *ec); /* numeric, without the port */

#endif
