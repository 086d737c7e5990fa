/* members.c - several members of a JSON object, found in one walk. */
#include "memory/members.h"

void get_members(struct json_value object, const struct want *wants, size_t n)
{
	struct json_iter it = json_iter(object);
	struct json_value v;
	struct str key;

	for (size_t i = 0; i < n; i++)
		*wants[i].ret = (struct json_value){ JSON_ABSENT, { NULL, 0 } };
	while (object.type == JSON_OBJECT && json_next_member(&it, &key, &v)) {
		for (size_t i = 0; i < n; i++) {
			/* most names differ in their first letter */
			if (key.p[1] != wants[i].name.p[0] && key.p[1] != '\\')
				continue;
			if (json_str_is(key, wants[i].name))
				*wants[i].ret = v;
		}
	}
}

bool is_string(struct json_value v, struct str text)
{
	return v.type == JSON_STRING && json_str_is(v.raw, text);
}

bool is_filled(struct json_value v)
{
	return v.type == JSON_STRING && v.raw.len > 2;
}

bool has_items(struct json_value v)
{
	struct json_iter it = json_iter(v);
	struct json_value item;

	return v.type == JSON_ARRAY && json_next_item(&it, &item);
}
