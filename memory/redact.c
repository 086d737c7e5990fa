/*
 * redact.c - takes secrets out of a text before it is kept.
 *
 * By the shapes that issuers give their keys, and by what stands around a
 * password. A miss keeps a secret, a false hit costs a word of memory: shapes
 * that words could have as well must hold a digit. What decides about a hit is
 * within LOOK bytes, so that the time is linear whatever the text.
 */
#include "base/buf.h"
#include "memory/clean.h"

#include <string.h>

enum { LOOK = 256 };

/* A span of the text. */
struct span {
	size_t from, to;
};

enum {
	HAS_DIGIT = 1, /* behind the prefix */
	HAS_DOT = 2,
	KEEP_PREFIX = 4,
};

static const struct shape {
	const char *prefix;
	const char *marks; /* beside letters and digits */
	unsigned char min; /* of these behind the prefix */
	unsigned char flags;
} shapes[] = {
	{ "sk-", "-_", 20, HAS_DIGIT }, /* OpenAI, Anthropic, OpenRouter, LiteLLM */
	{ "sk_live_", "", 16, 0 },      /* Stripe */
	{ "sk_test_", "", 16, 0 },
	{ "rk_live_", "", 16, 0 },
	{ "rk_test_", "", 16, 0 },
	{ "whsec_", "", 16, 0 },
	{ "AKIA", "", 16, 0 }, /* AWS */
	{ "ASIA", "", 16, 0 },
	{ "ghp_", "", 30, 0 }, /* GitHub */
	{ "gho_", "", 30, 0 },
	{ "ghu_", "", 30, 0 },
	{ "ghs_", "", 30, 0 },
	{ "ghr_", "", 30, 0 },
	{ "github_pat_", "_", 30, 0 },
	{ "glpat-", "-_.", 20, 0 },      /* GitLab */
	{ "xoxa-", "-", 10, HAS_DIGIT }, /* Slack */
	{ "xoxb-", "-", 10, HAS_DIGIT },
	{ "xoxp-", "-", 10, HAS_DIGIT },
	{ "xoxr-", "-", 10, HAS_DIGIT },
	{ "xoxs-", "-", 10, HAS_DIGIT },
	{ "xapp-", "-", 10, HAS_DIGIT },
	{ "AIza", "-_", 35, 0 }, /* Google */
	{ "ya29.", "-_.", 20, 0 },
	{ "GOCSPX-", "-_", 20, 0 },
	{ "nvapi-", "-_", 40, 0 },       /* NVIDIA */
	{ "csk-", "", 40, 0 },           /* Cerebras */
	{ "r8_", "", 30, 0 },            /* Replicate */
	{ "tvly-", "-", 20, HAS_DIGIT }, /* Tavily */
	{ "hvs.", "-_", 20, 0 },         /* Vault */
	{ "glsa_", "_", 30, 0 },         /* Grafana */
	{ "dckr_pat_", "-_", 20, 0 },    /* Docker */
	{ "dop_v1_", "", 40, 0 },        /* DigitalOcean */
	{ "shpat_", "", 30, 0 },         /* Shopify */
	{ "lin_api_", "", 30, 0 },       /* Linear */
	{ "sbp_", "", 40, 0 },           /* Supabase */
	{ "ATATT3", "-_=", 40, 0 },      /* Atlassian */
	{ "AGE-SECRET-KEY-1", "", 50, 0 },
	{ "hf_", "", 30, 0 },  /* Hugging Face */
	{ "gsk_", "", 40, 0 }, /* Groq */
	{ "xai-", "", 40, 0 },
	{ "pplx-", "", 40, 0 },
	{ "npm_", "", 36, 0 },
	{ "pypi-", "-_", 50, 0 },
	{ "SG.", "-_.", 40, HAS_DOT }, /* SendGrid */
	{ "eyJ", "-_.", 30, HAS_DOT }, /* JSON Web Token: {"… in base64 */
	{ "Bearer ", "-_.~+/=", 16, HAS_DIGIT | KEEP_PREFIX }, /* RFC 6750 */
	{ "bearer ", "-_.~+/=", 16, HAS_DIGIT | KEEP_PREFIX },
	{ "Authorization: Basic ", "+/=", 8, KEEP_PREFIX }, /* RFC 7617 */
	{ "authorization: Basic ", "+/=", 8, KEEP_PREFIX },
};

