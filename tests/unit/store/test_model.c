/*
 * test_model.c - random calls, each answered by a back end and by the oracle.
 *
 * The same steps follow from the same seed: a failure names it, and
 * STORE_MODEL_SEED=… (with STORE_MODEL_STEPS=…) runs it again.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "fixture.h"
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 4000, HANDLES = 2 };

struct run {
	struct fixture *f;
	struct oracle *o;
	uint64_t random, seed;
	struct store *handles[HANDLES];
	struct call told[256]; /* appends, some of which are told again */
	size_t n_told;
	int step;
};

/* splitmix64 (Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014)
 */
static uint64_t roll(struct run *r, uint64_t sides)
{
	uint64_t z = r->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % sides;
}

static struct str pick(struct run *r, const char *const *v, size_t n)
{
	return str_from(v[roll(r, n)]);
}

static struct partition some_partition(struct run *r)
{
	static const char *const tenants[] = { "t", "t1", "u" };
	static const char *const users[] = { "ann", "ben", "b", "eve" };

	/* Most in few of them, so that something happens there. */
	if (roll(r, 3) > 0)
		return (struct partition){ STR("t"), pick(r, users, 2) };
	return (struct partition){ pick(r, tenants, 3), pick(r, users, 4) };
}

static struct str some_text(struct run *r, const char *what)
{
	char *text = arena_bytes(r->f->mem, 200);
	size_t pad = roll(r, 8) == 0 ? (size_t)roll(r, 150) : 0;
	int n = snprintf(text, 200, "%s %d %*s", what, r->step, (int)pad, "");

	if (roll(r, 20) == 0)
		text[0] = '\0'; /* U+0000 */
	return (struct str){ text, (size_t)n };
}

/* From a few, so that they meet: `prev` is one of the replies. */
static struct str some_reply(struct run *r)
{
	static const char *const replies[] = { "Done.", "Yes.", "No.", "I see." };

	return roll(r, 4) > 0 ? pick(r, replies, 4) : some_text(r, "reply");
}

static uint64_t some_epoch(struct run *r, const struct partition *p)
{
	const struct call c = { .kind = CALL_READ_SINCE, .x.partition = *p };
	uint64_t epoch = oracle_run(r->o, &c, 0)->head.epoch;

	return roll(r, 4) > 0 ? epoch : roll(r, epoch + 2);
}

static const char *const sessions[] = { "s1", "s2", "s3" };

static struct exchange new_exchange(struct run *r)
{
	struct exchange x = { .partition = some_partition(r),
			      .session = pick(r, sessions, 3),
			      .session_named = roll(r, 4) > 0,
			      .state = EXCHANGE_COMPLETE,
			      .at_ms = r->f->time.now_ms };

	if (roll(r, 3) == 0)
		x.expires_ms = x.at_ms + roll(r, 200000);
	if (roll(r, 3) > 0)
		x.prev = digest_sha256(some_reply(r));
	x.user = some_text(r, "user");
	if (roll(r, 8) > 0)
		x.reply = some_reply(r);
	else
		x.state = EXCHANGE_CANCELLED;
	if (roll(r, 2) > 0)
		x.model = STR("demo");
	x.user_hash = hash128(x.user);
	x.reply_hash = hash128(x.reply);
	x.reply_id = (struct hash128){ roll(r, 3), roll(r, 3) };
	set_id(r->f, &x);
	return x;
}

static struct exchange new_block(struct run *r)
{
	struct exchange x = { .partition = some_partition(r),
			      .session = pick(r, sessions, 3),
			      .session_named = roll(r, 2) > 0,
			      .state = EXCHANGE_BLOCK,
			      .at_ms = r->f->time.now_ms,
			      .sources = roll(r, 3) > 0 ? some_text(r, "") : STR("") };

	x.user_hash = hash128(STR("a turn"));
	x.prev_hash = (struct hash128){ 1, roll(r, 9) };
	if (roll(r, 3) == 0)
		x.expires_ms = x.at_ms + roll(r, 200000);
	set_id(r->f, &x);
	return x;
}

static struct exchange known_exchange(struct run *r)
{
	return r->n_told > 0 ? r->told[roll(r, r->n_told)].x : new_exchange(r);
}

static struct call some_append(struct run *r)
{
	struct call c = { .kind = CALL_APPEND };

	if (r->n_told > 0 && roll(r, 6) == 0) {
		c = r->told[roll(r, r->n_told)];
		if (roll(r, 2) > 0)
			c.epoch = some_epoch(r, &c.x.partition);
		return c;
	}
	c.x = roll(r, 4) > 0 ? new_exchange(r) : new_block(r);
	c.epoch = some_epoch(r, &c.x.partition);
	if (r->n_told < 256)
		r->told[r->n_told++] = c;
	else
		r->told[roll(r, 256)] = c;
	return c;
}

static struct call some_read(struct run *r)
{
	static const enum call_kind kinds[] = { CALL_READ_SINCE, CALL_READ_BEFORE,
						CALL_GET, CALL_USERS, CALL_SESSIONS };
	struct call c = { .kind = kinds[roll(r, 5)] };

	if (c.kind == CALL_GET)
		c.x = known_exchange(r);
	else
		c.x.partition = some_partition(r);
	c.cursor = roll(r, 4) == 0 ? UINT64_MAX : roll(r, 100);
	c.bytes = roll(r, 2) > 0 ? (size_t)roll(r, 3000) : SIZE_MAX;
	c.limit = (size_t)roll(r, 6);
	c.skip = roll(r, 3);
	c.has_after = roll(r, 2) > 0;
	if (roll(r, 2) > 0)
		c.tenant = STR("t");
	return c;
}

