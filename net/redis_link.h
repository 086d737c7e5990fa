/*
 * redis_link.h - one connection to a Redis, kept up: commands out, replies back in order.
 *
 * hiredis is the codec; connecting, deadlines and retries are here, for hiredis 0.14
 * has none of them. A link connects when it is made, and again whenever it is lost, at
 * once and then after waits that double. It is used on one thread, of a process that
 * ignores SIGPIPE.
 */
#ifndef NET_REDIS_LINK_H
#define NET_REDIS_LINK_H

#include "base/op.h"
#include "base/rng.h"
#include "base/str.h"
#include "net/redis_address.h"

struct event_base;
struct redisReply;
struct redis_link;

struct redis_link_limits {
	unsigned connect_ms; /* from the first byte to the last of the greeting */
	unsigned command_ms; /* with commands under way, without a byte to or fro */
	unsigned retry_min_ms, retry_max_ms;
	size_t reply_bytes;  /* a longer reply ends the connection */
	size_t queued_bytes; /* of commands that the server has not taken */
};

extern const struct redis_link_limits redis_link_limits;

struct redis_link_owner {
	/* Authenticated, and the database selected: commands are taken from now on. */
	void (*up)(void *arg);
	/*
	 * Lost, or an attempt failed; all commands have been called back. status:
	 * -EACCES where the server refused name, password or database (trying again
	 * will not help before somebody does something), else -EIO or -ETIMEDOUT. `why`
	 * is borrowed, and holds no password.
	 */
	void (*down)(void *arg, int status, const char *why);
};

enum redis_link_state {
	REDIS_LINK_CONNECTING,
	REDIS_LINK_UP,
	REDIS_LINK_WAITING, /* until the next attempt */
};

/*
 * All borrowed for the life of the link. The owner hears nothing before this has
 * returned. 0 or -ENOMEM.
 */
int redis_link_new(struct event_base *base, const struct rng *rng,
		   const struct redis_address *addr,
		   const struct redis_link_limits *limits,
		   const struct redis_link_owner *owner, void *arg,
		   struct redis_link **ret);
/* Commands under way end with -ECANCELED; the owner is not called. NULL is fine. */
void redis_link_free(struct redis_link *l);

enum redis_link_state redis_link_state(const struct redis_link *l);

/*
 * status: 0 and the reply, which may be an error of the server's (borrowed); or no
 * reply, and -EIO (the connection was lost: whether the command was carried out is not
 * known), -ETIMEDOUT, -ECANCELED or -ENOMEM.
 */
typedef void redis_link_cb(void *arg, int status, const struct redisReply *reply);

/*
 * The arguments are copied. Where the link is not up, or too much is queued, cb gets
 * -EIO before this returns.
 */
struct op *redis_link_send(struct redis_link *l, int argc, const struct str *argv,
			   redis_link_cb *cb, void *arg);
size_t redis_link_pending(const struct redis_link *l);

/* Leaves this connection, and tries again: for who finds the server unfit. */
void redis_link_leave(struct redis_link *l, int status, const char *why);
/* Moves to another loop, whose loop must not run. 0; or -EBUSY where it is not up. */
int redis_link_move(struct redis_link *l, struct event_base *base);

#endif