/* How the name ends in front of a `=` or `:` behind which a secret stands. */
static const char *const secret_names[] = {
	"password",  "passwd",    "passphrase", "pwd",        "secret",     "token",
	"api_key",   "api-key",   "apikey",     "access_key", "secret_key", "private_key",
	"accesskey", "secretkey", "master_key", "salt_key",   "accountkey", "signing_key",
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* --- keys by their shape --------------------------------------------------------- */

static size_t run_end(struct str text, size_t at, const char *marks)
{
	while (at < text.len && (is_alnum(text.p[at]) || is_one_of(text.p[at], marks)))
		at++;
	return at;
}

static bool is_of_shape(const struct shape *shape, struct str run)
{
	bool digit = !(shape->flags & HAS_DIGIT), dot = !(shape->flags & HAS_DOT);

	for (size_t i = 0; i < run.len; i++) {
		digit |= is_digit(run.p[i]);
		dot |= run.p[i] == '.';
	}
	return run.len >= shape->min && digit && dot;
}

static bool match_shape(const struct shape *shape, struct str text, size_t at,
			struct span *ret)
{
	struct str prefix = str_from(shape->prefix);

	if (!str_has_prefix(str_slice(text, at, text.len), prefix))
		return false;
	size_t from = at + prefix.len;
	struct str head = str_slice(text, 0, from + LOOK);
	struct str run = str_slice(text, from, run_end(head, from, shape->marks));
	if (!is_of_shape(shape, run))
		return false;
	size_t to = run_end(text, from, shape->marks);
	if (text.p[to - 1] == '.') /* the sentence's */
		to--;
	*ret = (struct span){ shape->flags & KEEP_PREFIX ? from : at, to };
	return true;
}

static bool find_shape(struct str text, size_t at, struct span *ret)
{
	if (at > 0 && (is_alnum(text.p[at - 1]) || text.p[at - 1] == '_'))
		return false;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (shapes[i].prefix[0] == text.p[at] &&
		    match_shape(&shapes[i], text, at, ret))
			return true;
	}
	return false;
}

/* --- private keys: RFC 7468 ------------------------------------------------------ */

static size_t find(struct str text, size_t at, struct str what)
{
	const char *p = memmem(text.p + at, text.len - at, what.p, what.len);
	return p ? (size_t)(p - text.p) : text.len;
}

/* From the first line to the last; to the text's end where that is missing. */
static bool match_pem(struct str text, size_t at, struct span *ret)
{
	struct str label = str_slice(text, at, at + 64);

	if (!str_has_prefix(label, STR("-----BEGIN ")) ||
	    find(label, 0, STR("PRIVATE KEY-----")) == label.len)
		return false;
	size_t to = find(text, at, STR("-----END "));
	to = to == text.len ? to : find(text, to + 5, STR("-----"));
	*ret = (struct span){ at, to == text.len ? to : to + 5 };
	return true;
}

/* --- passwords by what stands around them ---------------------------------------- */

/* `scheme://user:password@host`, found at the first colon. */
static bool match_userinfo(struct str text, size_t at, struct span *ret)
{
	struct str head = str_slice(text, 0, at + LOOK);
	size_t colon = 0, i = at + 3;

	if (!str_has_prefix(str_slice(text, at, text.len), STR("://")))
		return false;
	for (; i < head.len && !is_one_of(head.p[i], "@/?#<>\"' \t\r\n"); i++) {
		if (head.p[i] == ':' && colon == 0)
			colon = i;
	}
	if (colon == 0 || i == head.len || head.p[i] != '@' || i == colon + 1)
		return false;
	*ret = (struct span){ colon + 1, i };
	return true;
}

