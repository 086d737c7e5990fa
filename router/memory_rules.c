/* memory_rules.c - for which clients, keys and models there is memory. */
#include "router/router.h"

#include <string.h>

/* `*` stands for any text, also none: the last one met is tried with ever more. */
static bool matches(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, taken = 0;

	while (n < name.len) {
		if (p < pattern.len && pattern.p[p] == '*') {
			star = p++;
			taken = n;
		} else if (p < pattern.len && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++taken;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.p[p] == '*')
		p++;
	return p == pattern.len;
}

static bool is_in(struct config_list list, struct str name)
{
	for (size_t i = 0; i < list.n; i++)
		if (matches(str_from(list.v[i]), name))
			return true;
	return false;
}

static bool is_allowed(struct config_list enabled, struct config_list disabled,
		       struct str name)
{
	return !is_in(disabled, name) && (!enabled.n || is_in(enabled, name));
}

bool memory_for_client(const struct config *cfg, struct str client)
{
	return is_allowed(cfg->memory.enabled_for_clients,
			  cfg->memory.disabled_for_clients,
			  client.len ? client : STR("unknown"));
}

bool memory_for_model(const struct config *cfg, struct str model)
{
	return is_allowed(cfg->memory.enabled_for_models, cfg->memory.disabled_for_models,
			  model);
}

bool memory_for_key(const struct config *cfg, struct str key)
{
	struct digest d, listed;

	if (!cfg->memory.disabled_for_keys.n || !key.len)
		return true;
	d = digest_sha256(key);
	for (size_t i = 0; i < cfg->memory.disabled_for_keys.n; i++)
		if (digest_from_hex(str_from(cfg->memory.disabled_for_keys.v[i]),
				    &listed) &&
		    digest_eq(&d, &listed))
			return false;
	return true;
}
