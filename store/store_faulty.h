/*
 * store_faulty.h - a decorator that makes another store slow or broken, on demand.
 *
 * For tests, and built only with them (BUILD_TESTING): release binaries do not
 * know its scheme. What it does at present is its plan:
 *
 *	delay=MS       every operation begins that much later
 *	fail=OPS       these are not passed on, and end with `status`
 *	status=NAME    EIO (default), ENOENT, ESTALE, EPERM, ENOMEM, ETIMEDOUT
 *	hang=OPS       these are not passed on, and never end
 *	drop=OPS       these are passed on, but their answer gets lost
 *	only=TEXT      of appends, only those whose user text has this in it
 *
 * OPS are names of operations ("append", "read_since"), or "reads", "writes",
 * "all", joined by "+". What never ends does so with -ECANCELED at the close.
 *
 * A program under test gets it by a URL, "faulty:PLAN:URL", where PLAN is a
 * list with commas and may hold file=PATH alone: a file with the plan, read
 * anew at every operation, by which a test switches faults at run time (no
 * file: no faults):
 *
 *	--store faulty:delay=500,fail=append:sqlite:data/memory.db
 *	--store faulty:file=/tmp/plan:memory:
 */
#ifndef STORE_STORE_FAULTY_H
#define STORE_STORE_FAULTY_H

#include "store/call.h"

struct faulty_plan {
	unsigned delay_ms;
	unsigned fail, hang, drop; /* 1u << enum call_kind */
	int status;                /* of what fails; 0: -EIO */
	char only[32];
};

/* 0; or -EINVAL where the text is no plan (file= is none). */
int faulty_plan_parse(struct str text, struct faulty_plan *ret);

/* Takes `inner` over where it returns 0; its own thread and loop. 0 or -ENOMEM. */
int store_faulty_new(struct store *inner, const struct store_env *env,
		     struct store **ret);
/* As store_open(), with "PLAN:URL". */
int store_faulty_open(const char *rest, const struct store_env *env, struct store **ret,
		      char **reterr);

/* From any thread; operations begun before keep the plan they had. */
void store_faulty_set(struct store *st, const struct faulty_plan *plan);
/* How often an operation has been called. From any thread. */
unsigned store_faulty_calls(const struct store *st, enum call_kind kind);

#endif