/* Does what stands before `at` end in a name of a secret, perhaps quoted? */
static bool is_named(struct str text, size_t at)
{
	struct str before = str_trim(str_slice(text, at > LOOK ? at - LOOK : 0, at));

	if (before.len > 0 && is_one_of(before.p[before.len - 1], "\"'`"))
		before.len--;
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		struct str name = str_from(secret_names[i]);
		if (before.len >= name.len &&
		    str_ieq(str_slice(before, before.len - name.len, before.len), name))
			return true;
	}
	return false;
}

/* `os.environ`, `settings.key2`: code that names a secret without telling it. */
static bool is_dotted_name(struct str s)
{
	bool dot = false;

	for (size_t i = 0; i < s.len; i++) {
		if (!is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '.')
			return false;
		dot |= s.p[i] == '.';
	}
	return dot && !is_digit(s.p[0]);
}

static bool is_password(struct str s)
{
	bool digit = false, letter = false;

	for (size_t i = 0; i < s.len; i++) {
		digit |= is_digit(s.p[i]);
		letter |= is_alnum(s.p[i]) && !is_digit(s.p[i]);
	}
	return s.len >= 8 && digit && letter && !is_dotted_name(s);
}

/* `${DB_PASSWORD_1}`, `<your-key-1>`: where a secret is to be put. */
static bool is_placeholder(struct str s)
{
	return str_has_prefix(s, STR("${")) || str_has_prefix(s, STR("$(")) ||
	       str_has_prefix(s, STR("{")) || str_has_prefix(s, STR("<"));
}

/* `PASSWORD=…`, `"api_key": "…"`, found at the `=` or `:`. In quotes any mark may be
 * part of it. */
static bool match_assignment(struct str text, size_t at, struct span *ret)
{
	struct str head = str_slice(text, 0, at + LOOK);
	const char *ends = "\"'`,;&<>(){}[] \t\r\n";
	char in_quotes[] = "? \t\r\n";
	size_t from = at + 1, to;

	if (!is_named(text, at))
		return false;
	while (from < head.len && is_one_of(head.p[from], " \t"))
		from++;
	if (from < head.len && is_one_of(head.p[from], "\"'`")) {
		in_quotes[0] = head.p[from++];
		ends = in_quotes;
	}
	for (to = from; to < head.len && !is_one_of(head.p[to], ends);)
		to++;
	if (to == head.len && to < text.len)
		return false; /* too long */
	if (to < head.len && is_one_of(head.p[to], "(["))
		return false; /* a call or a subscript: code */
	*ret = (struct span){ from, to };
	struct str value = str_slice(head, from, to);
	return is_password(value) && !is_placeholder(value);
}

/* --------------------------------------------------------------------------------- */

static bool secret_at(struct str text, size_t at, struct span *ret)
{
	switch (text.p[at]) {
	case '-':
		return match_pem(text, at, ret);
	case ':':
		return match_userinfo(text, at, ret) || match_assignment(text, at, ret);
	case '=':
		return match_assignment(text, at, ret);
	default:
		return is_alnum(text.p[at]) && find_shape(text, at, ret);
	}
}

static bool next_secret(struct str text, size_t at, struct span *ret)
{
	for (; at < text.len; at++) {
		if (secret_at(text, at, ret))
			return true;
	}
	return false;
}

struct str redact_text(struct str text, struct arena *a)
{
	struct str ret = { NULL, 0 };
	struct span secret;
	size_t done = 0;
	struct buf b;

	if (!next_secret(text, 0, &secret))
		return text.p ? text : STR("");
	buf_init(&b, SIZE_MAX);
	do {
		buf_add_str(&b, str_slice(text, done, secret.from));
		buf_add_str(&b, STR("[redacted]"));
		done = secret.to;
	} while (next_secret(text, done, &secret));
	buf_add_str(&b, str_slice(text, done, text.len));
	if (!b.failed)
		ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ret;
}
