/* id.h - the ids that callers give to people and conversations. */
#ifndef ROUTER_ID_H
#define ROUTER_ID_H

#include "base/str.h"

/*
 * What may become part of a key in the store, a header, a log line: 1 to 256
 * bytes of valid UTF-8 without control characters.
 */
bool id_is_usable(struct str id);

/* Whether LiteLLM takes it for a session's id: eight or more of A-Za-z0-9_-. */
bool id_is_litellms(struct str id);

/* What metadata.user_id says of the person and the conversation; absent: nothing. */
struct metadata_id {
	struct str person, session;
	bool session_is_litellms; /* LiteLLM finds it there too */
};

/*
 * Claude Code sends the text of an object {"device_id", "account_uuid",
 * "session_id"}, formerly user_<device>_account_<uuid>_session_<uuid>. The
 * person is the account, so that they are the same on all their devices, and
 * without one (a plain API key) the device. Another client's value is a person
 * as it is, up to "_session_" if it has that.
 */
struct metadata_id metadata_id(struct str user_id);

#endif
