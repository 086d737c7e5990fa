/* dialect.c - the table of dialects. */
#include "memory/dialect.h"

static const struct dialect *const dialects[] = {
	&dialect_chat,
	&dialect_messages,
	&dialect_responses,
	&dialect_cursor,
};

const struct dialect *dialect_find(struct str method, struct str path)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		if (dialects[i]->serves(method, path))
			return dialects[i];
	}
	return NULL;
}

/* Anthropic's API at large: count_tokens and batches too. The rest is OpenAI's. */
const struct dialect *dialect_of_errors(struct str path)
{
	if (str_has_prefix(path, STR("/v1/messages")) ||
	    str_has_prefix(path, STR("/anthropic/")))
		return &dialect_messages;
	return &dialect_chat;
}

const char *dialect_name(enum dialect_id id)
{
	static const char *const names[DIALECT_N] = {
		[DIALECT_NONE] = "none",
		[DIALECT_CHAT] = "chat",
		[DIALECT_MESSAGES] = "messages",
		[DIALECT_RESPONSES] = "responses",
	};

	return names[id];
}
