/* test_original_import.c - what the original project kept, as exchanges. */
#include "memory/clean.h"
#include "memory/original_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY_1 UINT64_C(1735689600000) /* 2025-01-01 */

struct reading {
	struct arena *mem;
	struct original_session s;
};

static int begin(void **state)
{
	struct reading *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->mem = arena_new(4096);
	*state = r;
	return r->mem ? 0 : -1;
}

static int end(void **state)
{
	struct reading *r = *state;

	arena_free(r->mem);
	free(r);
	return 0;
}

static int parse(struct reading *r, const char *blob)
{
	return original_parse(STR("litellm:session:the-key"), str_from(blob), r->mem,
			      &r->s);
}

static void assert_text(struct str s, const char *text)
{
	assert_true(str_eq(s, str_from(text)));
}

static void messages_become_exchanges(void **state)
{
	struct reading *r = *state;
	struct digest prev = turn_digest(STR("A fine name."));
	const struct exchange *x;

	assert_int_equal(
		parse(r,
		      "{\"session_id\":\"session_01\",\"user_id\":\"ann\",\"messages\":["
		      "{\"role\":\"system\",\"content\":\"be kind\"},"
		      "{\"role\":\"user\",\"content\":\" My dog is called Rex. \","
		      "\"timestamp\":1735689600.25},"
		      "{\"role\":\"assistant\",\"content\":\"A fine name.\","
		      "\"timestamp\":1735689602.5,\"metadata\":{\"model\":\"m\"}},"
		      "{\"role\":\"user\",\"content\":\"And\",\"timestamp\":1735689700},"
		      "{\"role\":\"user\",\"content\":\"my cat?\"}],"
		      "\"created_at\":1735689600,\"metadata\":{}}"),
		0);
	assert_text(r->s.id, "session_01");
	assert_text(r->s.user, "ann");
	assert_int_equal(r->s.n, 2);
	assert_int_equal(r->s.passed_over, 1);
	x = r->s.v;
	assert_text(x[0].session, "session_01");
	assert_true(x[0].session_named);
	assert_int_equal(x[0].state, EXCHANGE_COMPLETE);
	assert_text(x[0].user, "My dog is called Rex.");
	assert_text(x[0].reply, "A fine name.");
	assert_int_equal(x[0].at_ms, DAY_1 + 2500);
	assert_int_equal(x[1].state, EXCHANGE_CANCELLED);
	assert_text(x[1].user, "And\n\nmy cat?");
	assert_null(x[1].reply.p);
	assert_int_equal(x[1].at_ms, DAY_1 + 100000);
	assert_true(digest_eq(&x[1].prev, &prev));
	assert_true(hash128_eq(x[1].prev_hash, turn_hash(x[0].reply)));
}

static void a_content_of_parts_gives_its_texts(void **state)
{
	struct reading *r = *state;

	assert_int_equal(
		parse(r,
		      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		      "\"text\":\"one\"},{\"type\":\"image_url\",\"image_url\":{}},"
		      "{\"type\":\"text\",\"text\":\"two\"}]},"
		      "{\"role\":\"assistant\",\"content\":null},"
		      "{\"role\":\"tool\",\"content\":\"found\"},"
		      "{\"role\":\"assistant\",\"content\":\"three\"}]}"),
		0);
	assert_text(r->s.id, "the-key");
	assert_null(r->s.user.p);
	assert_int_equal(r->s.n, 1);
	assert_text(r->s.v[0].user, "one\ntwo");
	assert_text(r->s.v[0].reply, "three");
}

static uint64_t at(struct reading *r, const char *timestamp)
{
	char blob[300];

	snprintf(blob, sizeof(blob),
		 "{\"created_at\":7,\"messages\":[{\"role\":\"user\",\"content\":\"x\","
		 "\"timestamp\":%s}]}",
		 timestamp);
	assert_int_equal(parse(r, blob), 0);
	return r->s.v[0].at_ms;
}

static void times_come_in_several_ways(void **state)
{
	struct reading *r = *state;

	assert_int_equal(at(r, "1735689600"), DAY_1);
	assert_int_equal(at(r, "1735689600123"), DAY_1 + 123);
	assert_int_equal(at(r, "\"2025-01-01T00:00:00\""), DAY_1);
	assert_int_equal(at(r, "\"2025-01-01 00:00:01.250999\""), DAY_1 + 1250);
	assert_int_equal(at(r, "\"2025-01-01T02:00:00+02:00\""), DAY_1);
	assert_int_equal(at(r, "\"2024-12-31T18:30:00.5-0530\""), DAY_1 + 500);
	assert_int_equal(at(r, "\"2024-02-29T00:00:00Z\""), UINT64_C(1709164800000));
	/* The session's where it is none. */
	assert_int_equal(at(r, "\"yesterday\""), 7000);
	assert_int_equal(at(r, "\"2025-13-01T00:00:00\""), 7000);
	assert_int_equal(at(r, "-1"), 7000);
	assert_int_equal(at(r, "null"), 7000);
	assert_int_equal(at(r, "1e300"), 7000);
}

static void what_is_no_session_is_refused(void **state)
{
	struct reading *r = *state;

	assert_int_equal(parse(r, ""), -EINVAL);
	assert_int_equal(parse(r, "[1,2"), -EINVAL);
	assert_int_equal(parse(r, "[]"), -EINVAL);
	assert_int_equal(parse(r, "{\"messages\":{}}"), -EINVAL);
	assert_int_equal(
		original_parse(STR("other"), STR("{\"messages\":[]}"), r->mem, &r->s),
		-EINVAL);
	assert_int_equal(parse(r, "{\"messages\":[1,null,{\"role\":3}]}"), 0);
	assert_int_equal(r->s.n, 0);
	assert_int_equal(r->s.passed_over, 3);
}

static void a_reply_to_nobody_is_passed_over(void **state)
{
	struct reading *r = *state;

	assert_int_equal(parse(r, "{\"messages\":[{\"role\":\"assistant\",\"content\":"
				  "\"Hello!\"},{\"role\":\"user\",\"content\":\"  \"},"
				  "{\"role\":\"assistant\",\"content\":\"Yes?\"}]}"),
			 0);
	assert_int_equal(r->s.n, 0);
	assert_int_equal(r->s.passed_over, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(messages_become_exchanges),
		TEST(a_content_of_parts_gives_its_texts),
		TEST(times_come_in_several_ways),
		TEST(what_is_no_session_is_refused),
		TEST(a_reply_to_nobody_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
