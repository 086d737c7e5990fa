/* redis_address.h - where a Redis is, and as whom to speak to it. */
#ifndef NET_REDIS_ADDRESS_H
#define NET_REDIS_ADDRESS_H

#include "base/str.h"

struct arena;

struct redis_address {
	struct str
		host; /* a name, or an address without brackets; with a NUL behind it */
	unsigned port;
	struct str socket;         /* a Unix socket's path instead; absent: TCP */
	struct str user, password; /* absent where there is none */
	unsigned db;
};

/*
 * "redis://[[user]:password@][host][:port][/db]", or
 * "redis+unix://[[user]:password@]/path
 * [?db=N]". 0, into the arena; -ENOMEM; or -EINVAL, and *why (constant) says what is
 * wrong.
 */
int redis_address_parse(struct arena *mem, struct str url, struct redis_address *ret,
			const char **why);

/* "host:port/db" or "path/db", without user and password: for messages. */
struct str redis_address_name(struct arena *mem, const struct redis_address *a);

#endif
