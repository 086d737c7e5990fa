/* test_admin.c - the store's operations, imports and explanations, from a loop. */
#include "memory_fixture.h"

#include "memory/explain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEEN_MAX = 8, TEXT_MAX = 256 };

struct told_call {
	int times, status;
	uint64_t n;
	size_t n_rows;
	struct store_head head;
	struct exchange_id ids[SEEN_MAX];
	char users[SEEN_MAX][TEXT_MAX], replies[SEEN_MAX][TEXT_MAX];
};

static void on_called(void *arg, const struct answer *a)
{
	struct told_call *t = arg;

	t->times++;
	t->status = a->status;
	t->n = a->n;
	t->head = a->head;
	t->n_rows = a->n_rows;
	for (size_t i = 0; a->exchanges && i < a->n_rows && i < SEEN_MAX; i++) {
		const struct exchange *x = &a->exchanges[i];

		t->ids[i] = x->id;
		snprintf(t->users[i], TEXT_MAX, "%.*s", STR_ARG(x->user));
		snprintf(t->replies[i], TEXT_MAX, "%.*s", STR_ARG(x->reply));
	}
}

static void do_call(struct fixture *f, struct call c, struct told_call *t)
{
	*t = (struct told_call){ 0 };
	c.x.partition = ME;
	assert_non_null(memory_call(f->port, &c, on_called, t));
	assert_int_equal(t->times, 0); /* never inline */
	pump_until(f, t->times);
}

static void read_all(struct fixture *f, struct told_call *t)
{
	do_call(f, (struct call){ .kind = CALL_READ_SINCE, .bytes = 100000 }, t);
}

static void rows_come_back_as_copies(void **state)
{
	struct fixture *f = *state;
	struct told_call t;

	tell(f, "s", "My cat is called Biscuit.", "Noted.");
	tell(f, "s", "I live in Oslo.", "A fine town.");
	read_all(f, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(t.n_rows, 2);
	assert_int_equal(t.head.head, 2);
	assert_string_equal(t.users[0], "My cat is called Biscuit.");
	assert_string_equal(t.replies[1], "A fine town.");
	do_call(f,
		(struct call){ .kind = CALL_USERS, .tenant = STR("tenant"), .limit = 9 },
		&t);
	assert_int_equal(t.n_rows, 1);
	do_call(f, (struct call){ .kind = CALL_SESSIONS, .limit = 9 }, &t);
	assert_int_equal(t.n_rows, 1);
}

static void a_cancelled_call_is_not_called_back(void **state)
{
	struct fixture *f = *state;
	struct call c = { .kind = CALL_FORGET, .x.partition = ME };
	struct told_call t = { 0 }, all;

	tell(f, "s", "My cat is called Biscuit.", "Noted.");
	op_cancel(memory_call(f->port, &c, on_called, &t));
	read_all(f, &all);
	assert_int_equal(t.times, 0);
	assert_int_equal(all.n_rows, 0); /* it was done all the same */
}

static void an_edit_is_cleaned_and_is_recalled_from_then_on(void **state)
{
	struct fixture *f = *state;
	struct call edit = { .kind = CALL_EDIT };
	struct told_call t;
	struct heard h;

	tell(f, "s", "My cat is called Biscuit.", "Noted.");
	ask(f, "What is my cat called?", &h);
	assert_non_null(strstr(h.block, "Biscuit"));
	read_all(f, &t);
	edit.x.id = t.ids[0];
	edit.x.user = STR("My cat is called Crumb, the key is "
			  "sk-a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4. ");
	do_call(f, edit, &t);
	assert_int_equal(t.status, 0);
	read_all(f, &t);
	assert_non_null(strstr(t.users[0], "Crumb"));
	assert_null(strstr(t.users[0], "a1b2c3d4"));
	assert_string_equal(t.replies[0], "Noted.");
	ask(f, "What is my cat called?", &h);
	assert_non_null(strstr(h.block, "Crumb"));
	assert_null(strstr(h.block, "Biscuit"));
	edit.x.user = STR("  ");
	do_call(f, edit, &t);
	assert_int_equal(t.status, -EINVAL);
}

/* --- imports ----------------------------------------------------------------- */

static void imported_exchanges_keep_id_and_time_and_are_there_once(void **state)
{
	struct fixture *f = *state;
	struct exchange v[3] = { told("s", "My cat is called Biscuit.", "Noted."),
				 told("s", "I live in Oslo.", "Noted."),
				 told("s", "Bye.", NULL) };
	struct import_result r = { 0 };
	struct told_call t;

	memset(v[0].id.b, 7, sizeof(v[0].id.b));
	import(f, v, 3, 0, &r);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.imported, 3);
	import(f, v, 3, 0, &r);
	assert_int_equal(r.imported, 0);
	assert_int_equal(r.known, 3);
	read_all(f, &t);
	assert_int_equal(t.n_rows, 3);
	assert_memory_equal(t.ids[0].b, v[0].id.b, sizeof(v[0].id.b));
	assert_string_equal(t.replies[2], "");
}

static void what_leaves_nothing_is_rejected_and_the_others_are_kept(void **state)
{
	struct fixture *f = *state;
	struct exchange v[2] = { told("s", " \n", "Noted."),
				 told("s", "I live in Oslo.", "Noted.") };
	struct import_result r = { 0 };

	import(f, v, 2, 0, &r);
	assert_int_equal(r.imported, 1);
	assert_int_equal(r.rejected, 1);
	import(f, v, 0, 0, &r);
	assert_int_equal(r.imported + r.rejected + r.known, 0);
}

