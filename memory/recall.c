/*
 * recall.c - questions: how long they wait, and what they are answered.
 *
 * No fresh epoch, no recall: a view is only ever read for a question if a read of
 * the store that began after the question has confirmed its epoch. While a view
 * is being built, such a read is enough, and at the end of the caller's patience
 * the answer comes from what is there.
 */
#include "memory/service.h"
#include "memory/sticky.h"

#include <string.h>

enum {
	BREAKER_FAILURES = 5,
	BREAKER_OPEN_US = 1000000,
	EXPLAIN_US = 5000000, /* nobody's chat waits for it */
};

void breaker_failed(struct memory *m)
{
	if (++m->breaker.failures >= BREAKER_FAILURES)
		m->breaker.open_until_us = clock_mono_us(m->deps.clock) + BREAKER_OPEN_US;
}

void breaker_worked(struct memory *m)
{
	m->breaker.failures = 0;
}

/* After the pause one failure is enough to open it again. */
static bool breaker_is_open(const struct memory *m)
{
	return m->breaker.failures >= BREAKER_FAILURES &&
	       clock_mono_us(m->deps.clock) < m->breaker.open_until_us;
}

static void end(struct question *q, enum recall_status status)
{
	q->answer.status = status;
	question_fetch_end(q);
	if (q->slot) {
		evtimer_del(&q->late);
		TAILQ_REMOVE(&q->slot->questions, q, next);
	}
	message_return(&q->msg);
}

static struct str new_session(struct memory *m, struct arena *a)
{
	char hex[33];

	rng_hex(m->deps.rng, hex, 16);
	return arena_printf(a, "mp-%s", hex);
}

static bool is_zero(struct hash128 h)
{
	return h.lo == 0 && h.hi == 0;
}

/* In the middle of its first turn a conversation has no reply yet, but maybe a block. */
static struct str session_of_blocks(struct memory *m, const struct recall_question *asked,
				    struct view *v)
{
	uint64_t now = clock_wall_ms(m->deps.clock);
	size_t n = asked->n_turns;
	const struct sticky_record *r = NULL;

	if (asked->want_block && n)
		n--; /* it may begin another conversation with the same words */
	while (!r && n--)
		r = sticky_find(view_sticky(v), (struct str){ NULL, 0 }, true,
				asked->turns[n].user, asked->turns[n].prev, now);
	return r ? sticky_session(r) : (struct str){ NULL, 0 };
}

/*
 * The one asked with, that of the reply before or of a block, or a new one. `v` may be
 * NULL.
 */
static struct str find_session(struct memory *m, const struct question *q, struct view *v)
{
	const struct recall_question *asked = &q->q;
	struct str found = { NULL, 0 };

	if (asked->session.len || !asked->find_session)
		return asked->session;
	if (v && !is_zero(asked->reply_id))
		found = view_session_of_reply(v, asked->reply_id);
	if (v && !found.p && !is_zero(asked->last_reply))
		found = view_session_of_reply(v, asked->last_reply);
	if (v && !found.p)
		found = session_of_blocks(m, asked, v);
	return found.p ? arena_str(q->msg.arena, found) : new_session(m, q->msg.arena);
}

/* From a view whose epoch has been confirmed. */
static void answer(struct question *q, bool partial)
{
	struct memory *m = q->slot->memory;
	enum recall_status status = RECALL_NO_HIT;

	q->answer.partial = partial;
	q->answer.paused = q->slot->head.paused;
	q->answer.epoch = q->slot->head.epoch;
	if (!atomic_load(&q->msg.cancelled)) {
		q->answer.session = find_session(m, q, q->slot->view);
		recall_blocks(m, q, &status);
		if (q->explain)
			q->explain(m, q);
	}
	end(q, status);
}

/* Without a view. The last epoch known, should the exchange be kept all the same. */
static void answer_without(struct memory *m, struct question *q,
			   enum recall_status status)
{
	q->answer.session = find_session(m, q, NULL);
	q->answer.epoch = q->slot ? q->slot->head.epoch : 0;
	end(q, status);
}

void questions_progress(struct slot *s)
{
	struct question *q;

	while (s->complete && (q = TAILQ_FIRST(&s->questions)) && q->after < s->fresh)
		answer(q, false);
}

void questions_fail(struct slot *s, enum recall_status status)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&s->questions)))
		answer_without(s->memory, q, status);
}

/* The caller waits longer for a cold user; to be in time, the answer leaves before. */
static uint64_t patience_us(const struct memory *m, const struct question *q, bool cold)
{
	uint64_t ms =
		atomic_load(cold ? &m->settings.cold_deadline : &m->settings.deadline);

	if (q->explain)
		return EXPLAIN_US;
	return cold ? ms * 1000 / 6 * 5 : ms * 1000;
}

static void arm(struct memory *m, struct question *q, bool cold)
{
	uint64_t age = clock_mono_us(m->deps.clock) - q->asked_us;
	uint64_t patience = patience_us(m, q, cold);
	uint64_t left = age < patience ? patience - age : 0;
	const struct timeval tv = { (time_t)(left / 1000000),
				    (suseconds_t)(left % 1000000) };

	if (cold)
		atomic_store(&q->cold, true);
	evtimer_add(&q->late, &tv);
}

void questions_go_cold(struct slot *s)
{
	struct question *q;

	TAILQ_FOREACH (q, &s->questions, next)
		arm(s->memory, q, true);
}

void question_fetched(struct question *q)
{
	answer(q, true);
}

/* What is missing in earlier blocks gets half of the time that is left. */
static void answer_in_part(struct question *q)
{
	struct memory *m = q->slot->memory;
	uint64_t us = atomic_load(&m->settings.cold_deadline) * 1000 / 12;
	const struct timeval tv = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };

	if (!q->fetch && !atomic_load(&q->msg.cancelled)) {
		q->answer.session = find_session(m, q, q->slot->view);
		if (question_fetch(m, q)) {
			evtimer_add(&q->late, &tv);
			return;
		}
	}
	answer(q, true);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	struct slot *s = q->slot;

	(void)fd;
	(void)what;
	if (s->known && s->ended > q->after) {
		answer_in_part(q);
		return;
	}
	breaker_failed(s->memory);
	slot_check_read(s);
	answer_without(s->memory, q, RECALL_DEGRADED_TIMEOUT);
}

void question_work(struct memory *m, struct message *msg)
{
	struct question *q = (struct question *)(void *)msg;
	struct slot *s;

	atomic_fetch_add(&m->counters.recalls, 1);
	if (atomic_load(&msg->cancelled)) {
		end(q, RECALL_DEGRADED_TIMEOUT);
		return;
	}
	s = breaker_is_open(m) ? NULL : slot_get(m, &q->q.partition);
	if (!s) {
		answer_without(m, q, RECALL_DEGRADED_STORE);
		return;
	}
	q->slot = s;
	q->after = s->begun;
	TAILQ_INSERT_TAIL(&s->questions, q, next);
	evtimer_assign(&q->late, m->base, on_late, q);
	arm(m, q, !s->complete);
	slot_turn(s);
}
