/* test_splice.c - a body with texts put into it. */
#include "memory/splice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The whole, read `room` bytes at a time. */
static void assert_reads(const struct insertion *v, size_t n, size_t room,
			 const char *want)
{
	struct splice s;
	char got[64];
	size_t len = 0, more;

	splice_init(&s, STR("abcdef"), v, n);
	assert_int_equal(splice_length(&s), strlen(want));
	while ((more = splice_read(&s, got + len, room)) > 0) {
		len += more;
		assert_true(more <= room && len <= strlen(want));
	}
	assert_int_equal(len, strlen(want));
	assert_memory_equal(got, want, len);
}

static void texts_go_where_they_belong_whatever_the_room(void **state)
{
	const struct insertion v[] = { { 0, STR("<1>") },
				       { 3, STR("<22>") },
				       { 3, STR("") },
				       { 3, STR("<3>") },
				       { 6, STR("<4>") } };

	(void)state;
	for (size_t room = 1; room < 30; room++) {
		assert_reads(v, 5, room, "<1>abc<22><3>def<4>");
		assert_reads(v + 1, 1, room, "abc<22>def");
		assert_reads(NULL, 0, room, "abcdef");
	}
}

static void an_empty_body_takes_texts_too(void **state)
{
	const struct insertion v = { 0, STR("x") };
	struct splice s;
	char p[4];

	(void)state;
	splice_init(&s, STR(""), &v, 1);
	assert_int_equal(splice_read(&s, p, sizeof(p)), 1);
	assert_int_equal(splice_read(&s, p, sizeof(p)), 0);
	splice_init(&s, STR(""), NULL, 0);
	assert_int_equal(splice_read(&s, p, sizeof(p)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_go_where_they_belong_whatever_the_room),
		cmocka_unit_test(an_empty_body_takes_texts_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
