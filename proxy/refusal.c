/* refusal.c - a reply that refuses a request into which memory has put something. */
#include "proxy/refusal.h"

#include "base/json_scan.h"

bool refusal_may_be(int status)
{
	return status == 400 || status == 413 || status == 422;
}

static int copy_headers(struct headers from, struct arena *a, struct headers *ret)
{
	struct header *v = arena_alloc(a, from.n * sizeof(*v));

	for (size_t i = 0; v && i < from.n; i++) {
		v[i].name = arena_str(a, from.v[i].name);
		v[i].value = arena_str(a, from.v[i].value);
		if (!v[i].name.p || !v[i].value.p)
			return -1;
	}
	*ret = (struct headers){ v, from.n };
	return v ? 0 : -1;
}

struct refusal *refusal_new(const struct upstream_reply *reply, struct arena *a)
{
	struct refusal *r = arena_alloc(a, sizeof(*r));

	if (!r)
		return NULL;
	r->reply = *reply;
	r->reply.reason = arena_str(a, reply->reason);
	if (!r->reply.reason.p || copy_headers(reply->headers, a, &r->reply.headers))
		return NULL;
	buf_init(&r->body, REFUSAL_MAX);
	return r;
}

void refusal_done(struct refusal *r)
{
	if (r)
		buf_done(&r->body);
}

void refusal_add(struct refusal *r, const void *p, size_t n)
{
	buf_add(&r->body, p, n); /* one too large to read is taken to be about the body */
}

/* error.type of what LiteLLM answers 400 with though the key is what it is about. */
static const char *const about_the_key[] = {
	"no_db_connection", /* a key it does not know, without a database to look it up */
	"auth_error",
	"authentication_error",
	"budget_exceeded",
};

bool refusal_is_about_the_body(const struct refusal *r)
{
	struct json_value error = json_get(json_scan(buf_str(&r->body)), STR("error"));
	struct json_value type = json_get(error, STR("type"));

	if (r->body.failed || type.type != JSON_STRING)
		return true;
	for (size_t i = 0; i < sizeof(about_the_key) / sizeof(*about_the_key); i++)
		if (json_str_is(type.raw, str_from(about_the_key[i])))
			return false;
	return true;
}
