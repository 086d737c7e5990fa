/* turn_facts.c - what a request's body says beside its conversation. */
#include "base/buf.h"
#include "memory/members.h"
#include "memory/turns.h"

#include <errno.h>

struct keeper {
	struct arena *arena;
	struct buf text;
};

/* A text, or a number as LiteLLM takes one for a user; an empty one says nothing. */
static int keep(struct keeper *k, struct json_value v, struct str *ret)
{
	struct str text = v.raw;

	if (v.type == JSON_STRING) {
		buf_reset(&k->text);
		if (json_str_decode(v.raw, &k->text))
			return -ENOMEM;
		text = str_trim(buf_str(&k->text));
	} else if (v.type != JSON_NUMBER) {
		return 0;
	}
	if (text.len == 0)
		return 0;
	*ret = arena_str(k->arena, text);
	return ret->p ? 0 : -ENOMEM;
}

static int keep_raw(struct keeper *k, struct json_value v, struct str *ret)
{
	*ret = arena_str(k->arena, v.raw);
	return ret->p ? 0 : -ENOMEM;
}

struct top {
	struct json_value model, stream, user, safety, metadata, litellm, session,
		previous, cache_key, client;
};

static void read_top(struct json_value body, struct top *ret)
{
	GET_MEMBERS(body, { STR("model"), &ret->model }, { STR("stream"), &ret->stream },
		    { STR("user"), &ret->user },
		    { STR("safety_identifier"), &ret->safety },
		    { STR("metadata"), &ret->metadata },
		    { STR("litellm_metadata"), &ret->litellm },
		    { STR("litellm_session_id"), &ret->session },
		    { STR("previous_response_id"), &ret->previous },
		    { STR("prompt_cache_key"), &ret->cache_key },
		    { STR("client_metadata"), &ret->client });
}

static int keep_facts(struct keeper *k, const struct top *top, struct body_facts *f)
{
	struct json_value user_id, session_id, litellm_id, client_session, user, session;

	GET_MEMBERS(top->metadata, { STR("user_id"), &user_id },
		    { STR("session_id"), &session_id },
		    { STR("litellm_session_id"), &litellm_id });
	/* the name that LiteLLM has for it where `metadata` is the provider's */
	GET_MEMBERS(top->litellm, { STR("user"), &user },
		    { STR("session_id"), &session });
	if (top->user.type != JSON_ABSENT)
		user = top->user;
	if (session_id.type == JSON_ABSENT)
		session_id = session;
	GET_MEMBERS(top->client, { STR("session_id"), &client_session });
	if (top->session.type != JSON_ABSENT)
		litellm_id = top->session;

	int err = user_id.type == JSON_OBJECT ? keep_raw(k, user_id, &f->metadata_user_id)
					      : keep(k, user_id, &f->metadata_user_id);
	if (err || keep(k, user, &f->user) ||
	    keep(k, top->safety, &f->safety_identifier) ||
	    keep(k, session_id, &f->metadata_session_id) ||
	    keep(k, litellm_id, &f->litellm_session_id) ||
	    keep(k, top->previous, &f->previous_response_id) ||
	    keep(k, top->cache_key, &f->prompt_cache_key) ||
	    keep(k, client_session, &f->client_metadata_session_id))
		return -ENOMEM;
	return 0;
}

int turns_read_facts(struct json_value body, struct arena *a, struct request_view *v)
{
	struct keeper k = { .arena = a };
	struct top top;

	buf_init(&k.text, SIZE_MAX);
	read_top(body, &top);
	v->stream = top.stream.type == JSON_TRUE;
	int err = keep_facts(&k, &top, &v->facts);
	if (!err)
		err = keep(&k, top.model, &v->model);
	buf_done(&k.text);
	return err;
}
