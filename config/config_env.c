/* config_env.c - what the environment says. */
#include "config/config_load.h"

#include <string.h>

static const char *const redis_vars[] = { "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD" };

/* Percent-encoded but for what RFC 3986 (2.3) calls unreserved. */
static void add_encoded(struct buf *to, struct str s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";

	for (size_t i = 0; i < s.len; i++)
		if (memchr(plain, s.p[i], sizeof(plain) - 1) != NULL)
			buf_add_char(to, s.p[i]);
		else
			buf_printf(to, "%%%02X", (unsigned)(unsigned char)s.p[i]);
}

/* The three variables of the original project, where no URL is given. */
static void read_redis(struct config_loader *ld, const struct config_key *key)
{
	const char *host = config_env(ld, redis_vars[0]);
	const char *port = config_env(ld, redis_vars[1]);
	const char *password = config_env(ld, redis_vars[2]);
	struct buf url;

	if (host == NULL)
		return;
	buf_init(&url, 4096);
	buf_add_str(&url, STR("redis://"));
	if (password != NULL) {
		buf_add_char(&url, ':');
		add_encoded(&url, str_from(password));
		buf_add_char(&url, '@');
	}
	buf_printf(&url, strchr(host, ':') ? "[%s]:%s/0" : "%s:%s/0", host,
		   port ? port : "6379");
	ld->nomem |= url.failed;
	config_assign(ld, key, buf_str(&url),
		      (struct config_origin){ LAYER_ENV, redis_vars[0], 0 });
	buf_done(&url);
}

static void read_key(struct config_loader *ld, const struct config_key *key)
{
	for (size_t i = 0; i < sizeof(key->env) / sizeof(key->env[0]); i++) {
		const char *name = key->env[i];
		const char *value = name ? config_env(ld, name) : NULL;

		if (value != NULL) {
			config_assign(ld, key, str_from(value),
				      (struct config_origin){ LAYER_ENV, name, 0 });
			return;
		}
	}
	if (key->type == &config_store_url)
		read_redis(ld, key);
}

void config_read_env(struct config_loader *ld)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].programs & ld->src->program)
			read_key(ld, &config_keys[i]);
}
