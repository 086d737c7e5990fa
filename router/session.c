/*
 * session.c - the conversation.
 *
 * One table in the order of precedence. It differs from LiteLLM's order
 * (x-litellm-trace-id first, x-session-id last of the headers) in that an id
 * meant for memory, and any explicit session id, come before a trace id, which
 * some clients make anew with each request.
 */
#include "router/router.h"

#include "router/id.h"

enum where {
	IN_HEADER,
	IN_VENDOR_HEADER, /* x-<vendor>-session-id */
	IN_BAGGAGE,
	IN_BODY,
	IN_METADATA_USER_ID,
};

enum litellm {
	LITELLM_NEVER,
	LITELLM_ALWAYS, /* whatever the value */
	LITELLM_IF_ID,  /* if it has the form of an id */
};

struct place {
	const char *name;
	enum where where;
	enum litellm litellm; /* whether LiteLLM reads it too */
	bool codex;           /* too common a name for others than Codex */
	size_t offset;        /* in struct body_facts */
};

#define FACT(field) offsetof(struct body_facts, field)

/* docs/reference/SESSIONS.md has the same rows. */
static const struct place places[] = {
	{ "x-memory-session-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "x-session-id", IN_HEADER, LITELLM_IF_ID, false, 0 },
	{ "x-sm-conversation-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "x-litellm-session-id", IN_HEADER, LITELLM_ALWAYS, false, 0 },
	{ "x-litellm-trace-id", IN_HEADER, LITELLM_ALWAYS, false, 0 },
	{ "x-*-session-id", IN_VENDOR_HEADER, LITELLM_ALWAYS, false, 0 },
	{ "x-openwebui-chat-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "x-conversation-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "x-librechat-conversation-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "helicone-session-id", IN_HEADER, LITELLM_NEVER, false, 0 },
	{ "session-id", IN_HEADER, LITELLM_IF_ID, true, 0 },
	{ "thread-id", IN_HEADER, LITELLM_IF_ID, true, 0 },
	{ "session_id", IN_HEADER, LITELLM_IF_ID, true, 0 },
	{ "conversation_id", IN_HEADER, LITELLM_IF_ID, true, 0 },
	{ "client_metadata.session_id", IN_BODY, LITELLM_NEVER, true,
	  FACT(client_metadata_session_id) },
	{ "litellm_session_id", IN_BODY, LITELLM_ALWAYS, false,
	  FACT(litellm_session_id) },
	{ "metadata.session_id", IN_BODY, LITELLM_ALWAYS, false,
	  FACT(metadata_session_id) },
	{ "prompt_cache_key", IN_BODY, LITELLM_NEVER, true, FACT(prompt_cache_key) },
	{ "metadata.user_id", IN_METADATA_USER_ID, LITELLM_NEVER, false, 0 },
	{ "baggage", IN_BAGGAGE, LITELLM_ALWAYS, false, 0 },
};

struct request {
	struct headers h;
	const struct body_facts *body;
	bool codex;          /* it says so */
	bool codex_by_agent; /* in the one way that LiteLLM looks at */
};

struct found {
	struct str id;
	bool litellm; /* reads it */
};

/* As LiteLLM recognises Codex: ^codex[-_ /] of the User-Agent, in any case. */
static bool is_codex_agent(struct str agent)
{
	return agent.len > 5 && str_has_iprefix(agent, STR("codex")) &&
	       (agent.p[5] == '-' || agent.p[5] == '_' || agent.p[5] == ' ' ||
		agent.p[5] == '/');
}

/* ^x-.+-session-id$ in any case; ours and LiteLLM's have rows of their own. */
static bool is_vendor_header(struct str name)
{
	static const struct str head = { "x-", 2 }, tail = { "-session-id", 11 };

	return name.len > head.len + tail.len && str_has_iprefix(name, head) &&
	       str_ieq(str_slice(name, name.len - tail.len, name.len), tail) &&
	       !str_has_iprefix(name, STR("x-memory-")) &&
	       !str_ieq(name, STR("x-litellm-session-id"));
}

static struct str vendor_header(struct headers h)
{
	for (size_t i = 0; i < h.n; i++) {
		if (is_vendor_header(h.v[i].name) && id_is_litellms(h.v[i].value))
			return h.v[i].value;
	}
	return (struct str){ NULL, 0 };
}

/* The W3C's Baggage, section 3.2: key=value;property, and commas between. */
static struct str baggage_member(struct str baggage, struct str key)
{
	struct str item, name, value, none = { NULL, 0 };

	while (str_next_item(&baggage, ',', &item)) {
		name = none;
		value = none;
		str_next_item(&item, '=', &name);
		if (str_eq(name, key) && str_next_item(&item, ';', &value))
			return value;
	}
	return none;
}

static bool litellm_reads(const struct request *r, const struct place *p, struct str id)
{
	if (p->litellm == LITELLM_IF_ID)
		return id_is_litellms(id) && (!p->codex || r->codex_by_agent);
	return p->litellm == LITELLM_ALWAYS && id.len > 0;
}

static struct str body_text(const struct request *r, const struct place *p)
{
	struct str none = { NULL, 0 };

	return r->body ? *(const struct str *)(const void *)((const char *)r->body +
							     p->offset)
		       : none;
}

static struct found look(const struct request *r, const struct place *p)
{
	struct found f = { { NULL, 0 }, false };
	struct metadata_id id;

	switch (p->where) {
	case IN_HEADER:
		f.id = headers_get(r->h, str_from(p->name));
		break;
	case IN_VENDOR_HEADER:
		f.id = vendor_header(r->h);
		break;
	case IN_BAGGAGE:
		f.id = baggage_member(headers_get(r->h, str_from(p->name)),
				      STR("session.id"));
		break;
	case IN_BODY:
		f.id = body_text(r, p);
		break;
	case IN_METADATA_USER_ID:
		id = metadata_id(r->body ? r->body->metadata_user_id : f.id);
		f.id = id.session;
		f.litellm = id.session_is_litellms;
		break;
	}
	f.id = str_trim(f.id);
	f.litellm = f.litellm || litellm_reads(r, p, f.id);
	return f;
}

void router_session(struct headers h, const struct body_facts *body, struct arena *a,
		    struct session_name *ret)
{
	bool by_agent = is_codex_agent(headers_get(h, STR("user-agent")));
	struct request r = {
		.h = h,
		.body = body,
		.codex_by_agent = by_agent,
		.codex = by_agent ||
			 str_has_iprefix(headers_get(h, STR("originator")), STR("codex")),
	};

	*ret = (struct session_name){ 0 };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *p = &places[i];
		struct found f;

		if (p->codex && !r.codex)
			continue;
		f = look(&r, p);
		if (ret->source == NULL && id_is_usable(f.id)) {
			ret->id = arena_str(a, f.id);
			ret->source = ret->id.p ? p->name : NULL;
		}
		ret->litellm_knows = ret->litellm_knows || f.litellm;
	}
}
