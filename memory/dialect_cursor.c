/*
 * dialect_cursor.c - LiteLLM's path for Cursor: a body of the Responses API or of
 * chat completions, the reply always of chat completions.
 */
#include "memory/turns.h"

#include <errno.h>

static bool cursor_serves(struct str method, struct str path)
{
	return str_eq(method, STR("POST")) &&
	       str_eq(path, STR("/cursor/chat/completions"));
}

static struct str cursor_path_model(struct str path)
{
	(void)path;
	return (struct str){ NULL, 0 };
}

/* By what is in `messages`, as LiteLLM tells them apart: it may stand there empty. */
static int cursor_read(struct str body, struct arena *a, struct request_view *ret)
{
	struct request_view chat = { 0 };
	int err = turns_read(&turn_form_chat, body, a, &chat);

	if (err == -ENOMEM)
		return err;
	if (err || chat.n_sent == 0) {
		int other = turns_read(&turn_form_responses, body, a, ret);
		if (other != -EINVAL)
			return other;
	}
	if (!err)
		*ret = chat;
	return err;
}

static void cursor_tap_event(struct reply_tap *t, struct str event, struct str data)
{
	dialect_chat.tap_event(t, event, data);
}

static void cursor_tap_plain(struct reply_tap *t, struct str body)
{
	dialect_chat.tap_plain(t, body);
}

static struct str cursor_error_body(const struct api_error *e, struct arena *a)
{
	return dialect_chat.error_body(e, a);
}

static struct str cursor_error_event(const struct api_error *e, struct arena *a)
{
	return dialect_chat.error_event(e, a);
}

const struct dialect dialect_cursor = {
	.id = DIALECT_CHAT,
	.serves = cursor_serves,
	.path_model = cursor_path_model,
	.read = cursor_read,
	.splice = turns_splice,
	.tap_event = cursor_tap_event,
	.tap_plain = cursor_tap_plain,
	.error_body = cursor_error_body,
	.error_event = cursor_error_event,
};
