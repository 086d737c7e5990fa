/* redis_address.c - where a Redis is, and as whom to speak to it. */
#include "net/redis_address.h"

#include "base/arena.h"
#include "net/uri.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

enum { DEFAULT_PORT = 6379, MAX_DB = 1 << 20 };

/* Empty is the default, 0. */
static bool parse_db(struct str text, unsigned *ret)
{
	uint64_t n = 0;

	if (text.len > 0 && (!str_to_u64(text, &n) || n > MAX_DB))
		return false;
	*ret = (unsigned)n;
	return true;
}

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

static int parse_tcp(const struct uri *u, struct redis_address *a, const char **why)
{
	a->host = u->host.len > 0 ? u->host : STR("127.0.0.1");
	a->port = u->port ? u->port : DEFAULT_PORT;
	if (!parse_db(str_slice(u->path, 1, u->path.len), &a->db))
		return refuse(why, "behind the slash a number of a database is expected");
	if (u->query.p != NULL)
		return refuse(why, "parameters are not known here");
	return 0;
}

static int parse_unix(struct arena *mem, const struct uri *u, struct redis_address *a,
		      const char **why)
{
	struct str rest = u->query, name, value;
	struct sockaddr_un sun;
	int rc;

	if (u->host.len > 0 || u->port != 0 || u->path.len < 2)
		return refuse(why, "redis+unix:///path/of/a/socket is expected");
	if (u->path.len >= sizeof(sun.sun_path))
		return refuse(why, "the path of the socket is too long");
	a->socket = u->path;
	while ((rc = uri_next_param(mem, &rest, &name, &value)) > 0)
		if (!str_eq(name, STR("db")) || !parse_db(value, &a->db))
			return refuse(why, "the one parameter known is db=NUMBER");
	return rc;
}

int redis_address_parse(struct arena *mem, struct str url, struct redis_address *ret,
			const char **why)
{
	struct redis_address a = { .db = 0 };
	struct uri u;
	int rc = uri_parse(mem, url, &u);

	if (rc == -EINVAL)
		return refuse(why, "is no URL; what is special in a password has to be "
				   "percent-encoded");
	if (rc < 0)
		return rc;
	if (str_eq(u.scheme, STR("redis")))
		rc = parse_tcp(&u, &a, why);
	else if (str_eq(u.scheme, STR("redis+unix")))
		rc = parse_unix(mem, &u, &a, why);
	else
		rc = refuse(why, "the scheme is not redis");
	if (rc < 0)
		return rc;
	/* Who has a name has a password; a lone name is a password left out. */
	if (u.user.len > 0 && u.password.p == NULL)
		return refuse(why, "a user needs a password: user:password@");
	if (u.password.len > 0) {
		a.password = u.password;
		a.user = u.user.len > 0 ? u.user : (struct str){ NULL, 0 };
	}
	*ret = a;
	return 0;
}

struct str redis_address_name(struct arena *mem, const struct redis_address *a)
{
	if (a->socket.p != NULL)
		return arena_printf(mem, "%.*s/%u", STR_ARG(a->socket), a->db);
	return arena_printf(
		mem, memchr(a->host.p, ':', a->host.len) ? "[%.*s]:%u/%u" : "%.*s:%u/%u",
		STR_ARG(a->host), a->port, a->db);
}
