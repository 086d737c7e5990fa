/* contract_reads.c - what was kept is found again, in order and page by page. */
#include "contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void an_exchange_is_read_back_as_it_was(void **state)
{
	struct fixture *f = *state;
	const struct answer *a;
	struct exchange x = say(f, "s", "", "");
	uint64_t seq;

	x.session = (struct str){ "s\0x", 3 };
	x.session_named = false;
	x.user = (struct str){ "\0caf\xc3\xa9\0", 7 };
	x.expires_ms = x.at_ms + 5;
	x.prev = digest_sha256(STR("before"));
	x.reply_digest = digest_sha256(STR("reply"));
	x.client = STR("curl");
	x.model = STR("");
	set_id(f, &x);
	assert_int_equal(append(f, &x, 0, &seq), 0);
	assert_int_equal(seq, 1);
	a = everything(f);
	assert_int_equal(a->n_rows, 1);
	x.seq = 1;
	assert_same_exchange(&a->exchanges[0], &x);
	assert_true(digest_eq(&a->exchanges[0].reply_digest, &x.reply_digest));
}

static void a_reply_may_be_absent_or_megabytes(void **state)
{
	struct fixture *f = *state;
	size_t len = 5 << 20;
	char *text = malloc(len);
	struct exchange x = say(f, "s", "hello", NULL), y = say(f, "s", "hi", NULL);
	const struct answer *a;

	assert_non_null(text);
	memset(text, 'x', len);
	x.state = EXCHANGE_CANCELLED;
	y.reply = (struct str){ text, len };
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_int_equal(append(f, &y, 0, NULL), 0);
	a = everything(f);
	assert_int_equal(a->n_rows, 2);
	assert_int_equal(a->exchanges[0].state, EXCHANGE_CANCELLED);
	assert_null(a->exchanges[0].reply.p);
	assert_same_text(a->exchanges[1].reply, y.reply);
	free(text);
}

static void partitions_do_not_see_each_other(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "mine", "1"), y = x, z = x;
	uint64_t seq;

	y.partition.tenant = STR("other");
	z.partition.user = STR("ben");
	assert_int_equal(append(f, &x, 0, NULL), 0);
	assert_int_equal(append(f, &y, 0, &seq), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(append(f, &z, 0, NULL), 0);
	assert_int_equal(forget_ann(f), 1);
	assert_int_equal(everything(f)->n_rows, 0);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = y })->n_rows, 1);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = z })->n_rows, 1);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_GET, .x = x })->status,
			 -ENOENT);
}

static void reading_where_nothing_is_is_no_error(void **state)
{
	struct fixture *f = *state;
	const struct answer *a = everything(f);
	struct exchange x = say(f, "s", "?", NULL);

	assert_int_equal(a->n_rows, 0);
	assert_int_equal(a->head.epoch, 0);
	assert_int_equal(a->head.head, 0);
	assert_int_equal(a->head.first, 0);
	assert_int_equal(before(f, UINT64_MAX, 100)->n_rows, 0);
	a = call(f, &(struct call){ .kind = CALL_SESSIONS, .x = x, .limit = 9 });
	assert_int_equal(a->status, 0);
	assert_int_equal(a->n_rows, 0);
	a = call(f, &(struct call){ .kind = CALL_USERS, .limit = 9 });
	assert_int_equal(a->status, 0);
	assert_int_equal(a->n_rows, 0);
	assert_int_equal(edit(f, &x, "a", "b"), -ENOENT);
}

/* Ten, "u0" to "u9", each of the same size. */
static size_t fill(struct fixture *f)
{
	size_t size = 0;

	for (char c = '0'; c <= '9'; c++) {
		char text[] = { 'u', c, '\0' };
		struct exchange x = say(f, "s", text, "r");

		assert_int_equal(append(f, &x, 0, NULL), 0);
		size = exchange_bytes(&x);
	}
	return size;
}

static void reading_goes_on_from_a_cursor(void **state)
{
	struct fixture *f = *state;
	size_t size = fill(f);
	const struct answer *a = since(f, 3, 2 * size);

	assert_int_equal(a->n_rows, 2);
	assert_int_equal(a->exchanges[0].seq, 4);
	assert_int_equal(a->exchanges[1].seq, 5);
	assert_int_equal(a->head.head, 10);
	assert_int_equal(a->head.first, 1);
	assert_int_equal(since(f, 8, SIZE_MAX)->n_rows, 2);
	assert_int_equal(since(f, 10, SIZE_MAX)->n_rows, 0);
	assert_int_equal(since(f, UINT64_MAX, SIZE_MAX)->n_rows, 0);
}

static void reading_backwards_starts_with_the_newest(void **state)
{
	struct fixture *f = *state;
	size_t size = fill(f);
	const struct answer *a = before(f, UINT64_MAX, 3 * size - 1);

	assert_int_equal(a->n_rows, 2);
	assert_int_equal(a->exchanges[0].seq, 10);
	assert_int_equal(a->exchanges[1].seq, 9);
	a = before(f, 9, SIZE_MAX);
	assert_int_equal(a->n_rows, 8);
	assert_int_equal(a->exchanges[0].seq, 8);
	assert_int_equal(a->exchanges[7].seq, 1);
	assert_int_equal(before(f, 1, SIZE_MAX)->n_rows, 0);
	assert_int_equal(before(f, 0, SIZE_MAX)->n_rows, 0);
}

static void one_exchange_is_read_however_little_is_asked_for(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_int_equal(since(f, 0, 0)->n_rows, 1);
	assert_int_equal(since(f, 0, 1)->exchanges[0].seq, 1);
	assert_int_equal(before(f, 5, 0)->n_rows, 1);
	assert_int_equal(before(f, 5, 0)->exchanges[0].seq, 4);
}

