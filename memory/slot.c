/*
 * slot.c - a partition's view, caught up with the log.
 *
 * A view is built newest first, page by page; once it reaches the oldest, only
 * what is new is read. Every read tells the epoch: another one than the view's,
 * and the view is dropped and built anew; so too where the log has become shorter,
 * as that of a store does that lost its last writes. Between two reads the loop has
 * a turn, so that a long building holds nobody else up, though the store answer inline.
 */
#include "memory/service.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PAGE_BYTES = 64 * 1024, /* about 1.5 ms of indexing */
	READ_GIVEN_UP_US = 2000000,
};

static void on_page(void *arg, int status, const struct store_head *head,
		    const struct exchange *v, size_t n);

static const struct timeval soon = { 0, 0 };

/* Whoever holds too much is looked for later: not in the middle of this one's work. */
static void count_memory(struct slot *s)
{
	struct memory *m = s->memory;

	slots_count(&m->slots, s);
	atomic_store(&m->counters.view_bytes, m->slots.bytes);
	atomic_store(&m->counters.views, m->slots.n);
	/* Added again when it is about to run, a timer would be put off. */
	if (m->slots.bytes > atomic_load(&m->settings.view_bytes) &&
	    !evtimer_pending(m->sweep, NULL))
		evtimer_add(m->sweep, &soon);
}

static void drop_view(struct slot *s)
{
	view_free(s->view);
	s->view = NULL;
	s->known = s->complete = s->catching_up = false;
	s->newest = s->oldest = 0;
	count_memory(s);
}

/* The view stays: the next read will tell whether it still holds. */
static void give_up(struct slot *s, int status)
{
	struct memory *m = s->memory;

	s->catching_up = false;
	if (status == -ENOMEM)
		drop_view(s);
	if (status != -ECANCELED) {
		atomic_fetch_add(&m->counters.store_errors, 1);
		breaker_failed(m);
	}
	questions_fail(s, RECALL_DEGRADED_STORE);
}

/* A user may have more than fits: then the oldest stay out. */
static bool reached_end(const struct slot *s, size_t n)
{
	if (s->complete)
		return n == 0 || s->newest >= s->head.head;
	return n == 0 || s->oldest <= s->head.first ||
	       s->bytes > atomic_load(&s->memory->settings.view_bytes) / 2;
}

static int take_in(struct slot *s, const struct exchange *v, size_t n)
{
	int r = 0;

	if (!s->view)
		s->view = view_new(s->memory->words);
	if (!s->view)
		return -ENOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		r = view_add(s->view, &v[i]);
		if (v[i].seq > s->newest && v[i].seq < STORE_SEQ_PROVISIONAL)
			s->newest = v[i].seq;
		if (v[i].seq < s->oldest || !s->oldest)
			s->oldest = v[i].seq;
	}
	view_trim(s->view, s->head.first ? s->head.first : UINT64_MAX);
	return r;
}

static int take_page(struct slot *s, const struct store_head *head,
		     const struct exchange *v, size_t n)
{
	int r;

	s->head = *head;
	s->known = true;
	r = take_in(s, v, n);
	if (r)
		return r;
	count_memory(s);
	if (!reached_end(s, n))
		return 0;
	if (s->complete)
		view_settle(s->view, v, n);
	else
		atomic_fetch_add(&s->memory->counters.views_built, 1);
	s->complete = true;
	s->catching_up = false;
	s->fresh = s->run;
	return 0;
}

/* Somebody waits for what was not there yet when the view was last fresh. */
static bool is_wanted(const struct slot *s)
{
	const struct question *last = TAILQ_LAST(&s->questions, question_list);

	return last && last->after >= s->fresh;
}

static bool is_nobody(const struct slot *s)
{
	return s->known && s->head.epoch == 0 && TAILQ_EMPTY(&s->questions);
}

static bool has_work(const struct slot *s)
{
	return !s->complete || s->catching_up || is_wanted(s);
}

