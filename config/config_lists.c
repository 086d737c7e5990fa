/* config_lists.c - lists of texts: networks, names of models and clients, digests of
 * keys. */
#include "base/hash.h"
#include "config/config_load.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_network(struct str s)
{
	const char *slash = memchr(s.p, '/', s.len);
	struct str host = str_slice(s, 0, slash ? (size_t)(slash - s.p) : s.len);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr bits;
	uint64_t prefix = 0;
	bool v6;

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	v6 = strchr(text, ':') != NULL;
	if (slash && !str_to_u64(str_slice(s, host.len + 1, s.len), &prefix))
		return false;
	return prefix <= (v6 ? 128 : 32) &&
	       inet_pton(v6 ? AF_INET6 : AF_INET, text, &bits) == 1;
}

static bool is_name(struct str s)
{
	return s.len > 0 && config_is_plain_text(s);
}

static bool is_digest(struct str s)
{
	struct digest d;

	return digest_from_hex(s, &d);
}

/* True where the item is what a list of the key's type holds; reported where not. */
static bool read_item(struct config_loader *ld, const struct config_key *key, size_t i,
		      const struct config_node *n, struct str *ret)
{
	const char *path = config_path(ld, "%s[%zu]", key->path, i);

	if (!config_node_text(ld, path, n, key->type->text_expected, false, ret))
		return false;
	if (key->type->check(*ret))
		return true;
	config_mismatch(ld, path, n, false, key->type->text_expected);
	return false;
}

static void read_list(struct config_loader *ld, const struct config_key *key,
		      const struct config_node *n)
{
	struct config_list *list = config_member(&ld->box->c, key);
	const char *expected =
		config_path(ld, "a list, each %s", key->type->text_expected);
	const char **v;
	size_t i = 0;
	struct str s;
	void *room;

	if (!config_read_list(ld, key, n, expected, sizeof(*v), &room))
		return;
	v = room;
	*list = (struct config_list){ v, 0 };
	for (const struct config_pair *p = n->first; p != NULL; p = p->next)
		if (read_item(ld, key, i++, p->value, &s))
			v[list->n++] = s.p;
}

static void expect_list(const struct config_key *key, struct buf *to)
{
	buf_printf(to, "a list, each %s", key->type->text_expected);
}

static void format_list(const struct config_key *key, const void *member, struct buf *to)
{
	const struct config_list *list = member;

	(void)key;
	buf_add_char(to, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_add_str(to, i ? STR(", \"") : STR("\""));
		buf_add_json(to, str_from(list->v[i]));
		buf_add_char(to, '"');
	}
	buf_add_char(to, ']');
}

#define LIST(test, what)                                                           \
	{                                                                          \
		.read = read_list, .expected = expect_list, .format = format_list, \
		.check = (test), .text_expected = (what)                           \
	}

const struct config_type config_networks =
	LIST(is_network, "an address or a block such as 10.0.0.0/8 or fd00::/8");
const struct config_type config_names =
	LIST(is_name, "a name, in which * stands for any text");
const struct config_type config_digests =
	LIST(is_digest, "a SHA-256 in 64 hexadecimal digits");
