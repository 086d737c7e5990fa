/*
 * fuzz_json_scan.c - the scanner and jansson must agree on what is JSON.
 *
 * Where they may differ is where jansson has limits of its own: numbers out of
 * range, \u0000 in a name, lone surrogates, bytes that are not UTF-8, and
 * nesting between JSON_SCAN_DEPTH and its own 2048. Of a text that both take,
 * every member and string found by walking must be what jansson has.
 */
#include "base/buf.h"

/* The scanner's enumerators have the same names. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_TRUE   JANSSON_TRUE
#define JSON_FALSE  JANSSON_FALSE
#define JSON_NULL   JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include "base/json_scan.h"

#include <stdlib.h>
#include <string.h>

enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL };

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool contains(struct str s, const char *word)
{
	return s.len > 0 && memmem(s.p, s.len, word, strlen(word)) != NULL;
}

static bool is_utf8(struct str s)
{
	while (s.len > 0) {
		size_t n = str_utf8_len(s);

		if (n == 0)
			return false;
		s = str_slice(s, n, s.len);
	}
	return true;
}

/* Whether jansson refused a valid text for a limit of its own. */
static bool own_limit(const json_error_t *error, struct str text)
{
	switch (json_error_code(error)) {
	case json_error_numeric_overflow:
	case json_error_null_byte_in_key:
	case json_error_stack_overflow:
		return true;
	default:
		return !is_utf8(text) || contains(text, "\\u");
	}
}

/*
 * Whether the scanner refused it for its own: nesting; or jansson took what is
 * none: it passes over a NUL byte behind a number, as the end of its buffer.
 */
static bool may_be_refused(struct str text)
{
	size_t brackets = 0;

	if (memchr(text.p, '\0', text.len) != NULL)
		return true;

	for (size_t i = 0; i < text.len; i++)
		brackets += text.p[i] == '[' || text.p[i] == '{';
	return brackets > JSON_SCAN_DEPTH;
}

static void compare(struct json_value v, const json_t *j);

static void compare_string(struct str raw, const char *p, size_t n)
{
	struct buf b;

	buf_init(&b, raw.len + 8);
	must(json_str_decode(raw, &b) == 0);
	must(str_eq(buf_str(&b), (struct str){ p, n }));
	must(json_str_is(raw, (struct str){ p, n }));
	must(!json_str_is(raw, (struct str){ p, n ? n - 1 : 0 }) || n == 0);
	buf_done(&b);
}

static void compare_members(struct json_value v, const json_t *j)
{
	struct json_iter it = json_iter(v);
	struct json_value member;
	struct str key;

	while (json_next_member(&it, &key, &member)) {
		struct buf name;

		buf_init(&name, key.len + 8);
		must(json_str_decode(key, &name) == 0);
		member = json_get(v, buf_str(&name));
		compare(member, json_object_get(j, buf_str(&name).p));
		buf_done(&name);
	}
}

static void compare_items(struct json_value v, const json_t *j)
{
	struct json_iter it = json_iter(v);
	struct json_value item;
	size_t n = 0;

	while (json_next_item(&it, &item))
		compare(item, json_array_get(j, n++));
	must(n == json_array_size(j));
}

static void compare(struct json_value v, const json_t *j)
{
	static const int types[] = {
		[JSON_OBJECT] = JANSSON_OBJECT, [JSON_ARRAY] = JANSSON_ARRAY,
		[JSON_STRING] = JANSSON_STRING, [JSON_NUMBER] = JSON_REAL,
		[JSON_TRUE] = JANSSON_TRUE,     [JSON_FALSE] = JANSSON_FALSE,
		[JSON_NULL] = JANSSON_NULL,
	};

	must(j != NULL && v.type != JSON_ABSENT);
	must((int)json_typeof(j) == types[v.type] ||
	     (v.type == JSON_NUMBER && json_typeof(j) == JSON_INTEGER));
	if (v.type == JSON_OBJECT)
		compare_members(v, j);
	else if (v.type == JSON_ARRAY)
		compare_items(v, j);
	else if (v.type == JSON_STRING)
		compare_string(v.raw, json_string_value(j), json_string_length(j));
}

/* Whatever the bytes are: decoding what was found gives UTF-8. */
static void walk(struct json_value v)
{
	struct json_iter it = json_iter(v);
	struct json_value item;
	struct str key;
	struct buf b;

	if (v.type == JSON_OBJECT) {
		while (json_next_member(&it, &key, &item))
			walk(item);
	} else if (v.type == JSON_ARRAY) {
		while (json_next_item(&it, &item))
			walk(item);
	} else if (v.type == JSON_STRING) {
		buf_init(&b, 3 * v.raw.len);
		must(json_str_decode(v.raw, &b) == 0);
		must(is_utf8(buf_str(&b)));
		buf_done(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct json_value v;
	json_error_t error;
	json_t *j;

	if (size > 20000) /* walks are quadratic in depth */
		return 0;
	v = json_scan(text);
	j = json_loadb(text.p ? text.p : "", size, FLAGS, &error);
	if (v.type != JSON_ABSENT)
		walk(v);
	if (j != NULL && v.type != JSON_ABSENT)
		compare(v, j);
	else if (j != NULL)
		must(may_be_refused(text));
	else
		must(v.type == JSON_ABSENT || own_limit(&error, text));
	json_decref(j);
	return 0;
}
