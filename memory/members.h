/* members.h - several members of a JSON object, found in one walk. */
#ifndef MEMORY_MEMBERS_H
#define MEMORY_MEMBERS_H

#include "base/json_scan.h"

/* One member to look for, and where it goes: the last of that name, or ABSENT. */
struct want {
	struct str name;
	struct json_value *ret;
};

/* A value that is no object has no members. */
void get_members(struct json_value object, const struct want *wants, size_t n);

/* GET_MEMBERS(v, { STR("role"), &role }, { STR("content"), &content }) */
#define GET_MEMBERS(object, ...)                                    \
	get_members((object), (const struct want[]){ __VA_ARGS__ }, \
		    sizeof((const struct want[]){ __VA_ARGS__ }) / sizeof(struct want))

/* Is v a string of this meaning? */
bool is_string(struct json_value v, struct str text);
/* Is v a string that is not empty? */
bool is_filled(struct json_value v);
/* Is v an array that is not empty? */
bool has_items(struct json_value v);

#endif
