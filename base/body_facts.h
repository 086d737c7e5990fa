/* body_facts.h - what a request's body says of its sender, as plain texts. */
#ifndef BASE_BODY_FACTS_H
#define BASE_BODY_FACTS_H

#include "base/str.h"

/* Found by memory/'s dialects, used by router/. Absent where the body says nothing. */
struct body_facts {
	struct str user, safety_identifier;
	struct str metadata_user_id; /* metadata.user_id as text, or the raw JSON of an
					object */
	struct str metadata_session_id, litellm_session_id;
	struct str previous_response_id;                         /* the Responses API's */
	struct str prompt_cache_key, client_metadata_session_id; /* Codex */
};

#endif
