/* fixture.c - a store under test, with a loop, a clock and waiting callers. */
#include "fixture.h"

#include "base/arena.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_S = 60 };

static uint64_t fake_wall(const struct clock *c)
{
	return ((const struct fixture *)(const void *)((const char *)c -
						       offsetof(struct fixture,
								time.clock)))
		->time.now_ms;
}

static uint64_t fake_mono(const struct clock *c)
{
	return fake_wall(c) * 1000;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("no answer within %d seconds", DEADLINE_S);
}

static void open_first(struct fixture *f, const struct backend *b)
{
	char server[128];

	if (b->start != NULL)
		assert_int_equal(b->start(server, sizeof(server)), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(f->url, sizeof(f->url), b->url, b->start ? server : f->dir, f->dir);
#pragma GCC diagnostic pop
	f->keeps = b->keeps;
	f->st = fixture_open(f, f->url);
}

struct fixture *fixture_new(const struct backend *b)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	f->mem = arena_new(64 * 1024);
	f->deadline = evtimer_new(f->base, on_deadline, NULL);
	assert_true(f->base && f->mem && f->deadline);
	f->time.clock.wall_ms = fake_wall;
	f->time.clock.mono_us = fake_mono;
	f->time.now_ms = UINT64_C(1700000000000);
	f->env = (struct store_env){ .base = f->base,
				     .clock = &f->time.clock,
				     .rng = &rng_system };
	strcpy(f->dir, "/tmp/memproxy-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	if (b != NULL)
		open_first(f, b);
	return f;
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) < 0)
			remove_tree(name);
	}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

void fixture_free(struct fixture *f)
{
	store_close(f->st);
	arena_free(f->mem);
	event_free(f->deadline);
	event_base_free(f->base);
	remove_tree(f->dir);
	free(f);
}

struct store *fixture_open(struct fixture *f, const char *url)
{
	struct store *st = NULL;
	char *err = NULL;
	int rc = store_open(url, &f->env, &st, &err);

	if (rc < 0)
		print_error("%s: %d, %s\n", url, rc, err);
	free(err);
	assert_int_equal(rc, 0);
	return st;
}

void fixture_reopen(struct fixture *f)
{
	store_close(f->st);
	f->st = fixture_open(f, f->url);
}

void pump_until(struct fixture *f, const bool *done)
{
	const struct timeval limit = { .tv_sec = DEADLINE_S };

	if (*done)
		return;
	event_add(f->deadline, &limit);
	while (!*done)
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
	event_del(f->deadline);
}

static void copy_rows(struct arena *mem, const struct answer *a, struct answer *to)
{
	struct exchange *x = arena_alloc(mem, a->n_rows * sizeof(*x));
	struct store_user *u = arena_alloc(mem, a->n_rows * sizeof(*u));
	struct store_session *s = arena_alloc(mem, a->n_rows * sizeof(*s));

	for (size_t i = 0; i < a->n_rows; i++) {
		if (a->exchanges != NULL)
			exchange_copy(mem, &a->exchanges[i], &x[i]);
		if (a->users != NULL) {
			u[i] = a->users[i];
			u[i].partition.tenant = arena_str(mem, u[i].partition.tenant);
			u[i].partition.user = arena_str(mem, u[i].partition.user);
		}
		if (a->sessions != NULL) {
			s[i] = a->sessions[i];
			s[i].id = arena_str(mem, s[i].id);
		}
	}
	to->exchanges = x;
	to->users = u;
	to->sessions = s;
}

static void on_answer(struct call_sink *sink, const struct answer *a)
{
	struct asked *q = (struct asked *)sink;

	assert_false(q->done);
	q->done = true;
	q->a = *a;
	copy_rows(q->f->mem, a, &q->a);
}

struct asked *ask(struct fixture *f, struct store *st, const struct call *c)
{
	struct asked *q = arena_alloc(f->mem, sizeof(*q));

	q->sink.answer = on_answer;
	q->f = f;
	q->op = call_run(st, c, &q->sink);
	assert_true((q->op == NULL) == q->done);
	return q;
}

const struct answer *wait_for(struct asked *q)
{
	pump_until(q->f, &q->done);
	return &q->a;
}

const struct answer *call_on(struct fixture *f, struct store *st, const struct call *c)
{
	return wait_for(ask(f, st, c));
}

const struct answer *call(struct fixture *f, const struct call *c)
{
	return call_on(f, f->st, c);
}

struct partition ann(void)
{
	return (struct partition){ STR("t"), STR("ann") };
}

void set_id(struct fixture *f, struct exchange *x)
{
	x->id = exchange_id(store_secret(f->st), x);
}

struct exchange say(struct fixture *f, const char *session, const char *user,
		    const char *reply)
{
	struct exchange x = {
		.partition = ann(),
		.session = str_from(session),
		.session_named = true,
		.state = EXCHANGE_COMPLETE,
		.at_ms = f->time.now_ms,
		.user = str_from(user),
		.reply = str_from(reply),
	};

	set_id(f, &x);
	return x;
}

