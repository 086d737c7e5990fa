/*
 * fuzz_header_rules.c - no head may smuggle a control header or a user past us.
 *
 * The first byte switches what is asked for. The rest are lines "name: value"
 * up to an empty line, then those of the body's facts, one a line.
 */
#include "router/router.h"

#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 40, FACTS = sizeof(struct body_facts) / sizeof(struct str) };

static const struct config_rule users[] = {
	{ { 0 }, "User-Agent", "claude|codex", "agent-user", false },
	{ { 0 }, "x-team", NULL, "team", true },
	{ { 0 }, "x-loop", "^(a+)+$", "loop", false },
};

static const struct config_rule clients[] = {
	{ { 0 }, "User-Agent", "^claude-(cli|code)/", "claude-code", false },
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* As net/h1.c leaves them: names are tokens, values without control characters. */
static bool is_head(struct str name, struct str value)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i], letter = (char)(c | 0x20);

		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return name.len > 0 && (value.len == 0 || !memchr(value.p, '\0', value.len));
}

static struct str next_line(struct str *rest)
{
	const char *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->len;
	struct str line = str_slice(*rest, 0, n);

	*rest = str_slice(*rest, end ? n + 1 : n, rest->len);
	return line;
}

static size_t read_headers(struct str *rest, struct header *v)
{
	size_t n = 0;

	while (n < HEADERS_MAX && rest->len > 0) {
		struct str line = next_line(rest);
		const char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
		size_t at = colon ? (size_t)(colon - line.p) : line.len;

		if (line.len == 0)
			break;
		v[n].name = str_slice(line, 0, at);
		v[n].value = str_trim(str_slice(line, at + 1, line.len));
		if (is_head(v[n].name, v[n].value))
			n++;
	}
	return n;
}

static void read_facts(struct str rest, struct body_facts *ret)
{
	struct str *facts = (struct str *)(void *)ret;

	for (size_t i = 0; i < FACTS && rest.len > 0; i++)
		facts[i] = next_line(&rest);
}

/* The name as a server may read it that takes underscores for hyphens. */
static bool reads_as(struct str name, const char *prefix, bool whole)
{
	size_t n = strlen(prefix);

	if (name.len < n || (whole && name.len != n))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name.p[i] == '_' ? '-' : name.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != prefix[i])
			return false;
	}
	return true;
}

static size_t count(struct headers h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h.n; i++)
		n += reads_as(h.v[i].name, name, true);
	return n;
}

static void check_sent(struct headers in, struct headers out,
		       const struct header_plan *plan)
{
	bool renamed = str_eq(str_from(plan->cfg->user_id_mappings.custom_header),
			      STR("X-Person"));

	must(out.v != NULL && out.n <= in.n + 8);
	for (size_t i = 0; i < out.n; i++) {
		must(!reads_as(out.v[i].name, "x-memory", true));
		must(!reads_as(out.v[i].name, "x-memory-", false));
		must(!renamed || !reads_as(out.v[i].name, "x-person", true));
		if (reads_as(out.v[i].name, "x-sm-user-id", true))
			must(out.v[i].value.p == plan->user_id.p);
		if (reads_as(out.v[i].name, "x-request-id", true))
			must(str_eq(out.v[i].value, plan->request_id));
	}
	must(count(out, "x-sm-user-id") == (plan->user_id.p != NULL));
	must(count(out, "x-request-id") == 1);
	must(count(out, "x-litellm-call-id") >= 1);
	must(!plan->identity_encoding || count(out, "accept-encoding") == 1);
}

/* What is said of a user or a conversation can go into a header and a log. */
static void check_id(struct str id)
{
	must(id.len <= 256);
	for (size_t i = 0; i < id.len; i++)
		must((unsigned char)id.p[i] >= 0x20 && id.p[i] != 0x7F);
}

static void check_identity(const struct identity *id, struct headers in)
{
	check_id(id->user);
	must((id->source == USER_NONE) == (id->user.p == NULL));
	must(id->source != USER_CUSTOM_HEADER || id->custom_header_present);
	must((id->rule == NULL) == (id->rule_value.p == NULL));
	must(in.n > 0 || id->client.p == NULL);
}

static void run(uint8_t switches, struct headers in, const struct body_facts *body,
		struct arena *a)
{
	const struct config cfg = {
		.user_id_mappings = { .custom_header = switches & 1 ? "X-Person"
								    : "x-memory-user-id",
				      .default_user_id = switches & 2 ? "default" : NULL,
				      .header_patterns = { users, 3 } },
		.client_patterns = { clients, 1 },
		.identity = { .end_user = switches & 4 },
	};
	static const bool no_hops[HEADERS_MAX];
	struct config_report report = { 0 };
	struct header_plan plan = { .cfg = &cfg,
				    .hop = no_hops,
				    .request_id = STR("r1"),
				    .identity_encoding = switches & 8 };
	struct session_name session;
	struct router *r;
	struct identity id;

	if (router_new(&cfg, &report, &r) != 0)
		return;
	router_identify(r, in, body, &id);
	check_identity(&id, in);
	router_session(in, body, a, &session);
	check_id(session.id);
	must((session.source == NULL) == (session.id.p == NULL));
	plan.user_id = id.user;
	if (!session.litellm_knows)
		plan.litellm_session = session.id;
	check_sent(in, header_rules_apply(&plan, in, a), &plan);
	must(tenant_of(&cfg, credential(in), a).len > 0);
	router_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data + 1, size - 1 };
	struct header v[HEADERS_MAX];
	struct body_facts body = { 0 };
	struct arena *a;
	size_t n;

	if (size == 0 || (a = arena_new(1024)) == NULL)
		return 0;
	n = read_headers(&rest, v);
	read_facts(rest, &body);
	run(data[0], (struct headers){ v, n }, data[0] & 16 ? &body : NULL, a);
	arena_free(a);
	return 0;
}
