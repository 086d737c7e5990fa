/*
 * credential.c - whose request it is, by the key it brings.
 *
 * As LiteLLM 1.106 finds a key (proxy/auth/user_api_key_auth.py, get_api_key):
 *
 *   - The first of these that is there and not empty decides, and the others
 *     are not looked at even if it turns out to hold no key: x-litellm-api-key,
 *     Authorization, API-Key, x-api-key, x-goog-api-key,
 *     Ocp-Apim-Subscription-Key. Of a repeated header the first counts.
 *   - The first two lose one of "Bearer ", "Basic ", "bearer " (in just these
 *     spellings, and twice where it stands twice, as from clients into which
 *     one typed it; Basic's text is not decoded), or are an AWS signature
 *     whose Credential holds the key. Any other text is no key in
 *     Authorization, and the key itself in x-litellm-api-key.
 *   - The other four are keys as they are.
 *
 * LiteLLM further takes ?key= on Google's routes, which is no header, and what
 * its general_settings.litellm_key_header_name names.
 */
#include "router/router.h"

#include <string.h>

static const struct str none = { NULL, 0 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What follows the first "Credential=" (and "Bearer", blanks) behind which a text is. */
static struct str aws_text(struct str value, bool bearer)
{
	static const struct str mark = { "Credential=", 11 }, scheme = { "Bearer", 6 };
	const char *at;

	while ((at = memmem(value.p, value.len, mark.p, mark.len)) != NULL) {
		struct str s;
		size_t n = 0;

		value = str_slice(value, (size_t)(at - value.p) + mark.len, value.len);
		s = value;
		if (bearer && (!str_has_prefix(s, scheme) || s.len == scheme.len ||
			       !is_blank(s.p[scheme.len])))
			continue;
		if (bearer)
			s = str_trim(str_slice(s, scheme.len, s.len));
		while (n < s.len && s.p[n] != '/' && s.p[n] != ',' && !is_blank(s.p[n]))
			n++;
		if (n > 0)
			return str_slice(s, 0, n);
	}
	return none;
}

/* Of an AWS signature: Credential=Bearer <key>/… if there is one, else Credential=<key>/…
 */
static struct str aws_credential(struct str value)
{
	struct str key = aws_text(value, true);

	return key.p ? key : aws_text(value, false);
}

/* The key in a header that may name a scheme; `otherwise` where it names none. */
static struct str without_scheme(struct str value, struct str otherwise)
{
	static const struct str schemes[] = { { "Bearer ", 7 },
					      { "Basic ", 6 },
					      { "bearer ", 7 } };
	struct str key;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!str_has_prefix(value, schemes[i]))
			continue;
		while (str_has_prefix(value, schemes[i]))
			value = str_slice(value, schemes[i].len, value.len);
		return value;
	}
	if (!str_has_prefix(value, STR("AWS4-HMAC-SHA256")))
		return otherwise;
	key = aws_credential(value);
	return key.p ? key : otherwise;
}

struct str credential(struct headers h)
{
	static const struct str plain[] = {
		{ "API-Key", 7 },
		{ "x-api-key", 9 },
		{ "x-goog-api-key", 14 },
		{ "Ocp-Apim-Subscription-Key", 25 },
	};
	struct str value = headers_get(h, STR("x-litellm-api-key"));

	if (value.len > 0)
		return without_scheme(value, value);
	value = headers_get(h, STR("Authorization"));
	if (value.len > 0)
		return without_scheme(value, none);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		value = headers_get(h, plain[i]);
		if (value.len > 0)
			return value;
	}
	return none;
}

struct str tenant_of(const struct config *cfg, struct str key, struct arena *a)
{
	struct digest d;
	char *hex;

	if (key.len == 0)
		return STR("local");
	if (cfg->identity.share_keys)
		return STR("shared");
	hex = arena_bytes(a, 65);
	if (hex == NULL)
		return none;
	d = digest_sha256(key);
	digest_hex(&d, hex);
	return (struct str){ hex, 64 };
}