static struct call some_change(struct run *r)
{
	static const enum call_kind kinds[] = { CALL_EDIT, CALL_EDIT, CALL_FORGET,
						CALL_FORGET, CALL_PAUSE };
	struct call c = { .kind = kinds[roll(r, 5)], .x = known_exchange(r) };

	c.x.user = roll(r, 2) > 0 ? some_text(r, "edited") : (struct str){ NULL, 0 };
	c.x.reply = roll(r, 2) > 0 ? some_text(r, "edited") : (struct str){ NULL, 0 };
	c.has_id = roll(r, 3) > 0;
	if (roll(r, 4) == 0)
		c.x.session = (struct str){ NULL, 0 };
	c.paused = roll(r, 4) == 0;
	return c;
}

static struct call some_call(struct run *r)
{
	uint64_t n = roll(r, 100);

	if (n < 50)
		return some_append(r);
	if (n < 85)
		return some_read(r);
	if (n < 97)
		return some_change(r);
	if (n < 99)
		return (struct call){ .kind = CALL_TRIM,
				      .x.partition = some_partition(r),
				      .keep = 1 + roll(r, 30) };
	return (struct call){ .kind = CALL_EXPIRE, .now_ms = r->f->time.now_ms };
}

static bool same_head(const struct store_head *a, const struct store_head *b)
{
	return a->epoch == b->epoch && a->head == b->head && a->first == b->first &&
	       a->paused == b->paused;
}

static void compare(const struct call *c, const struct answer *got,
		    const struct answer *want)
{
	assert_int_equal(got->status, want->status);
	assert_int_equal(got->n, want->n);
	assert_int_equal(got->n_rows, want->n_rows);
	if (c->kind == CALL_READ_SINCE || c->kind == CALL_READ_BEFORE ||
	    c->kind == CALL_GET)
		assert_true(same_head(&got->head, &want->head));
	for (size_t i = 0; i < want->n_rows; i++) {
		const struct store_user *u = &got->users[i], *v = &want->users[i];
		const struct store_session *s = &got->sessions[i],
					   *t = &want->sessions[i];

		if (c->kind == CALL_USERS) {
			assert_same_text(u->partition.tenant, v->partition.tenant);
			assert_same_text(u->partition.user, v->partition.user);
			assert_true(same_head(&u->head, &v->head));
			assert_int_equal(u->exchanges, v->exchanges);
			assert_int_equal(u->last_ms, v->last_ms);
		} else if (c->kind == CALL_SESSIONS) {
			assert_same_text(s->id, t->id);
			assert_int_equal(s->exchanges, t->exchanges);
			assert_int_equal(s->first_ms, t->first_ms);
			assert_int_equal(s->last_ms, t->last_ms);
		} else {
			assert_same_exchange(&got->exchanges[i], &want->exchanges[i]);
		}
	}
}

static void let_time_pass(struct run *r)
{
	r->f->time.now_ms += roll(r, 1000);
	if (roll(r, 200) == 0)
		r->f->time.now_ms += roll(r, 2 * STORE_FORGET_MEMORY_MS);
}

static void maybe_reopen(struct run *r)
{
	size_t i = roll(r, HANDLES);

	if (!r->f->keeps || roll(r, 100) > 0)
		return;
	store_close(r->handles[i]);
	r->handles[i] = fixture_open(r->f, r->f->url);
	r->f->st = r->handles[0];
}

static void take_step(struct run *r)
{
	size_t i = r->f->keeps ? roll(r, HANDLES) : 0;
	struct call c;

	let_time_pass(r);
	maybe_reopen(r);
	c = some_call(r);
	compare(&c, call_on(r->f, r->handles[i], &c),
		oracle_run(r->o, &c, r->f->time.now_ms));
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void begin(struct run *r, const struct backend *b)
{
	r->f = fixture_new(b);
	r->o = oracle_new(r->f->mem);
	assert_non_null(r->o);
	r->seed = number_from("STORE_MODEL_SEED", (uint64_t)time(NULL));
	r->random = r->seed;
	r->handles[0] = r->f->st;
	r->handles[1] = b->keeps ? fixture_open(r->f, r->f->url) : NULL;
}

static int say_the_seed(void **state)
{
	struct run *r = *state;

	if (r->step >= 0)
		print_error("%s: failed at step %d with STORE_MODEL_SEED=%" PRIu64 "\n",
			    r->f->url, r->step, r->seed);
	store_close(r->handles[1]);
	fixture_free(r->f);
	free(r);
	return 0;
}

static int set_up(void **state)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	begin(r, *state);
	*state = r;
	return 0;
}

static void a_store_answers_as_the_oracle_does(void **state)
{
	struct run *r = *state;
	uint64_t steps = number_from("STORE_MODEL_STEPS", STEPS);

	for (r->step = 0; (uint64_t)r->step < steps; r->step++)
		take_step(r);
	assert_true(oracle_exchanges(r->o) > 0);
	r->step = -1;
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < n_backends; i++) {
		const struct CMUnitTest tests[] = {
			cmocka_unit_test_prestate_setup_teardown(
				a_store_answers_as_the_oracle_does, set_up, say_the_seed,
				(void *)(uintptr_t)&backends[i]),
		};

		failed +=
			cmocka_run_group_tests_name(backends[i].name, tests, NULL, NULL);
	}
	backends_stop();
	return failed;
}
