/* id.c - the ids that callers give to people and conversations. */
#include "router/id.h"

#include "base/json_scan.h"

#include <string.h>

enum { MAX_BYTES = 256, LITELLM_MIN = 8 };

bool id_is_usable(struct str id)
{
	if (id.len == 0 || id.len > MAX_BYTES)
		return false;
	while (id.len > 0) {
		size_t n = str_utf8_len(id);
		unsigned char c = (unsigned char)id.p[0];

		if (n == 0 || c < 0x20 || c == 0x7F)
			return false;
		if (c == 0xC2 && (unsigned char)id.p[1] < 0xA0) /* C1 controls */
			return false;
		id = str_slice(id, n, id.len);
	}
	return true;
}

bool id_is_litellms(struct str id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.p[i], letter = (char)(c | 0x20);

		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-')
			return false;
	}
	return id.len >= LITELLM_MIN;
}

/* A text member without escapes, which no uuid has; absent if empty. */
static struct str text_member(struct json_value object, struct str name)
{
	struct json_value v = json_get(object, name);
	struct str text = { NULL, 0 };

	if (v.type == JSON_STRING && v.raw.len > 2 &&
	    memchr(v.raw.p, '\\', v.raw.len) == NULL)
		text = str_slice(v.raw, 1, v.raw.len - 1);
	return text;
}

static struct metadata_id from_object(struct json_value object)
{
	struct metadata_id id = {
		.person = text_member(object, STR("account_uuid")),
		.session = text_member(object, STR("session_id")),
	};

	if (id.person.p == NULL)
		id.person = text_member(object, STR("device_id"));
	return id;
}

/* Where `word` stands for the last time; s.len where it does not. */
static size_t last_of(struct str s, struct str word)
{
	for (size_t i = s.len; i-- > 0;) {
		if (str_has_prefix(str_slice(s, i, s.len), word))
			return i;
	}
	return s.len;
}

static struct str part(struct str s, size_t from, size_t to)
{
	return from < to && from < s.len ? str_slice(s, from, to)
					 : (struct str){ NULL, 0 };
}

/* user_<device>_account_<uuid>, with <uuid> perhaps empty; else the text itself. */
static struct str person_of(struct str s)
{
	static const struct str user = { "user_", 5 }, account = { "_account_", 9 };
	size_t at = last_of(s, account);
	struct str uuid = part(s, at + account.len, s.len);

	if (at == s.len || !str_has_prefix(s, user))
		return s;
	return uuid.p ? uuid : part(s, user.len, at);
}

static struct metadata_id from_text(struct str s)
{
	static const struct str session = { "_session_", 9 };
	size_t at = last_of(s, session);
	struct metadata_id id = {
		.person = person_of(part(s, 0, at)),
		.session = part(s, at + session.len, s.len),
	};

	id.session_is_litellms = id_is_litellms(id.session);
	return id;
}

struct metadata_id metadata_id(struct str user_id)
{
	struct json_value v;

	user_id = str_trim(user_id);
	if (user_id.len > 0 && user_id.p[0] == '{') {
		v = json_scan(user_id);
		if (v.type == JSON_OBJECT)
			return from_object(v);
	}
	return from_text(user_id);
}
