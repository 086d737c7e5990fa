/* exchange.c - what is remembered: a user's words and the reply to them. */
#include "store/exchange.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

struct exchange_id exchange_id(const struct digest *secret, const struct exchange *x)
{
	const struct str parts[] = {
		x->partition.tenant,
		x->partition.user,
		x->session,
		{ (const char *)x->prev.b, sizeof(x->prev.b) },
		x->user,
		x->reply,
	};
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
	       x->client.len + x->model.len + x->request_id.len;
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
