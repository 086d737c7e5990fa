/*
 * header_rules.c - what goes upstream.
 *
 * The client's end-to-end headers as they came, in their order and spelling,
 * but for what is ours to say: those are left out and appended. Names that we
 * add or take as somebody's word are also left out in spellings with
 * underscores, which some servers behind us would read as the same name.
 */
#include "router/router.h"

#include <string.h>

enum what {
	PASS,
	DROP,
	REQUEST_ID,
	CALL_ID,
	SUPERMEMORY_KEY,
	LITELLM_SESSION,
	ACCEPT_ENCODING,
	WHATS
};

/* PASS here: names taken as somebody's word, which must not come with underscores. */
static const struct {
	struct str name;
	enum what what;
} table[] = {
	{ { "x-sm-user-id", 12 }, DROP },
	{ { "x-request-id", 12 }, REQUEST_ID },
	{ { "x-litellm-call-id", 17 }, CALL_ID },
	{ { "x-supermemory-api-key", 21 }, SUPERMEMORY_KEY },
	{ { "x-litellm-session-id", 20 }, LITELLM_SESSION },
	{ { "accept-encoding", 15 }, ACCEPT_ENCODING },
	{ { "x-session-id", 12 }, PASS },
	{ { "x-sm-conversation-id", 20 }, PASS },
	{ { "x-litellm-trace-id", 18 }, PASS },
	{ { "x-litellm-api-key", 17 }, PASS },
	{ { "x-litellm-end-user-id", 21 }, PASS },
	{ { "x-litellm-customer-id", 21 }, PASS },
	{ { "x-openwebui-user-id", 19 }, PASS },
	{ { "x-openwebui-chat-id", 19 }, PASS },
	{ { "x-api-key", 9 }, PASS },
	{ { "x-goog-api-key", 14 }, PASS },
	{ { "api-key", 7 }, PASS },
	{ { "ocp-apim-subscription-key", 25 }, PASS },
};

/* An upper bound of what is added: Host and one of each kind. */
enum { ADDED_MAX = 8 };

struct out {
	struct header *v;
	size_t n;
	bool sent[WHATS]; /* the client's own went out */
};

/* `rule` is in lower case with hyphens; underscores in `name` count as hyphens. */
static bool begins_like(struct str name, struct str rule)
{
	if (name.len < rule.len)
		return false;
	for (size_t i = 0; i < rule.len; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		else if (c == '_')
			c = '-';
		if (c != rule.p[i])
			return false;
	}
	return true;
}

static bool is_like(struct str name, struct str rule)
{
	return name.len == rule.len && begins_like(name, rule);
}

/* x-memory and x-memory-*. */
static bool is_control_header(struct str name)
{
	static const struct str ours = { "x-memory", 8 };

	return begins_like(name, ours) &&
	       (name.len == ours.len || name.p[ours.len] == '-' ||
		name.p[ours.len] == '_');
}

static bool has_underscore(struct str name)
{
	return memchr(name.p, '_', name.len) != NULL;
}

/* As is_like(), where the other name is the configuration's, in any spelling. */
static bool is_custom(struct str name, struct str custom)
{
	if (custom.len == 0 || name.len != custom.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		struct str a = str_slice(name, i, i + 1), b = str_slice(custom, i, i + 1);

		if (!str_ieq(a, b) && !(a.p[0] == '_' && b.p[0] == '-'))
			return false;
	}
	return true;
}

static enum what what_is(struct str name, struct str custom)
{
	if (is_control_header(name) || is_custom(name, custom))
		return DROP;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (is_like(name, table[i].name))
			return has_underscore(name) ? DROP : table[i].what;
	}
	return PASS;
}

/* Whether the client's own goes on. */
static bool passes(const struct header_plan *plan, enum what what, struct str value,
		   bool sent_before)
{
	switch (what) {
	case DROP:
		return false;
	case REQUEST_ID:
		return !sent_before && str_eq(value, plan->request_id);
	case SUPERMEMORY_KEY:
		return plan->supermemory_key.p == NULL;
	case ACCEPT_ENCODING:
		return !plan->identity_encoding;
	default:
		return true;
	}
}

static void add(struct out *o, const char *name, struct str value)
{
	if (value.p != NULL)
		o->v[o->n++] = (struct header){ str_from(name), value };
}

static void add_ours(struct out *o, const struct header_plan *plan)
{
	if (!o->sent[REQUEST_ID])
		add(o, "x-request-id", plan->request_id);
	if (!o->sent[CALL_ID])
		add(o, "x-litellm-call-id", plan->request_id);
	if (!o->sent[LITELLM_SESSION])
		add(o, "x-litellm-session-id", plan->litellm_session);
	add(o, "x-sm-user-id", plan->user_id);
	add(o, "x-supermemory-api-key", plan->supermemory_key);
	if (plan->identity_encoding)
		add(o, "Accept-Encoding", STR("identity"));
}

struct headers header_rules_apply(const struct header_plan *plan, struct headers in,
				  struct arena *a)
{
	struct str custom = str_from(plan->cfg->user_id_mappings.custom_header);
	struct out o = { .v = arena_alloc(a, (in.n + ADDED_MAX) * sizeof(*o.v)) };

	if (o.v == NULL)
		return (struct headers){ NULL, 0 };
	/* First, as RFC 9110, section 7.2, asks. */
	add(&o, "Host", plan->host);
	for (size_t i = 0; i < in.n; i++) {
		enum what what;

		if (plan->hop[i])
			continue;
		what = what_is(in.v[i].name, custom);
		if (!passes(plan, what, in.v[i].value, o.sent[what]))
			continue;
		o.v[o.n++] = in.v[i];
		o.sent[what] = true;
	}
	add_ours(&o, plan);
	return (struct headers){ o.v, o.n };
}

static bool contains(struct str s, struct str word)
{
	for (size_t i = 0; i + word.len <= s.len; i++) {
		if (str_has_iprefix(str_slice(s, i, s.len), word))
			return true;
	}
	return false;
}

bool header_is_secret(struct str name)
{
	static const struct str words[] = {
		{ "auth", 4 },         { "key", 3 },    { "token", 5 },
		{ "cookie", 6 },       { "secret", 6 }, { "passw", 5 },
		{ "credential", 10 },  { "jwt", 3 },    { "signature", 9 },
		{ "client-cert", 11 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (contains(name, words[i]))
			return true;
	}
	return false;
}
