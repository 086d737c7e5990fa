/*
 * router.h - who is calling, in which conversation, and which headers go on.
 *
 * Pure: no I/O and no time. A router belongs to one loop (it holds scratch
 * space for its patterns); a reload makes a new one.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "base/arena.h"
#include "base/body_facts.h"
#include "base/hash.h"
#include "base/header.h"
#include "config/config.h"

struct router;

/*
 * Compiles every pattern. 0, -ENOMEM, or -EINVAL with an error in the report
 * for each bad one, at its own line. cfg is borrowed for the router's life.
 */
int router_new(const struct config *cfg, struct config_report *report,
	       struct router **ret);
void router_free(struct router *r); /* NULL is fine */

/* --- identity.c: the client and the user -------------------------------------- */

enum user_source {
	USER_NONE,
	USER_CUSTOM_HEADER, /* user_id_mappings.custom_header */
	USER_SM_HEADER,     /* x-sm-user-id */
	USER_END_USER,      /* a front end's header, or the body */
	USER_PATTERN,
	USER_DEFAULT,
};

struct identity {
	struct str user; /* absent: nobody; borrowed from headers, body, configuration */
	enum user_source source;
	bool shared;       /* a pattern's user that stands for many people: no memory */
	struct str client; /* "claude-code" …; absent: not recognised */
	/* The first rule of header_patterns that matches, whoever the user is (as the
	 * original tells it). */
	const struct config_rule *rule;
	struct str rule_value; /* the header's value it matched */
	bool custom_header_present;
};

/*
 * body may be NULL: before it is here. The first of the sources, in the order
 * above, that holds something decides, blanks around it ignored. What cannot be
 * an id (longer than 256 bytes, control characters, not UTF-8) decides for
 * nobody (USER_NONE): falling back to another user would give one person's
 * words to another.
 */
void router_identify(struct router *r, struct headers h, const struct body_facts *body,
		     struct identity *ret);

/* Times a pattern gave up at its match limit (then it did not match), since router_new().
 */
uint64_t router_match_limit_hits(const struct router *r);

/* --- session.c: the conversation ------------------------------------------------ */

/*
 * The id a client names, in the order of docs/reference/SESSIONS.md; absent if
 * it names none that can be one (as a user's: 1 to 256 bytes of clean UTF-8).
 */
struct session_name {
	struct str id;      /* in the arena */
	const char *source; /* the header or body field, for logs; NULL: none */
	bool litellm_knows; /* LiteLLM finds a session by itself in what the client
			       sent: none is to be added */
};

void router_session(struct headers h, const struct body_facts *body, struct arena *a,
		    struct session_name *ret);

/* --- credential.c --------------------------------------------------------------- */

/*
 * The caller's key, from where LiteLLM would take it (x-litellm-api-key, then
 * Authorization, API-Key, x-api-key, x-goog-api-key, Ocp-Apim-Subscription-Key),
 * without "Bearer ". Absent if there is none.
 */
struct str credential(struct headers h);

/* Whose memory it is: the key's hash, or "shared" (identity.share_keys), or "local" (no
 * key). */
struct str tenant_of(const struct config *cfg, struct str key, struct arena *a);

/* --- header_rules.c: what goes upstream ------------------------------------------ */

struct header_plan {
	const struct config *cfg;
	const bool *hop; /* of each header: ends here (net/h1.h) */
	struct str host; /* to send as Host; absent: none */
	struct str request_id;
	struct str user_id; /* x-sm-user-id; absent: none is sent, a client's own is
			       dropped */
	struct str supermemory_key; /* absent: none is added */
	struct str litellm_session; /* x-litellm-session-id to add; absent: none */
	bool identity_encoding; /* Accept-Encoding: identity in place of the client's */
};

/* The list to send, in `a`; .v is NULL when out of memory. Names and values are borrowed.
 */
struct headers header_rules_apply(const struct header_plan *plan, struct headers in,
				  struct arena *a);

/* Whether a header's value must not be shown (keys, cookies, tokens). */
bool header_is_secret(struct str name);

/* --- supermemory.c --------------------------------------------------------------- */

/* Whether a model (dates and ",features" behind its name ignored) is served by
 * supermemory.ai. */
bool model_is_supermemory(const struct config *cfg, struct str model);

/* --- memory_rules.c: memory.enabled_for_… and disabled_for_… ---------------------- */

bool memory_for_client(const struct config *cfg, struct str client); /* absent: unknown */
bool memory_for_key(const struct config *cfg, struct str key);
bool memory_for_model(const struct config *cfg, struct str model);

/* Whether a peer's address (numeric text) is in a list of addresses and CIDR blocks. */
bool address_in_list(struct config_list list, struct str address);

#endif
