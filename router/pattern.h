/* pattern.h - rules of the configuration, compiled: a header and what it must hold. */
#ifndef ROUTER_PATTERN_H
#define ROUTER_PATTERN_H

#include "base/header.h"
#include "config/config.h"

/* Holds scratch space: one thread at a time. */
struct patterns;

/*
 * `rules` are borrowed. 0, -ENOMEM, or -EINVAL with an error in the report for
 * each bad pattern.
 */
int patterns_new(struct config_rules rules, struct config_report *report,
		 struct patterns **ret);
void patterns_free(struct patterns *p); /* NULL is fine */

/*
 * The first rule, in the order of the file, that fits; *value is then that of
 * its header. Of a repeated header the first counts. NULL where none fits.
 */
const struct config_rule *patterns_first(struct patterns *p, struct headers h,
					 struct str *value);

/* Times a match was given up, since patterns_new(). */
uint64_t patterns_limit_hits(const struct patterns *p);

#endif
