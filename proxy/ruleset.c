/* ruleset.c - a configuration and the router compiled from it. */
#include "proxy/ruleset.h"

#include <errno.h>
#include <stdlib.h>

int ruleset_new(struct config *cfg, struct config_report *report, struct ruleset **ret)
{
	struct ruleset *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = router_new(cfg, report, &r->router);
	if (err) {
		free(r);
		return err;
	}
	r->cfg = config_ref(cfg);
	r->refs = 1;
	*ret = r;
	return 0;
}

struct ruleset *ruleset_ref(struct ruleset *r)
{
	r->refs++;
	return r;
}

void ruleset_unref(struct ruleset *r)
{
	if (!r || --r->refs)
		return;
	router_free(r->router);
	config_unref(r->cfg);
	free(r);
}
