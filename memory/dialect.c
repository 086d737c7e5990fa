/* dialect.c - the table of dialects. */
#include "memory/dialect.h"

static const struct dialect *const dialects[] = { &dialect_chat };

const struct dialect *dialect_find(struct str method, struct str path)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		if (dialects[i]->serves(method, path))
			return dialects[i];
	}
	return NULL;
}
