/*
 * pg_dial.h - a connection made by a thread of its own.
 *
 * libpq looks names up, shakes hands and hashes passwords while it connects; a
 * loop that serves others has no time for that.
 */
#ifndef STORE_PG_DIAL_H
#define STORE_PG_DIAL_H

#include <libpq-fe.h>

struct pg_dial;

/* NULL: out of memory, threads or descriptors. */
struct pg_dial *pg_dial_start(const char *url);
/* Becomes readable once pg_dial_end() may be called. */
int pg_dial_fd(const struct pg_dial *d);
/* Frees it. As pg_connect(); *reterr may be NULL. */
int pg_dial_end(struct pg_dial *d, PGconn **ret, char **reterr);
/* Frees it, now or as soon as the thread is done. NULL is fine. */
void pg_dial_abandon(struct pg_dial *d);

#endif
