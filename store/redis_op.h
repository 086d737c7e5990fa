/*
 * redis_op.h - one operation on its way to a Redis and back.
 *
 * It takes one step or more. A step sends any number of commands in one go, and the next
 * one follows when all of them have been answered; an operation without a next step ends.
 * What the server refuses ends it at the end of its step. Where the server has lost the
 * script, the operation is held back and begins anew once the script is there again.
 */
#ifndef STORE_REDIS_OP_H
#define STORE_REDIS_OP_H

#include "net/redis_link.h"
#include "store/call.h"
#include "store/redis_entry.h"

#include <sys/queue.h>

struct arena;
struct event;
struct redisReply;
struct redis_op;

TAILQ_HEAD(redis_ops, redis_op);

/* Has the server forget what lies in its files: redis_wipe.c. */
struct redis_wipe {
	struct event *timer; /* until another may be asked for */
	bool again;          /* then ask */
	bool told;           /* that the server will not */
	bool log, snapshot;  /* which files the server writes */
};

struct store_redis {
	struct call_store base;
	struct event_base *events;
	const struct clock *clock;
	struct log log;
	struct arena *mem; /* holds the address */
	struct redis_address addr;
	struct str name; /* of the server, for messages */
	struct redis_link *link;
	bool ready;     /* up, and prepared: redis_open.c */
	bool no_script; /* lost by the server: to be loaded again */
	bool unfit;     /* to be left: it has become a replica */
	bool closing;
	struct redis_ops under_way; /* their commands are with the link */
	struct redis_ops held;      /* for the server or the script, by number */
	uint64_t last_number;
	char sha[41]; /* of the script */
	struct digest secret;
	bool has_secret;
	struct store_stats stats;
	struct redis_wipe wipe;
	struct {
		struct digest offer; /* a secret, for a server that has none */
		int status;          /* of what has failed; -EINVAL: for good */
		char why[256];
		bool told; /* the warnings */
		bool wipe; /* was left to us */
	} open;
};

typedef void redis_step(struct redis_op *o);

struct redis_op {
	struct op op;
	TAILQ_ENTRY(redis_op) entry;
	struct store_redis *st;
	struct arena *mem; /* holds this and what belongs to it */
	struct call call;
	uint64_t number, now_ms;
	struct str keys[REDIS_USER_KEYS]; /* of the call's partition, if any */
	struct str name;                  /* in the list of users */
	size_t awaited;                   /* replies */
	redis_step *next;
	void *state; /* of operations of several steps */
	struct answer answer;
	int failed;
	bool no_script, sending, cancelled;
	bool *ended; /* told when it ends while it is being submitted */
};

/* 0 or what the operation is to end with. `i` is as it was given with the command. */
typedef int redis_reply_fn(struct redis_op *o, const struct redisReply *reply, size_t i);

/* `fn` NULL: only whether it went well matters. */
void redis_op_send(struct redis_op *o, const struct str *argv, size_t n,
		   redis_reply_fn *fn, size_t i);
/* The script, on these keys; argv[0] names the operation. */
void redis_op_script(struct redis_op *o, const struct str *keys, size_t n_keys,
		     const struct str *argv, size_t n, redis_reply_fn *fn, size_t i);
/* A number as an argument. */
struct str redis_arg(struct redis_op *o, uint64_t n);
/* Ends the operation at the end of its step. */
void redis_op_fail(struct redis_op *o, int status);

/* The first step of each kind. */
redis_step redis_begin_change, redis_begin_read, redis_begin_users, redis_begin_expire;

/* Notes how many exchanges a user has; nobody waits for it. */
void redis_note_count(struct redis_op *o, struct str name, long long n);
/* As a last step: what store_stats() tells. */
redis_step redis_count_all;

/* Replies: -EIO where they are not as expected. */
int redis_reply_text(const struct redisReply *r, struct str *ret);
int redis_reply_number(const struct redisReply *r, uint64_t *ret);
int redis_reply_array(const struct redisReply *r, size_t n); /* n elements at least */
/* What a change is answered with: {status, n, exchanges of the user; -1: none}. */
struct redis_outcome {
	int status; /* 0, or as of store.h */
	bool again;
	uint64_t n;
	long long exchanges;
};
int redis_reply_outcome(const struct redisReply *r, struct redis_outcome *ret);

/* Called when the link is up: on 0 the store is ready. */
void redis_prepare(struct store_redis *st);
/* redis_prepare() tells. */
void redis_prepared(struct store_redis *st, int status);

int redis_wipe_init(struct store_redis *st);
void redis_wipe_done(struct store_redis *st);
void redis_wipe_want(struct store_redis *st);
/* Before the end: what is still wanted is asked for; */
void redis_wipe_flush(struct store_redis *st);
/* what was refused even so is left to whoever opens next, */
void redis_wipe_leave(struct store_redis *st);
/* and taken over from whoever was there before. */
void redis_wipe_take_over(struct store_redis *st);

#endif
