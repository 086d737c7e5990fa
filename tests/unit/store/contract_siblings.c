/* contract_siblings.c - branches of a conversation: which stay, and which are superseded.
 */
#include "contract.h"

#include <errno.h>

/* What is still there of `x`. */
static bool there(struct fixture *f, const struct exchange *x)
{
	return call(f, &(struct call){ .kind = CALL_GET, .x = *x })->status == 0;
}

static void must_append(struct fixture *f, const struct exchange *x)
{
	assert_int_equal(append(f, x, head(f).epoch, NULL), 0);
}

static void a_reply_asked_for_again_supersedes_the_first(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "old joke"),
			c = say_after(f, &a, "a joke?", "new joke");
	uint64_t epoch;

	must_append(f, &a);
	must_append(f, &b);
	epoch = head(f).epoch;
	must_append(f, &c);
	assert_true(there(f, &a) && there(f, &c));
	assert_false(there(f, &b));
	assert_true(head(f).epoch > epoch);
	assert_int_equal(head(f).head, 3);
	assert_int_equal(everything(f)->n_rows, 2);
}

static void a_question_put_otherwise_supersedes_the_first(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a jke?", "sorry?"),
			c = say_after(f, &a, "a joke?", "a joke");

	must_append(f, &a);
	must_append(f, &b);
	must_append(f, &c);
	assert_true(there(f, &c));
	assert_false(there(f, &b));
}

static void what_follows_a_superseded_exchange_stays(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "old joke"),
			c = say_after(f, &b, "haha", "thanks"),
			d = say_after(f, &a, "a joke?", "new joke");

	must_append(f, &a);
	must_append(f, &b);
	must_append(f, &c);
	must_append(f, &d);
	assert_true(there(f, &a) && there(f, &c) && there(f, &d));
	assert_false(there(f, &b));
}

static void branches_stay_where_the_session_was_not_named(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "old joke"),
			c = say_after(f, &a, "a joke?", "new joke");

	b.session_named = false;
	must_append(f, &b);
	must_append(f, &c);
	assert_true(there(f, &b) && there(f, &c));
	b = say_after(f, &a, "a joke?", "third joke");
	b.session_named = false;
	must_append(f, &b);
	assert_true(there(f, &b) && there(f, &c));
}

static void other_sessions_and_users_have_no_siblings_here(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "one"),
			c = say_after(f, &a, "a joke?", "two"),
			d = say_after(f, &a, "a joke?", "three");

	c.session = STR("other");
	d.partition.user = STR("ben");
	must_append(f, &c);
	must_append(f, &d);
	must_append(f, &b);
	assert_true(there(f, &b) && there(f, &c) && there(f, &d));
}

/* Each message alone, without the history: none of them names the one before. */
static void a_client_without_history_keeps_all_it_says(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "one", "1"), b = say(f, "s", "two", "2");

	must_append(f, &a);
	must_append(f, &b);
	assert_true(there(f, &a) && there(f, &b));
}

/* "add 1": "Done."; "add 2": "Done."; "add 3": "Done." */
static void a_reply_said_twice_makes_no_siblings(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "add 1", "Done."),
			b = say_after(f, &a, "add 2", "Done."),
			c = say_after(f, &b, "add 3", "Done."),
			d = say_after(f, &c, "thanks", "You're welcome.");

	must_append(f, &a);
	must_append(f, &b);
	must_append(f, &c);
	must_append(f, &d);
	assert_int_equal(everything(f)->n_rows, 4);
	/* Of the last one there is no doubt. */
	d = say_after(f, &c, "thanks", "Any time.");
	must_append(f, &d);
	assert_int_equal(everything(f)->n_rows, 4);
}

/* The reply's own digest counts, since the text may have been shortened or redacted. */
static void a_reply_is_known_by_its_digest(void **state)
{
	struct fixture *f = *state;
	struct digest said = digest_sha256(STR("the whole long reply"));
	struct exchange a = say(f, "s", "one", "the [...] reply"),
			b = say_after(f, &a, "two", "the [...] reply"),
			c = say_after(f, &a, "three", "3");

	a.reply_digest = b.reply_digest = b.prev = c.prev = said;
	must_append(f, &a);
	must_append(f, &b);
	must_append(f, &c);
	assert_int_equal(everything(f)->n_rows, 3);
}

static void a_cancelled_one_supersedes_nothing_but_is_superseded(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "one"),
			c = say_after(f, &a, "a joke?", NULL),
			d = say_after(f, &a, "a joke?", "two");

	c.state = EXCHANGE_CANCELLED;
	must_append(f, &b);
	must_append(f, &c);
	assert_true(there(f, &b) && there(f, &c));
	must_append(f, &d);
	assert_true(there(f, &d));
	assert_false(there(f, &b) || there(f, &c));
}

static void a_superseded_one_told_again_stays_superseded(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "one"),
			c = say_after(f, &a, "a joke?", "two");
	uint64_t epoch, seq;

	must_append(f, &a);
	epoch = head(f).epoch;
	must_append(f, &b);
	must_append(f, &c);
	assert_int_equal(append(f, &b, epoch, &seq), 0);
	assert_int_equal(seq, 2);
	assert_true(there(f, &c));
	assert_false(there(f, &b));
}

static void a_superseded_one_said_anew_is_the_newest(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "one"),
			c = say_after(f, &a, "a joke?", "two");
	uint64_t seq;

	must_append(f, &b);
	must_append(f, &c);
	assert_int_equal(append(f, &b, head(f).epoch, &seq), 0);
	assert_int_equal(seq, 3);
	assert_true(there(f, &b));
	assert_false(there(f, &c));
}

static void superseding_refuses_nothing_on_its_way(void **state)
{
	struct fixture *f = *state;
	struct exchange a = say(f, "s", "hello", "hi"),
			b = say_after(f, &a, "a joke?", "one"),
			c = say_after(f, &a, "a joke?", "two"),
			d = say(f, "other", "meanwhile", "yes");
	uint64_t epoch;

	must_append(f, &b);
	epoch = head(f).epoch;
	must_append(f, &c);
	assert_int_equal(append(f, &d, epoch, NULL), 0);
}

const struct CMUnitTest contract_siblings[] = {
	cmocka_unit_test(a_reply_asked_for_again_supersedes_the_first),
	cmocka_unit_test(a_question_put_otherwise_supersedes_the_first),
	cmocka_unit_test(what_follows_a_superseded_exchange_stays),
	cmocka_unit_test(branches_stay_where_the_session_was_not_named),
	cmocka_unit_test(other_sessions_and_users_have_no_siblings_here),
	cmocka_unit_test(a_client_without_history_keeps_all_it_says),
	cmocka_unit_test(a_reply_said_twice_makes_no_siblings),
	cmocka_unit_test(a_reply_is_known_by_its_digest),
	cmocka_unit_test(a_cancelled_one_supersedes_nothing_but_is_superseded),
	cmocka_unit_test(a_superseded_one_told_again_stays_superseded),
	cmocka_unit_test(a_superseded_one_said_anew_is_the_newest),
	cmocka_unit_test(superseding_refuses_nothing_on_its_way),
};
const size_t n_contract_siblings = sizeof(contract_siblings) / sizeof(*contract_siblings);
