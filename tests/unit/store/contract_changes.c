/* contract_changes.c - what comes in, changes and goes; and how operations end. */
#include "contract.h"

#include <errno.h>
#include <stdio.h>

static void the_same_exchange_again_has_the_seq_it_had(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t seq;

	append(f, &x, 0, NULL);
	append(f, &y, 0, NULL);
	assert_int_equal(append(f, &x, 0, &seq), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(everything(f)->n_rows, 2);
	assert_int_equal(head(f).head, 2);
}

static void an_edit_changes_texts_and_the_epoch_alone(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "my key is 123", "noted");
	uint64_t epoch, seq;
	const struct answer *a;

	append(f, &x, 0, NULL);
	epoch = head(f).epoch;
	assert_int_equal(edit(f, &x, "my key is gone", NULL), 0);
	assert_true(head(f).epoch > epoch);
	a = everything(f);
	assert_same_text(a->exchanges[0].user, STR("my key is gone"));
	assert_same_text(a->exchanges[0].reply, x.reply);
	assert_int_equal(edit(f, &x, NULL, ""), 0);
	x.seq = 1;
	x.user = STR("my key is gone");
	x.reply = STR("");
	assert_same_exchange(&everything(f)->exchanges[0], &x);
	/* Told again, as by a spool: it is there, and stays as edited. */
	assert_int_equal(append(f, &x, epoch, &seq), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(everything(f)->n_rows, 1);
}

static void a_paused_memory_takes_nothing_in(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	uint64_t epoch;

	append(f, &x, 0, NULL);
	epoch = head(f).epoch;
	assert_int_equal(pause_memory(f, true), 0);
	assert_true(head(f).paused);
	assert_true(head(f).epoch > epoch);
	assert_int_equal(append(f, &y, head(f).epoch, NULL), -EPERM);
	assert_int_equal(append(f, &x, epoch, NULL), 0);
	assert_int_equal(everything(f)->n_rows, 1);
	epoch = head(f).epoch;
	assert_int_equal(pause_memory(f, true), 0);
	assert_int_equal(head(f).epoch, epoch);
	assert_int_equal(pause_memory(f, false), 0);
	assert_true(head(f).epoch > epoch);
	assert_int_equal(append(f, &y, epoch, NULL), 0);
}

static void one_may_pause_before_anything_was_said(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");

	assert_int_equal(pause_memory(f, true), 0);
	assert_true(head(f).paused);
	assert_int_equal(append(f, &x, 0, NULL), -EPERM);
}

static void what_has_expired_goes_and_the_epoch_stays(void **state)
{
	struct fixture *f = *state;
	struct store_head was, is;
	struct store_stats stats;
	struct exchange x;

	for (char c = 'a'; c <= 'd'; c++) {
		char text[] = { c, '\0' };

		x = say(f, "s", text, "r");
		x.expires_ms = c == 'b' ? 0 : f->time.now_ms + (uint64_t)(c - 'a') * 10;
		append(f, &x, 0, NULL);
	}
	was = head(f);
	f->time.now_ms += 20;
	assert_int_equal(expire(f), 2); /* a and c */
	is = head(f);
	assert_int_equal(is.epoch, was.epoch);
	assert_int_equal(is.head, 4);
	assert_int_equal(is.first, 2);
	assert_int_equal(everything(f)->n_rows, 2);
	store_stats(f->st, &stats);
	assert_int_equal(stats.exchanges, 2);
	assert_int_equal(stats.partitions, 1);
	assert_int_equal(stats.appends, 4);
	assert_true(stats.bytes > 0);
}

static void thousands_expire_at_once(void **state)
{
	enum { N = 1203 };
	struct fixture *f = *state;
	struct asked *last = NULL;
	char text[16];

	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		x.expires_ms = f->time.now_ms;
		last = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	}
	wait_for(last); /* a spool's expire does not wait for what is on its way */
	assert_int_equal(expire(f), N);
	assert_int_equal(everything(f)->n_rows, 0);
	assert_int_equal(head(f).head, N);
}

static void appends_at_once_keep_their_order(void **state)
{
	enum { N = 1000 };
	struct fixture *f = *state;
	struct asked *q[N];
	char text[16];

	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		q[i] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(wait_for(q[i])->status, 0);
		assert_int_equal(q[i]->a.n, i + 1);
	}
	assert_int_equal(everything(f)->n_rows, N);
}

static void a_cancelled_append_is_kept_without_a_word(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1");
	struct asked *q = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	struct asked *r = ask(f, f->st, &(struct call){ .kind = CALL_PING });

	op_cancel(q->op);
	assert_int_equal(wait_for(r)->status, 0);
	assert_false(q->done);
	assert_int_equal(everything(f)->n_rows, 1);
}

struct canceller {
	struct call_sink sink;
	struct op *other;
	bool done;
};

static void cancel_other(struct call_sink *sink, const struct answer *a)
{
	struct canceller *c = (struct canceller *)sink;

	assert_int_equal(a->status, 0);
	op_cancel(c->other);
	c->done = true;
}

