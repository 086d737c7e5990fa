/*
 * identity.c - the client and the user.
 *
 * A User-Agent names a class of client, never a person: `client` and `user`
 * come from two lists of rules.
 */
#include "router/router.h"

#include "router/id.h"
#include "router/pattern.h"

#include <errno.h>
#include <stdlib.h>

struct router {
	const struct config *cfg;
	struct patterns *users, *clients;
};

int router_new(const struct config *cfg, struct config_report *report,
	       struct router **ret)
{
	struct router *r = calloc(1, sizeof(*r));
	int err, more;

	if (r == NULL)
		return -ENOMEM;
	r->cfg = cfg;
	err = patterns_new(cfg->user_id_mappings.header_patterns, report, &r->users);
	more = patterns_new(cfg->client_patterns, report, &r->clients);
	if (err == 0)
		err = more;
	if (err != 0) {
		router_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void router_free(struct router *r)
{
	if (r == NULL)
		return;
	patterns_free(r->users);
	patterns_free(r->clients);
	free(r);
}

uint64_t router_match_limit_hits(const struct router *r)
{
	return patterns_limit_hits(r->users) + patterns_limit_hits(r->clients);
}

/*
 * Whether `value` decides who the user is. One that cannot be an id decides
 * too, for nobody: else what was said of one person would go to another.
 */
static bool claim(struct identity *id, struct str value, enum user_source source)
{
	value = str_trim(value);
	if (value.len == 0)
		return false;
	if (id_is_usable(value)) {
		id->user = value;
		id->source = source;
	}
	return true;
}

static bool claim_end_user(struct identity *id, struct headers h,
			   const struct body_facts *body)
{
	static const struct str names[] = {
		{ "X-OpenWebUI-User-Id", 19 },
		{ "x-litellm-end-user-id", 21 },
		{ "x-litellm-customer-id", 21 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (claim(id, headers_get(h, names[i]), USER_END_USER))
			return true;
	}
	return body != NULL &&
	       (claim(id, body->user, USER_END_USER) ||
		claim(id, body->safety_identifier, USER_END_USER) ||
		claim(id, metadata_id(body->metadata_user_id).person, USER_END_USER));
}

static bool claim_rule(struct identity *id)
{
	if (id->rule == NULL || !claim(id, str_from(id->rule->value), USER_PATTERN))
		return false;
	id->shared = id->rule->needs_end_user;
	return true;
}

void router_identify(struct router *r, struct headers h, const struct body_facts *body,
		     struct identity *ret)
{
	const struct config *cfg = r->cfg;
	const struct config_rule *client;
	struct str custom, unused;

	*ret = (struct identity){ 0 };
	custom = headers_get(h, str_from(cfg->user_id_mappings.custom_header));
	ret->custom_header_present = str_trim(custom).len > 0;
	ret->rule = patterns_first(r->users, h, &ret->rule_value);
	client = patterns_first(r->clients, h, &unused);
	if (client != NULL)
		ret->client = str_from(client->value);

	if (claim(ret, custom, USER_CUSTOM_HEADER) ||
	    claim(ret, headers_get(h, STR("x-sm-user-id")), USER_SM_HEADER) ||
	    (cfg->identity.end_user && claim_end_user(ret, h, body)) || claim_rule(ret))
		return;
	claim(ret, str_from(cfg->user_id_mappings.default_user_id), USER_DEFAULT);
}