static void one_exchange_is_found_by_its_id(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "u7", "r");
	const struct answer *a;

	fill(f);
	a = call(f, &(struct call){ .kind = CALL_GET, .x = x });
	assert_int_equal(a->status, 0);
	assert_int_equal(a->n_rows, 1);
	x.seq = 8;
	assert_same_exchange(&a->exchanges[0], &x);
	x.id.b[0] ^= 1;
	a = call(f, &(struct call){ .kind = CALL_GET, .x = x });
	assert_int_equal(a->status, -ENOENT);
	assert_int_equal(a->n_rows, 0);
	assert_int_equal(a->head.head, 10);
}

static void append_for(struct fixture *f, const char *tenant, const char *user)
{
	struct exchange x = say(f, "s", "hello", "hi");

	x.partition = (struct partition){ str_from(tenant), str_from(user) };
	f->time.now_ms++;
	x.at_ms = f->time.now_ms;
	set_id(f, &x);
	assert_int_equal(append(f, &x, 0, NULL), 0);
}

static void assert_user(const struct store_user *u, const char *tenant, const char *user)
{
	assert_same_text(u->partition.tenant, str_from(tenant));
	assert_same_text(u->partition.user, str_from(user));
	assert_int_equal(u->exchanges, 1);
	assert_int_equal(u->head.first, 1);
	assert_int_equal(u->head.head, 1);
	assert_true(u->head.epoch > 0);
}

static void users_come_in_order_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct call c = { .kind = CALL_USERS, .limit = 2 };
	const struct answer *a;

	append_for(f, "t2", "a");
	append_for(f, "t1", "b");
	append_for(f, "t1", "a");
	a = call(f, &c);
	assert_int_equal(a->n_rows, 2);
	assert_user(&a->users[0], "t1", "a");
	assert_user(&a->users[1], "t1", "b");
	assert_int_equal(a->users[0].last_ms, f->time.now_ms);
	c.has_after = true;
	c.x.partition = a->users[1].partition;
	a = call(f, &c);
	assert_int_equal(a->n_rows, 1);
	assert_user(&a->users[0], "t2", "a");
}

static void users_of_one_tenant_can_be_asked_for(void **state)
{
	struct fixture *f = *state;
	struct call c = { .kind = CALL_USERS, .tenant = STR("t1"), .limit = 9 };
	const struct answer *a;

	append_for(f, "t0", "z");
	append_for(f, "t1", "a");
	append_for(f, "t1", "b");
	append_for(f, "t2", "a");
	a = call(f, &c);
	assert_int_equal(a->n_rows, 2);
	assert_user(&a->users[0], "t1", "a");
	c.has_after = true;
	c.x.partition = a->users[0].partition;
	a = call(f, &c);
	assert_int_equal(a->n_rows, 1);
	assert_user(&a->users[0], "t1", "b");
}

static void a_user_with_nothing_left_is_not_listed_unless_paused(void **state)
{
	struct fixture *f = *state;
	const struct call c = { .kind = CALL_USERS, .limit = 9 };
	struct exchange x = say(f, "s", "hello", "hi");

	append(f, &x, 0, NULL);
	forget_ann(f);
	assert_int_equal(call(f, &c)->n_rows, 0);
	pause_memory(f, true);
	assert_int_equal(call(f, &c)->n_rows, 1);
	assert_true(call(f, &c)->users[0].head.paused);
	assert_int_equal(call(f, &c)->users[0].exchanges, 0);
}

static void sessions_come_newest_first_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct call c = { .kind = CALL_SESSIONS, .x.partition = ann(), .limit = 2 };
	const char *const order[] = { "one", "two", "three", "two", "one" };
	const struct answer *a;

	for (size_t i = 0; i < 5; i++) {
		char text[] = { (char)('a' + i), '\0' };
		struct exchange x = say(f, order[i], text, "r");

		x.at_ms = 1000 + i;
		assert_int_equal(append(f, &x, 0, NULL), 0);
	}
	a = call(f, &c);
	assert_int_equal(a->n_rows, 2);
	assert_same_text(a->sessions[0].id, STR("one"));
	assert_int_equal(a->sessions[0].exchanges, 2);
	assert_int_equal(a->sessions[0].first_ms, 1000);
	assert_int_equal(a->sessions[0].last_ms, 1004);
	assert_same_text(a->sessions[1].id, STR("two"));
	c.skip = 2;
	a = call(f, &c);
	assert_int_equal(a->n_rows, 1);
	assert_same_text(a->sessions[0].id, STR("three"));
}

const struct CMUnitTest contract_reads[] = {
	cmocka_unit_test(an_exchange_is_read_back_as_it_was),
	cmocka_unit_test(a_reply_may_be_absent_or_megabytes),
	cmocka_unit_test(partitions_do_not_see_each_other),
	cmocka_unit_test(reading_where_nothing_is_is_no_error),
	cmocka_unit_test(reading_goes_on_from_a_cursor),
	cmocka_unit_test(reading_backwards_starts_with_the_newest),
	cmocka_unit_test(one_exchange_is_read_however_little_is_asked_for),
	cmocka_unit_test(one_exchange_is_found_by_its_id),
	cmocka_unit_test(users_come_in_order_page_by_page),
	cmocka_unit_test(users_of_one_tenant_can_be_asked_for),
	cmocka_unit_test(a_user_with_nothing_left_is_not_listed_unless_paused),
	cmocka_unit_test(sessions_come_newest_first_page_by_page),
};
const size_t n_contract_reads = sizeof(contract_reads) / sizeof(*contract_reads);
