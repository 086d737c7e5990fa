/* exchange.c - what is remembered: a user's words and the reply to them. */
#include "store/exchange.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

static void put_u64(unsigned char *p, uint64_t n)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (unsigned char)(n >> (8 * i));
}

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t n = 0;

	for (size_t i = 8; i-- > 0;)
		n = n << 8 | p[i];
	return n;
}

void exchange_pack_hashes(const struct exchange *x, unsigned char ret[EXCHANGE_HASHES])
{
	const struct hash128 v[] = { x->user_hash, x->reply_hash, x->prev_hash,
				     x->reply_id };

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		put_u64(ret + 16 * i, v[i].lo);
		put_u64(ret + 16 * i + 8, v[i].hi);
	}
}

void exchange_unpack_hashes(struct exchange *x, const unsigned char p[EXCHANGE_HASHES])
{
	struct hash128 *const v[] = { &x->user_hash, &x->reply_hash, &x->prev_hash,
				      &x->reply_id };

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		*v[i] = (struct hash128){ get_u64(p + 16 * i), get_u64(p + 16 * i + 8) };
}

static struct digest block_digest(const struct digest *secret, const struct exchange *x)
{
	unsigned char hashes[EXCHANGE_HASHES], at[8];
	const struct str parts[] = {
		x->partition.tenant, x->partition.user,
		x->session,          { (const char *)hashes, sizeof(hashes) },
		x->sources,          { (const char *)at, sizeof(at) },
		STR("block"),
	};

	exchange_pack_hashes(x, hashes);
	put_u64(at, x->at_ms);
	return digest_hmac(secret, parts, sizeof(parts) / sizeof(*parts));
}

static struct digest texts_digest(const struct digest *secret, const struct exchange *x)
{
	const struct str parts[] = {
		x->partition.tenant,
		x->partition.user,
		x->session,
		{ (const char *)x->prev.b, sizeof(x->prev.b) },
		x->user,
		x->reply,
	};

	return digest_hmac(secret, parts, sizeof(parts) / sizeof(*parts));
}

struct exchange_id exchange_id(const struct digest *secret, const struct exchange *x)
{
	struct digest d = x->state == EXCHANGE_BLOCK ? block_digest(secret, x)
						     : texts_digest(secret, x);
	struct exchange_id id;

	memcpy(id.b, d.b, sizeof(id.b));
	return id;
}

/* The two parts set it apart from an exchange's. */
struct exchange_id exchange_session_mark(const struct digest *secret, struct str session)
{
	const struct str parts[] = { STR("session"), session };
	struct digest d = digest_hmac(secret, parts, sizeof(parts) / sizeof(*parts));
	struct exchange_id id;

	memcpy(id.b, d.b, sizeof(id.b));
	return id;
}

bool exchange_id_eq(const struct exchange_id *a, const struct exchange_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

size_t exchange_bytes(const struct exchange *x)
{
	return EXCHANGE_OVERHEAD + x->session.len + x->user.len + x->reply.len +
	       x->client.len + x->model.len + x->request_id.len + x->sources.len;
}

int exchange_copy_text(struct arena *to, struct str text, struct str *ret)
{
	struct str copy = { NULL, 0 };

	if (text.p != NULL) {
		copy = arena_str(to, text);
		if (copy.p == NULL)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

int exchange_copy(struct arena *to, const struct exchange *x, struct exchange *ret)
{
	struct exchange copy = *x;
	struct str *const texts[] = {
		&copy.partition.tenant,
		&copy.partition.user,
		&copy.session,
		&copy.user,
		&copy.reply,
		&copy.sources,
		&copy.client,
		&copy.model,
		&copy.request_id,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (exchange_copy_text(to, *texts[i], texts[i]) < 0)
			return -ENOMEM;
	*ret = copy;
	return 0;
}