static void a_forget_holds_against_an_import_that_began_before(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("s", "My cat is called Biscuit.", "Noted.");
	struct import_result r = { 0 };
	struct told_call t;

	tell(f, "s", "I live in Oslo.", "Noted.");
	read_all(f, &t);
	do_call(f, (struct call){ .kind = CALL_FORGET }, &t);
	assert_int_equal(t.n, 1);
	import(f, &x, 1, 0, &r);
	assert_int_equal(r.rejected, 1);
	read_all(f, &t);
	assert_int_equal(t.n_rows, 0);
	import(f, &x, 1, t.head.epoch, &r);
	assert_int_equal(r.imported, 1);
}

static void an_import_into_a_paused_memory_ends(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("s", "My cat is called Biscuit.", "Noted.");
	struct import_result r = { 0 };
	struct told_call t;

	do_call(f, (struct call){ .kind = CALL_PAUSE, .paused = true }, &t);
	import(f, &x, 1, UINT64_MAX, &r);
	assert_int_equal(r.status, -EPERM);
	assert_int_equal(r.imported, 0);
}

static void what_has_expired_is_not_imported(void **state)
{
	struct fixture *f = *state;
	struct exchange x = told("s", "My cat is called Biscuit.", "Noted.");
	struct import_result r = { 0 };

	f->cfg.store.ttl = 1000;
	memory_set_config(f->m, &f->cfg);
	x.at_ms = NOV_21 - 1000;
	import(f, &x, 1, 0, &r);
	assert_int_equal(r.expired, 1);
	x.at_ms++;
	import(f, &x, 1, 0, &r);
	assert_int_equal(r.imported, 1);
}

static void an_import_leaves_no_more_of_a_user_than_may_be(void **state)
{
	struct fixture *f = *state;
	struct exchange v[5];
	struct import_result r = { 0 };
	struct told_call t;
	static const char *const texts[] = { "One.", "Two.", "Three.", "Four.", "Five." };

	f->cfg.memory.max_exchanges_per_user = 3;
	memory_set_config(f->m, &f->cfg);
	for (size_t i = 0; i < 5; i++)
		v[i] = told("s", texts[i], "Noted.");
	import(f, v, 5, 0, &r);
	assert_int_equal(r.imported, 5);
	read_all(f, &t);
	assert_int_equal(t.n_rows, 3);
	assert_string_equal(t.users[0], "Three.");
}

/* --- explanations ------------------------------------------------------------ */

struct told_why {
	int times;
	struct explain_answer a;
	enum recall_status status;
	size_t n_puts;
	char first_term[TEXT_MAX], first_hit[TEXT_MAX];
	size_t first_found;
	bool in_block;
};

static void on_explained(void *arg, const struct explain_answer *a)
{
	struct told_why *t = arg;

	t->times++;
	t->a = *a;
	t->status = a->recall->status;
	t->n_puts = a->recall->n_puts;
	if (a->n_terms) {
		t->first_found = a->terms[0].found;
		snprintf(t->first_term, TEXT_MAX, "%.*s", STR_ARG(a->terms[0].term));
	}
	if (a->n_hits)
		snprintf(t->first_hit, TEXT_MAX, "%.*s", STR_ARG(a->hits[0].user));
	for (size_t i = 0; i < a->n_sources; i++)
		t->in_block |= exchange_id_eq(&a->sources[i].id, &a->hits[0].id);
}

static void explain(struct fixture *f, const char *text, struct told_why *t)
{
	const struct turn_key turn = { .user = hash128(str_from(text)) };
	struct recall_question q = question(text);

	q.turns = &turn;
	q.n_turns = 1;
	q.want_resent = true;
	*t = (struct told_why){ 0 };
	assert_non_null(memory_explain(f->port, &q, 10, on_explained, t));
	pump_until(f, t->times);
}

static void an_explanation_tells_terms_hits_and_what_is_in_the_block(void **state)
{
	struct fixture *f = *state;
	struct told_why t;

	tell(f, "s", "My cat is called Biscuit.", "Noted.");
	tell(f, "s", "I live in Oslo.", "Noted.");
	explain(f, "What about the cats?", &t);
	assert_int_equal(t.status, RECALL_BLOCK);
	assert_string_equal(t.first_term, "cat");
	assert_int_equal(t.first_found, 1);
	assert_string_equal(t.first_hit, "My cat is called Biscuit.");
	assert_true(t.in_block);
	assert_int_equal(t.n_puts, 1);
}

static void a_question_that_finds_nothing_is_explained_too(void **state)
{
	struct fixture *f = *state;
	struct told_why t;

	explain(f, "What about the cats?", &t);
	assert_int_equal(t.status, RECALL_NO_HIT);
	assert_int_equal(t.a.n_hits, 0);
	tell(f, "s", "I live in Oslo.", "Noted.");
	explain(f, "hi", &t);
	assert_int_equal(t.status, RECALL_NO_TERMS);
	assert_int_equal(t.a.n_terms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		real_test(rows_come_back_as_copies),
		real_test(a_cancelled_call_is_not_called_back),
		real_test(an_edit_is_cleaned_and_is_recalled_from_then_on),
		real_test(imported_exchanges_keep_id_and_time_and_are_there_once),
		real_test(what_leaves_nothing_is_rejected_and_the_others_are_kept),
		real_test(a_forget_holds_against_an_import_that_began_before),
		real_test(an_import_into_a_paused_memory_ends),
		real_test(what_has_expired_is_not_imported),
		real_test(an_import_leaves_no_more_of_a_user_than_may_be),
		real_test(an_explanation_tells_terms_hits_and_what_is_in_the_block),
		real_test(a_question_that_finds_nothing_is_explained_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
