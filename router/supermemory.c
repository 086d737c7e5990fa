/* supermemory.c - which models have a memory of their own. */
#include "router/router.h"

#include <string.h>

enum answer { UNKNOWN, NO, YES };

/* Of several deployments under one name any may be asked: one is enough. */
static enum answer ask(const struct config *cfg, struct str model)
{
	enum answer answer = UNKNOWN;

	for (size_t i = 0; i < cfg->n_models && answer != YES; i++) {
		const struct config_model *m = &cfg->models[i];

		if (str_eq(str_from(m->name), model))
			answer = m->api_base && strcasestr(m->api_base, "supermemory.ai")
					 ? YES
					 : NO;
	}
	return answer;
}

/* "model-20250101" is a dated version. */
static struct str without_date(struct str model)
{
	struct str date = str_slice(model, model.len < 9 ? 0 : model.len - 9, model.len);
	uint64_t number;

	if (date.len == 9 && date.p[0] == '-' &&
	    str_to_u64(str_slice(date, 1, 9), &number))
		return str_slice(model, 0, model.len - 9);
	return model;
}

bool model_is_supermemory(const struct config *cfg, struct str model)
{
	struct str plain = str_trim(str_before(model, ',')); /* "model,feature,…" */
	enum answer answer = ask(cfg, model);

	if (answer == UNKNOWN)
		answer = ask(cfg, plain);
	if (answer == UNKNOWN)
		answer = ask(cfg, without_date(plain));
	return answer == YES;
}
