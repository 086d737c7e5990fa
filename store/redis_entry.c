/* redis_entry.c - what lies in a Redis, and under which keys. */
#include "store/redis_entry.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 1, N_TEXTS = 7 };
enum {
	AT = 4,
	EXPIRES = AT + 8,
	MARK = EXPIRES + 8,
	PREV = MARK + 16,
	REPLY = PREV + 32,
	HASHES = REPLY + 32,
	LENGTHS = HASHES + EXCHANGE_HASHES,
	TEXTS = LENGTHS + 4 * N_TEXTS,
};

/* The place of a text, by its number in the entry. */
static struct str *text_of(struct exchange *x, size_t i)
{
	struct str *const texts[N_TEXTS] = { &x->session,    &x->client,  &x->model,
					     &x->request_id, &x->sources, &x->user,
					     &x->reply };

	return texts[i];
}

static void put(char *p, uint64_t n, size_t size)
{
	for (size_t i = size; i-- > 0; n >>= 8)
		p[i] = (char)(unsigned char)n;
}

static uint64_t get(const char *p, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | (unsigned char)p[i];
	return n;
}

static void put_head(char *p, const struct exchange *x, const struct exchange_id *mark)
{
	p[0] = VERSION;
	p[1] = (char)x->state;
	p[2] = (char)x->session_named;
	p[3] = 0;
	put(p + AT, x->at_ms, 8);
	put(p + EXPIRES, x->expires_ms, 8);
	memcpy(p + MARK, mark->b, sizeof(mark->b));
	memcpy(p + PREV, x->prev.b, sizeof(x->prev.b));
	memcpy(p + REPLY, x->reply_digest.b, sizeof(x->reply_digest.b));
	exchange_pack_hashes(x, (unsigned char *)p + HASHES);
}

int redis_entry_encode(struct arena *mem, const struct exchange *x,
		       const struct exchange_id *mark, struct str *ret)
{
	struct exchange copy = *x;
	size_t size = TEXTS;
	char *p, *to;

	for (size_t i = 0; i < N_TEXTS; i++) {
		if (text_of(&copy, i)->len >= REDIS_ABSENT)
			return -EINVAL;
		size += text_of(&copy, i)->len;
	}
	p = arena_bytes(mem, size);
	if (p == NULL)
		return -ENOMEM;
	put_head(p, x, mark);
	to = p + TEXTS;
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct str s = *text_of(&copy, i);

		put(p + LENGTHS + 4 * i, s.p ? s.len : REDIS_ABSENT, 4);
		if (s.len > 0)
			memcpy(to, s.p, s.len);
		to += s.len;
	}
	*ret = (struct str){ p, size };
	return 0;
}

static int decode_texts(struct str entry, struct exchange *x)
{
	size_t at = TEXTS;

	for (size_t i = 0; i < N_TEXTS; i++) {
		uint64_t len = get(entry.p + LENGTHS + 4 * i, 4);

		*text_of(x, i) = (struct str){ NULL, 0 };
		if (len == REDIS_ABSENT)
			continue;
		if (len > entry.len - at)
			return -EIO;
		*text_of(x, i) = (struct str){ entry.p + at, len };
		at += len;
	}
	return at == entry.len ? 0 : -EIO;
}

int redis_entry_decode(struct str entry, struct exchange *ret)
{
	const char *p = entry.p;
	struct exchange x = { .seq = 0 };
	int rc;

	if (entry.len < TEXTS || p[0] != VERSION || p[1] < EXCHANGE_COMPLETE ||
	    p[1] > EXCHANGE_BLOCK)
		return -EIO;
	x.state = (enum exchange_state)p[1];
	x.session_named = p[2] != 0;
	x.at_ms = get(p + AT, 8);
	x.expires_ms = get(p + EXPIRES, 8);
	memcpy(x.prev.b, p + PREV, sizeof(x.prev.b));
	memcpy(x.reply_digest.b, p + REPLY, sizeof(x.reply_digest.b));
	exchange_unpack_hashes(&x, (const unsigned char *)p + HASHES);
	rc = decode_texts(entry, &x);
	if (rc == 0)
		*ret = x;
	return rc;
}

/* --- keys ------------------------------------------------------------------- */

/* What would end a hash tag or part two names, or cannot be read in a terminal. */
static bool needs_escape(char c)
{
	return (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f ||
	       strchr("%/{}", c) != NULL;
}

static char *put_escaped(char *to, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		if (!needs_escape(s.p[i])) {
			*to++ = s.p[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[(unsigned char)s.p[i] >> 4];
		*to++ = digits[(unsigned char)s.p[i] & 15];
	}
	return to;
}

int redis_user_keys(struct arena *mem, const struct partition *p,
		    struct str ret[REDIS_USER_KEYS])
{
	static const char *const kinds[REDIS_USER_KEYS - 1] = {
		"meta", "log", "ids", "expiry", "lines", "sessions", "gone",
	};
	char *tag = arena_bytes(mem, 3 * (p->tenant.len + p->user.len) + 1), *end;

	if (tag == NULL)
		return -ENOMEM;
	end = put_escaped(tag, p->tenant);
	*end++ = '/';
	end = put_escaped(end, p->user);
	for (size_t i = 0; i < REDIS_USER_KEYS - 1; i++) {
		ret[i] = arena_printf(mem, "memproxy:{%.*s}:%s", (int)(end - tag), tag,
				      kinds[i]);
		if (ret[i].p == NULL)
			return -ENOMEM;
	}
	ret[REDIS_USER_KEYS - 1] = STR(REDIS_EPOCH);
	return 0;
}

/* --- the list of users ------------------------------------------------------ */

/* `end` comes behind the tenant's 0. */
static char *put_tenant(char *to, struct str tenant, char end)
{
	for (size_t i = 0; i < tenant.len; i++) {
		*to++ = tenant.p[i];
		if (tenant.p[i] == '\0')
			*to++ = '\xff';
	}
	*to++ = '\0';
	*to++ = end;
	return to;
}

int redis_name_encode(struct arena *mem, const struct partition *p, struct str *ret)
{
	char *out = arena_bytes(mem, 2 * p->tenant.len + 2 + p->user.len), *end;

	if (out == NULL)
		return -ENOMEM;
	end = put_tenant(out, p->tenant, 1);
	if (p->user.len > 0)
		memcpy(end, p->user.p, p->user.len);
	*ret = (struct str){ out, (size_t)(end - out) + p->user.len };
	return 0;
}

int redis_name_after_tenant(struct arena *mem, struct str tenant, struct str *ret)
{
	char *out = arena_bytes(mem, 2 * tenant.len + 2);

	if (out == NULL)
		return -ENOMEM;
	*ret = (struct str){ out, (size_t)(put_tenant(out, tenant, 2) - out) };
	return 0;
}

int redis_name_decode(struct arena *mem, struct str member, struct partition *ret)
{
	char *tenant = arena_bytes(mem, member.len + 1);
	size_t len = 0, i = 0;

	if (tenant == NULL)
		return -ENOMEM;
	for (; i + 1 < member.len; i++) {
		if (member.p[i] == '\0' && member.p[i + 1] == 1)
			break;
		tenant[len++] = member.p[i];
		if (member.p[i] == '\0' && member.p[++i] != '\xff')
			return -EIO;
	}
	if (i + 1 >= member.len)
		return -EIO;
	tenant[len] = '\0';
	ret->tenant = (struct str){ tenant, len };
	return exchange_copy_text(mem, str_slice(member, i + 2, member.len), &ret->user)
		       ? -ENOMEM
		       : 0;
}
