/* contract_blocks.c - records of blocks, hashes, and trimming. */
#include "contract.h"

#include <errno.h>
#include <stdio.h>

static void the_hashes_of_a_text_outlive_its_edit(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	const struct answer *a;

	x.user_hash = hash128(STR("the whole of one"));
	x.reply_hash = (struct hash128){ 1, UINT64_MAX };
	x.prev_hash = (struct hash128){ UINT64_MAX, 2 };
	x.reply_id = hash128(STR("resp_1"));
	append(f, &x, 0, NULL);
	assert_int_equal(edit(f, &x, "uno", "I"), 0);
	x.seq = 1;
	x.user = STR("uno");
	x.reply = STR("I");
	a = everything(f);
	assert_int_equal(a->n_rows, 1);
	assert_same_exchange(&a->exchanges[0], &x);
}

static void a_block_is_read_with_the_others(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), b = block(f, "s", "a\0b");
	const struct answer *a;
	uint64_t seq;

	b.sources = (struct str){ "a\0b", 3 };
	append(f, &x, 0, NULL);
	assert_int_equal(append(f, &b, 1, &seq), 0);
	assert_int_equal(seq, 2);
	b.seq = seq;
	a = since(f, 1, SIZE_MAX);
	assert_int_equal(a->n_rows, 1);
	assert_same_exchange(&a->exchanges[0], &b);
	a = call(f, &(struct call){ .kind = CALL_GET, .x = b });
	assert_same_exchange(&a->exchanges[0], &b);
}

static void a_block_is_counted_nowhere(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), b = block(f, "s", "a");
	struct exchange other = block(f, "other", "b");
	const struct answer *a;

	append(f, &x, 0, NULL);
	f->time.now_ms += 5;
	b.at_ms = f->time.now_ms;
	append(f, &b, 1, NULL);
	append(f, &other, 1, NULL);
	a = call(f, &(struct call){ .kind = CALL_USERS, .limit = 9 });
	assert_int_equal(a->n_rows, 1);
	assert_int_equal(a->users[0].exchanges, 1);
	assert_int_equal(a->users[0].last_ms, x.at_ms);
	a = call(f, &(struct call){
			    .kind = CALL_SESSIONS, .x.partition = ann(), .limit = 9 });
	assert_int_equal(a->n_rows, 1);
	assert_int_equal(a->sessions[0].exchanges, 1);
	assert_int_equal(a->sessions[0].last_ms, x.at_ms);
	assert_int_equal(forget_session(f, "other"), -ENOENT);
	assert_int_equal(everything(f)->n_rows, 2);
}

static void a_block_goes_with_its_session_and_has_no_text(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), b = block(f, "s", "a");

	append(f, &x, 0, NULL);
	append(f, &b, 1, NULL);
	assert_int_equal(edit(f, &b, "some", "text"), -ENOENT);
	assert_int_equal(head(f).epoch, 1);
	assert_int_equal(forget_session(f, "s"), 1);
	assert_int_equal(everything(f)->n_rows, 0);
	assert_int_equal(append(f, &b, 1, NULL), -ESTALE);
}

static void a_block_has_no_siblings(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), b = block(f, "s", "a");
	struct exchange y = say_after(f, &x, "two", "2");

	append(f, &x, 0, NULL);
	append(f, &b, 1, NULL);
	append(f, &y, 1, NULL);
	assert_int_equal(everything(f)->n_rows, 3);
	assert_int_equal(head(f).epoch, 1);
}

static void a_block_expires(void **state)
{
	struct fixture *f = *state;
	struct exchange b = block(f, "s", "a");

	b.expires_ms = f->time.now_ms;
	append(f, &b, 0, NULL);
	assert_int_equal(expire(f), 0);
	assert_int_equal(everything(f)->n_rows, 0);
}

static void trimming_keeps_the_newest_exchanges(void **state)
{
	struct fixture *f = *state;
	struct exchange b = block(f, "s", "a");
	char text[16];

	append(f, &b, 0, NULL);
	for (int i = 1; i <= 10; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		append(f, &x, 1, NULL);
		b.at_ms++;
		set_id(f, &b);
		append(f, &b, 1, NULL);
	}
	assert_int_equal(trim(f, 10), 0);
	assert_int_equal(head(f).first, 2); /* the block before the oldest kept */
	assert_int_equal(trim(f, 3), 7);
	assert_int_equal(everything(f)->n_rows, 6);
	assert_same_text(everything(f)->exchanges[0].user, STR("8"));
	assert_int_equal(head(f).epoch, 1);
	assert_int_equal(head(f).first, 16);
	assert_int_equal(head(f).head, 21);
	assert_int_equal(trim(f, 3), 0);
}

static void trimming_thousands_takes_turns(void **state)
{
	enum { N = 1700 };
	struct fixture *f = *state;
	struct asked *q = NULL;
	char text[16];

	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	}
	wait_for(q);
	assert_int_equal(trim(f, 1), N - 1);
	assert_int_equal(head(f).first, N);
}

static void nobody_is_trimmed_to_nothing(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	assert_int_equal(trim(f, 1), 0); /* nobody there */
	append(f, &x, 0, NULL);
	assert_int_equal(trim(f, 0), -EINVAL);
	assert_int_equal(everything(f)->n_rows, 1);
}

static void a_block_with_texts_or_without_sources_is_refused(void **state)
{
	struct fixture *f = *state;
	struct exchange b = block(f, "s", "a");

	b.user = STR("text");
	assert_int_equal(append(f, &b, 0, NULL), -EINVAL);
	b = block(f, "s", "a");
	b.sources = (struct str){ NULL, 0 };
	assert_int_equal(append(f, &b, 0, NULL), -EINVAL);
	b = block(f, "s", "a");
	b.prev.b[0] = 1;
	assert_int_equal(append(f, &b, 0, NULL), -EINVAL);
}

const struct CMUnitTest contract_blocks[] = {
	cmocka_unit_test(the_hashes_of_a_text_outlive_its_edit),
	cmocka_unit_test(a_block_is_read_with_the_others),
	cmocka_unit_test(a_block_is_counted_nowhere),
	cmocka_unit_test(a_block_goes_with_its_session_and_has_no_text),
	cmocka_unit_test(a_block_has_no_siblings),
	cmocka_unit_test(a_block_expires),
	cmocka_unit_test(trimming_keeps_the_newest_exchanges),
	cmocka_unit_test(trimming_thousands_takes_turns),
	cmocka_unit_test(nobody_is_trimmed_to_nothing),
	cmocka_unit_test(a_block_with_texts_or_without_sources_is_refused),
};
const size_t n_contract_blocks = sizeof(contract_blocks) / sizeof(*contract_blocks);