/* A head goes back where a replica took over that had not got everything: what comes
 * next gets seqs that have been seen. Provisional ones are in no head. */
static bool is_another_log(const struct slot *s, const struct store_head *head)
{
	return s->known && (head->epoch != s->head.epoch || head->head < s->head.head);
}

static void on_page(void *arg, int status, const struct store_head *head,
		    const struct exchange *v, size_t n)
{
	struct slot *s = arg;

	s->reading = false;
	s->op = NULL;
	if (status) {
		give_up(s, status);
		return;
	}
	breaker_worked(s->memory);
	s->ended = s->begun;
	if (is_another_log(s, head)) {
		s->head = *head;
		drop_view(s);
		questions_go_cold(s);
	} else if (take_page(s, head, v, n)) {
		give_up(s, -ENOMEM);
		return;
	} else {
		questions_progress(s);
	}
	if (has_work(s) || is_nobody(s))
		evtimer_add(&s->step, &soon);
}

static void begin_read(struct slot *s)
{
	struct memory *m = s->memory;
	uint64_t before = s->known ? s->oldest : UINT64_MAX;
	struct op *op;

	s->reading = true;
	s->begun++;
	s->begun_us = clock_mono_us(m->deps.clock);
	if (s->complete ? !s->catching_up : !s->known)
		s->run = s->begun;
	s->catching_up = s->complete;
	if (s->complete)
		op = store_read_since(m->store, &s->partition, s->newest, PAGE_BYTES,
				      on_page, s);
	else
		op = store_read_before(m->store, &s->partition, before, PAGE_BYTES,
				       on_page, s);
	if (s->reading)
		s->op = op; /* else it has come back inline */
}

void slot_turn(struct slot *s)
{
	if (!s->reading && !evtimer_pending(&s->step, NULL) && has_work(s))
		begin_read(s);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;

	(void)fd;
	(void)what;
	if (is_nobody(s) && !s->reading)
		slot_free(s);
	else
		slot_turn(s);
}

void slot_check_read(struct slot *s)
{
	uint64_t now = clock_mono_us(s->memory->deps.clock);

	if (!s->reading || now - s->begun_us < READ_GIVEN_UP_US)
		return;
	op_cancel(s->op);
	s->op = NULL;
	s->reading = s->catching_up = false;
}

struct slot *slot_get(struct memory *m, const struct partition *p)
{
	struct slot *s = slots_find(&m->slots, p);

	if (s) {
		slots_touch(&m->slots, s);
		return s;
	}
	s = slots_add(&m->slots, p);
	if (!s)
		return NULL;
	s->memory = m;
	evtimer_assign(&s->step, m->base, on_step, s);
	count_memory(s);
	return s;
}

void slot_note_block(struct memory *m, const struct exchange *block, uint64_t epoch)
{
	struct slot *s = slots_find(&m->slots, &block->partition);

	/* Out of memory it is there once it has been read from the store. */
	if (s && s->view && s->known && s->head.epoch == epoch &&
	    view_add(s->view, block) == 0)
		count_memory(s);
}

void slot_free(struct slot *s)
{
	struct memory *m = s->memory;

	op_cancel(s->op);
	evtimer_del(&s->step);
	view_free(s->view);
	slots_remove(&m->slots, s);
	atomic_store(&m->counters.view_bytes, m->slots.bytes);
	atomic_store(&m->counters.views, m->slots.n);
	free(s);
}

void slots_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct memory *m = arg;
	struct slot *s = TAILQ_LAST(&m->slots.by_use, slot_list), *newer;

	(void)fd;
	(void)what;
	for (; s && m->slots.bytes > atomic_load(&m->settings.view_bytes); s = newer) {
		newer = TAILQ_PREV(s, slot_list, by_use);
		if (!TAILQ_EMPTY(&s->questions))
			continue;
		slot_free(s);
		atomic_fetch_add(&m->counters.views_evicted, 1);
	}
}