struct exchange block(struct fixture *f, const char *session, const char *sources)
{
	struct exchange x = {
		.partition = ann(),
		.session = str_from(session),
		.session_named = true,
		.state = EXCHANGE_BLOCK,
		.at_ms = f->time.now_ms,
		.user_hash = { 1, 2 },
		.prev_hash = { 3, 4 },
		.sources = str_from(sources),
	};

	set_id(f, &x);
	return x;
}

struct exchange say_after(struct fixture *f, const struct exchange *to, const char *user,
			  const char *reply)
{
	struct exchange x = *to;

	x.user = str_from(user);
	x.reply = str_from(reply);
	x.prev = digest_sha256(to->reply);
	set_id(f, &x);
	return x;
}

int append(struct fixture *f, const struct exchange *x, uint64_t epoch, uint64_t *seq)
{
	const struct answer *a =
		call(f, &(struct call){ .kind = CALL_APPEND, .x = *x, .epoch = epoch });

	if (seq != NULL)
		*seq = a->n;
	return a->status;
}

static const struct answer *read_some(struct fixture *f, enum call_kind kind,
				      uint64_t cursor, size_t bytes)
{
	const struct answer *a = call(f, &(struct call){ .kind = kind,
							 .x.partition = ann(),
							 .cursor = cursor,
							 .bytes = bytes });

	assert_int_equal(a->status, 0);
	return a;
}

const struct answer *since(struct fixture *f, uint64_t cursor, size_t bytes)
{
	return read_some(f, CALL_READ_SINCE, cursor, bytes);
}

const struct answer *before(struct fixture *f, uint64_t cursor, size_t bytes)
{
	return read_some(f, CALL_READ_BEFORE, cursor, bytes);
}

const struct answer *everything(struct fixture *f)
{
	return since(f, 0, SIZE_MAX);
}

struct store_head head(struct fixture *f)
{
	return since(f, UINT64_MAX, 0)->head;
}

int edit(struct fixture *f, const struct exchange *x, const char *user, const char *reply)
{
	struct call c = { .kind = CALL_EDIT, .x = *x };

	c.x.user = str_from(user);
	c.x.reply = str_from(reply);
	return call(f, &c)->status;
}

int pause_memory(struct fixture *f, bool paused)
{
	return call(f, &(struct call){ .kind = CALL_PAUSE,
				       .x.partition = ann(),
				       .paused = paused })
		->status;
}

static int64_t how_many(struct fixture *f, const struct call *c)
{
	const struct answer *a = call(f, c);

	return a->status < 0 ? a->status : (int64_t)a->n;
}

int64_t forget_exchange(struct fixture *f, const struct exchange *x)
{
	return how_many(f,
			&(struct call){ .kind = CALL_FORGET,
					.x = { .partition = x->partition, .id = x->id },
					.has_id = true });
}

int64_t forget_session(struct fixture *f, const char *session)
{
	return how_many(f, &(struct call){ .kind = CALL_FORGET,
					   .x = { .partition = ann(),
						  .session = str_from(session) } });
}

int64_t forget_ann(struct fixture *f)
{
	return how_many(f, &(struct call){ .kind = CALL_FORGET, .x.partition = ann() });
}

int64_t trim(struct fixture *f, uint64_t keep)
{
	return how_many(
		f,
		&(struct call){ .kind = CALL_TRIM, .x.partition = ann(), .keep = keep });
}

int64_t expire(struct fixture *f)
{
	return how_many(f,
			&(struct call){ .kind = CALL_EXPIRE, .now_ms = f->time.now_ms });
}

void assert_same_text(struct str a, struct str b)
{
	assert_int_equal(a.p == NULL, b.p == NULL);
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.p, b.p, a.len);
}

void assert_same_exchange(const struct exchange *a, const struct exchange *b)
{
	unsigned char hashes[EXCHANGE_HASHES], others[EXCHANGE_HASHES];

	assert_true(exchange_id_eq(&a->id, &b->id));
	assert_int_equal(a->seq, b->seq);
	assert_same_text(a->partition.tenant, b->partition.tenant);
	assert_same_text(a->partition.user, b->partition.user);
	assert_same_text(a->session, b->session);
	assert_int_equal(a->session_named, b->session_named);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->at_ms, b->at_ms);
	assert_int_equal(a->expires_ms, b->expires_ms);
	assert_same_text(a->user, b->user);
	assert_same_text(a->reply, b->reply);
	assert_true(digest_eq(&a->prev, &b->prev));
	exchange_pack_hashes(a, hashes);
	exchange_pack_hashes(b, others);
	assert_memory_equal(hashes, others, sizeof(hashes));
	assert_same_text(a->sources, b->sources);
	assert_same_text(a->client, b->client);
	assert_same_text(a->model, b->model);
	assert_same_text(a->request_id, b->request_id);
}
