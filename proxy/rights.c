/* rights.c - what a caller may see besides what everybody may. */
#include "proxy/rights.h"

#include "base/hash.h"
#include "router/router.h"

#include <arpa/inet.h>
#include <string.h>

static struct headers headers_of(const struct conn *c)
{
	const struct h1_head *h = conn_head(c);

	return (struct headers){ h->headers, h->n_headers };
}

/* A Host without its port; "[::1]:80" gives "[::1]". */
static struct str host_name(struct str authority)
{
	size_t i = authority.len;

	while (i > 0 && authority.p[i - 1] >= '0' && authority.p[i - 1] <= '9')
		i--;
	if (i > 0 && i < authority.len && authority.p[i - 1] == ':')
		return str_slice(authority, 0, i - 1);
	return authority;
}

/* By value, not by its beginning: "127.example.com" is somebody else's. */
static bool is_loopback_ipv4(struct str name)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr a;

	if (name.len >= sizeof(text))
		return false;
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	return inet_pton(AF_INET, text, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

static bool names_this_machine(const struct config *cfg, struct str authority)
{
	struct str name = host_name(authority);

	return !name.len || str_ieq(name, STR("localhost")) ||
	       str_eq(name, STR("[::1]")) || is_loopback_ipv4(name) ||
	       str_ieq(name, str_from(cfg->proxy.host));
}

static bool came_through_a_proxy(struct headers h)
{
	return headers_get(h, STR("Forwarded")).p ||
	       headers_get(h, STR("X-Forwarded-For")).p || headers_get(h, STR("Via")).p;
}

bool rights_loopback(const struct config *cfg, const struct conn *c)
{
	struct headers h = headers_of(c);

	return conn_peer_is_loopback(c) &&
	       names_this_machine(cfg, conn_head(c)->authority) &&
	       !came_through_a_proxy(h) &&
	       !str_ieq(headers_get(h, STR("Sec-Fetch-Site")), STR("cross-site"));
}

bool rights_admin(const struct config *cfg, struct str key)
{
	const char *admin =
		cfg->keys.admin_key ? cfg->keys.admin_key : cfg->keys.master_key;
	struct digest want, got;

	if (!admin || !key.len)
		return false;
	/* Of digests, so that neither length nor a common beginning can be timed. */
	want = digest_sha256(str_from(admin));
	got = digest_sha256(key);
	return digest_eq(&want, &got);
}

bool rights_metrics(const struct config *cfg, const struct conn *c)
{
	return rights_loopback(cfg, c) || rights_admin(cfg, credential(headers_of(c))) ||
	       address_in_list(cfg->metrics.allow, conn_peer(c));
}
