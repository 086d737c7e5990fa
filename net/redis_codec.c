/*
 * redis_codec.c - Redis's protocol by hiredis, with bounds.
 *
 * hiredis waits for as many bytes as a server announces, which is bounded here by what
 * has come; but the elements of an array it allocates when they are announced.
 */
#include "net/redis_codec.h"

#include <errno.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

enum { MAX_ARGS = 32, MAX_CHUNKS = 16, MAX_ELEMENTS = 1 << 22 };

struct redis_codec {
	redisReader *reader;
	redisReplyObjectFunctions fn; /* hiredis's own, but for arrays */
	const redisReplyObjectFunctions *own;
	size_t max_reply, since_reply;
};

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static void *create_array(const redisReadTask *task, element_count n)
{
	struct redis_codec *c = task->privdata;

	return n <= MAX_ELEMENTS ? c->own->createArray(task, n) : NULL;
}

struct redis_codec *redis_codec_new(size_t max_reply)
{
	struct redis_codec *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->reader = redisReaderCreate();
	if (c->reader == NULL) {
		free(c);
		return NULL;
	}
	c->own = c->reader->fn;
	c->fn = *c->own;
	c->fn.createArray = create_array;
	c->reader->fn = &c->fn;
	c->reader->privdata = c;
	c->max_reply = max_reply;
	return c;
}

void redis_codec_free(struct redis_codec *c)
{
	if (c != NULL)
		redisReaderFree(c->reader);
	free(c);
}

static void free_command(const void *p, size_t n, void *arg)
{
	(void)n;
	(void)arg;
	redisFreeCommand((char *)(uintptr_t)p);
}

int redis_codec_write(struct evbuffer *to, int argc, const struct str *argv)
{
	const char *texts[MAX_ARGS];
	size_t lengths[MAX_ARGS];
	char *command;
	int n;

	if (argc > MAX_ARGS)
		return -EINVAL;
	for (int i = 0; i < argc; i++) {
		texts[i] = argv[i].p ? argv[i].p : "";
		lengths[i] = argv[i].len;
	}
	n = redisFormatCommandArgv(&command, argc, texts, lengths);
	if (n < 0)
		return -ENOMEM;
	if (evbuffer_add_reference(to, command, (size_t)n, free_command, NULL) < 0) {
		redisFreeCommand(command);
		return -ENOMEM;
	}
	return 0;
}

int redis_codec_feed(struct redis_codec *c, struct evbuffer *from)
{
	struct evbuffer_iovec v[MAX_CHUNKS];
	int n;

	c->since_reply += evbuffer_get_length(from);
	while ((n = evbuffer_peek(from, -1, NULL, v, MAX_CHUNKS)) > 0) {
		size_t taken = 0;

		for (int i = 0; i < n && i < MAX_CHUNKS; i++) {
			if (redisReaderFeed(c->reader, v[i].iov_base, v[i].iov_len) != 0)
				return -ENOMEM;
			taken += v[i].iov_len;
		}
		evbuffer_drain(from, taken);
	}
	return 0;
}

int redis_codec_next(struct redis_codec *c, struct redisReply **ret)
{
	void *reply = NULL;

	if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
		return c->reader->err == REDIS_ERR_OOM ? -ENOMEM : -EPROTO;
	if (reply != NULL)
		c->since_reply = c->reader->len - c->reader->pos;
	else if (c->since_reply > c->max_reply)
		return -EMSGSIZE;
	*ret = reply;
	return 0;
}

void redis_codec_free_reply(struct redisReply *reply)
{
	freeReplyObject(reply);
}

const char *redis_codec_error(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}
