/* error_body.c - errors as the clients of each API expect them. */
#include "proxy/error_body.h"

#include "base/buf.h"

#define MAX_OBJECT 8192

struct str error_object(enum fault fault, const char *detail, struct arena *a)
{
	const struct fault_info *info = fault_info(fault);
	struct str object = { NULL, 0 };
	struct buf b;

	buf_init(&b, MAX_OBJECT);
	buf_add_str(&b, STR("{\"message\":\""));
	buf_add_json(&b, str_from(detail ? detail : info->message));
	buf_printf(&b, "\",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}",
		   info->openai_type, info->openai_code);
	if (!b.failed)
		object = arena_str(a, buf_str(&b));
	buf_done(&b);
	return object;
}

struct str error_body(enum fault fault, const char *detail, struct arena *a)
{
	struct str object = error_object(fault, detail, a);

	return object.p ? arena_printf(a, "{\"error\":%s}", object.p) : object;
}
