/*
 * ruleset.h - a configuration and the router compiled from it, for one loop.
 *
 * A reload puts another in its place; a request under way keeps the one it
 * began with. Counted without atomics: it never leaves its loop.
 */
#ifndef PROXY_RULESET_H
#define PROXY_RULESET_H

#include "config/config.h"
#include "router/router.h"

struct ruleset {
	struct config *cfg;
	struct router *router;
	unsigned refs;
};

/* With one reference; takes its own of cfg. 0, -ENOMEM, or -EINVAL with errors in the
 * report. */
int ruleset_new(struct config *cfg, struct config_report *report, struct ruleset **ret);
struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_unref(struct ruleset *r); /* NULL is fine */

#endif
