/* redis_codec.h - Redis's protocol by hiredis, with bounds. Private to net/. */
#ifndef NET_REDIS_CODEC_H
#define NET_REDIS_CODEC_H

#include "base/str.h"

struct evbuffer;
struct redisReply;
struct redis_codec;

struct redis_codec *redis_codec_new(size_t max_reply); /* NULL when out of memory */
void redis_codec_free(struct redis_codec *c);          /* NULL is fine */

/* One command, at the end of the buffer. 0 or -ENOMEM. */
int redis_codec_write(struct evbuffer *to, int argc, const struct str *argv);
/* Takes all of the buffer. 0 or -ENOMEM. */
int redis_codec_feed(struct redis_codec *c, struct evbuffer *from);
/* A whole reply, to be freed; NULL: there is none yet. 0, -EPROTO, -ENOMEM, or
 * -EMSGSIZE where one gets too long. */
int redis_codec_next(struct redis_codec *c, struct redisReply **ret);
void redis_codec_free_reply(struct redisReply *reply);
/* The text of a reply that is an error; else NULL. NULL is fine. */
const char *redis_codec_error(const struct redisReply *reply);

#endif