static void a_callback_may_cancel_the_next_one(void **state)
{
	struct fixture *f = *state;
	struct canceller c = { .sink.answer = cancel_other };
	const struct call ping = { .kind = CALL_PING };
	struct asked *q;

	assert_non_null(call_run(f->st, &ping, &c.sink));
	q = ask(f, f->st, &ping);
	c.other = q->op;
	pump_until(f, &c.done);
	assert_int_equal(call(f, &ping)->status, 0);
	assert_false(q->done);
}

static void closing_writes_what_is_queued_and_ends_the_rest(void **state)
{
	enum { N = 200 };
	struct fixture *f = *state;
	const struct call read = { .kind = CALL_READ_SINCE,
				   .x.partition = ann(),
				   .bytes = SIZE_MAX };
	struct asked *q[N], *r[N];
	char text[16];

	for (int i = 0; i < N; i++) {
		struct exchange x;

		snprintf(text, sizeof(text), "%d", i);
		x = say(f, "s", text, "r");
		q[i] = ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
		r[i] = ask(f, f->st, &read);
	}
	store_close(f->st);
	f->st = NULL;
	for (int i = 0; i < N; i++) {
		assert_true(q[i]->done && r[i]->done);
		assert_int_equal(q[i]->a.status, 0);
		assert_true(r[i]->a.status == 0 || r[i]->a.status == -ECANCELED);
	}
	if (f->keeps) {
		f->st = fixture_open(f, f->url);
		assert_int_equal(everything(f)->n_rows, N);
	}
}

static void what_was_kept_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	struct digest secret = *store_secret(f->st);
	struct store_stats stats;
	uint64_t seq;

	append(f, &x, 0, NULL);
	fixture_reopen(f);
	assert_true(digest_eq(store_secret(f->st), &secret));
	store_stats(f->st, &stats);
	assert_int_equal(stats.exchanges, 1);
	assert_int_equal(stats.appends, 0);
	assert_int_equal(append(f, &y, 1, &seq), 0);
	assert_int_equal(seq, 2);
}

static void two_handles_see_one_log(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y = say(f, "s", "two", "2");
	struct store *other;
	const struct answer *a;

	other = fixture_open(f, f->url);
	assert_true(digest_eq(store_secret(f->st), store_secret(other)));
	append(f, &x, 0, NULL);
	a = call_on(f, other, &(struct call){ .kind = CALL_APPEND, .x = y });
	assert_int_equal(a->status, 0);
	assert_int_equal(a->n, 2);
	assert_int_equal(everything(f)->n_rows, 2);
	assert_int_equal(forget_session(f, "s"), 2);
	a = call_on(f, other, &(struct call){ .kind = CALL_GET, .x = x });
	assert_int_equal(a->status, -ENOENT);
	store_close(other);
}

static void two_stores_have_two_secrets(void **state)
{
	struct fixture *f = *state;
	struct store *other = fixture_open(f, "memory:");

	assert_false(digest_eq(store_secret(f->st), store_secret(other)));
	store_close(other);
}

static void nonsense_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "one", "1"), y;

	y = x;
	y.partition.user = STR("");
	assert_int_equal(append(f, &y, 0, NULL), -EINVAL);
	y = x;
	y.session = (struct str){ NULL, 0 };
	assert_int_equal(append(f, &y, 0, NULL), -EINVAL);
	y = x;
	y.user = (struct str){ NULL, 0 };
	assert_int_equal(append(f, &y, 0, NULL), -EINVAL);
	y = x;
	y.state = 0;
	assert_int_equal(append(f, &y, 0, NULL), -EINVAL);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_FORGET })->status, -EINVAL);
}

const struct CMUnitTest contract_changes[] = {
	cmocka_unit_test(the_same_exchange_again_has_the_seq_it_had),
	cmocka_unit_test(an_edit_changes_texts_and_the_epoch_alone),
	cmocka_unit_test(a_paused_memory_takes_nothing_in),
	cmocka_unit_test(one_may_pause_before_anything_was_said),
	cmocka_unit_test(what_has_expired_goes_and_the_epoch_stays),
	cmocka_unit_test(thousands_expire_at_once),
	cmocka_unit_test(appends_at_once_keep_their_order),
	cmocka_unit_test(a_cancelled_append_is_kept_without_a_word),
	cmocka_unit_test(a_callback_may_cancel_the_next_one),
	cmocka_unit_test(closing_writes_what_is_queued_and_ends_the_rest),
	cmocka_unit_test(two_stores_have_two_secrets),
	cmocka_unit_test(nonsense_is_refused_at_once),
};
const size_t n_contract_changes = sizeof(contract_changes) / sizeof(*contract_changes);

const struct CMUnitTest contract_reopening[] = {
	cmocka_unit_test(what_was_kept_is_there_after_a_restart),
	cmocka_unit_test(two_handles_see_one_log),
};
const size_t n_contract_reopening =
	sizeof(contract_reopening) / sizeof(*contract_reopening);
