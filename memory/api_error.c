/* api_error.c - errors of ours in OpenAI's shape. */
#include "memory/api_error.h"

#include "base/buf.h"

#define MAX_OBJECT 8192

struct str api_error_message(const struct api_error *e)
{
	return e->message.p ? e->message : str_from(e->info->message);
}

struct str api_error_object(const struct api_error *e, struct arena *a)
{
	struct str object = { NULL, 0 };
	struct buf b;

	buf_init(&b, MAX_OBJECT);
	buf_add_str(&b, STR("{\"message\":\""));
	buf_add_json(&b, api_error_message(e));
	buf_printf(&b, "\",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}",
		   e->info->openai_type, e->info->openai_code);
	if (!b.failed)
		object = arena_str(a, buf_str(&b));
	buf_done(&b);
	return object;
}

struct str api_error_body(const struct api_error *e, struct arena *a)
{
	struct str object = api_error_object(e, a);

	return object.p ? arena_printf(a, "{\"error\":%s}", object.p) : object;
}
