/* spool_fixture.c - a spool in front of a store that fails on demand. */
#include "spool_fixture.h"

#include "base/arena.h"
#include "store/store_faulty.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store *spooled_open(struct spooled *s, struct store **faulty)
{
	struct store *log = fixture_open(s->f, s->url), *broken, *spool = NULL;
	char *err = NULL;

	assert_int_equal(store_faulty_new(log, &s->f->env, &broken), 0);
	if (store_spool_new(broken, &s->o, &s->f->env, &spool, &err) < 0)
		fail_msg("%s", err);
	if (faulty)
		*faulty = broken;
	return spool;
}

int spooled_begin(void **state)
{
	struct spooled *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->f = fixture_new(NULL);
	snprintf(s->path, sizeof(s->path), "%s/spool.db", s->f->dir);
	snprintf(s->log, sizeof(s->log), "%s/log.db", s->f->dir);
	snprintf(s->url, sizeof(s->url), "sqlite:%s", s->log);
	s->o = spool_defaults;
	s->o.path = s->path;
	s->o.retry_ms = 1;
	s->o.retry_max_ms = 4;
	s->o.refuse_ms = 0;
	s->f->st = spooled_open(s, &s->faulty);
	s->secret = *store_secret(s->f->st);
	*state = s;
	return 0;
}

void spooled_close(struct spooled *s)
{
	store_close(s->f->st);
	s->f->st = NULL;
}

void spooled_reopen(struct spooled *s)
{
	spooled_close(s);
	s->f->st = spooled_open(s, &s->faulty);
}

int spooled_end(void **state)
{
	struct spooled *s = *state;

	fixture_free(s->f);
	free(s);
	return 0;
}

void plan(struct spooled *s, const char *text)
{
	struct faulty_plan p;

	assert_int_equal(faulty_plan_parse(str_from(text), &p), 0);
	store_faulty_set(s->faulty, &p);
}

struct spool_stats spool_stats_of(const struct store *st)
{
	struct store_stats stats;

	store_stats(st, &stats);
	return stats.spool;
}

/* One turn of the loop, which waits for something to happen, but not for ever. */
static void turn(struct fixture *f)
{
	const struct timeval limit = { .tv_sec = 60 };

	event_add(f->deadline, &limit);
	assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
	event_del(f->deadline);
}

void pump_until_sent(struct spooled *s, struct store *st)
{
	while (spool_stats_of(st).waiting > 0)
		turn(s->f);
}

void pump_until_tried(struct spooled *s, unsigned n)
{
	while (store_faulty_calls(s->faulty, CALL_APPEND) < n)
		turn(s->f);
}

struct exchange numbered(struct spooled *s, unsigned n)
{
	char *text = arena_bytes(s->f->mem, 32);
	struct exchange x = { .partition = ann(),
			      .session = STR("s"),
			      .session_named = true,
			      .state = EXCHANGE_COMPLETE,
			      .at_ms = UINT64_C(1700000000000),
			      .reply = STR("So it is.") };

	snprintf(text, 32, "NUMBER-%u.", n);
	x.user = str_from(text);
	x.id = exchange_id(&s->secret, &x);
	return x;
}

unsigned tell(struct spooled *s, struct store *st, unsigned from, unsigned to)
{
	unsigned refused = 0;

	for (unsigned n = from; n < to; n++) {
		const struct call c = { .kind = CALL_APPEND, .x = numbered(s, n) };
		const struct answer *a = call_on(s->f, st, &c);

		refused += a->status != 0;
		if (a->status == 0)
			assert_true(a->n > STORE_SEQ_PROVISIONAL);
		else
			assert_int_equal(a->status, -ENOSPC);
	}
	return refused;
}

static const struct answer *read_log(struct spooled *s)
{
	struct store *st = fixture_open(s->f, s->url);
	const struct answer *a = call_on(s->f, st,
					 &(struct call){ .kind = CALL_READ_SINCE,
							 .x.partition = ann(),
							 .bytes = SIZE_MAX });

	assert_int_equal(a->status, 0);
	store_close(st);
	return a;
}

size_t log_rows(struct spooled *s)
{
	return read_log(s)->n_rows;
}

void assert_log_has(struct spooled *s, unsigned from, unsigned to)
{
	const struct answer *a = read_log(s);

	assert_int_equal(a->n_rows, to - from);
	for (unsigned i = 0; i < to - from; i++) {
		struct exchange x = numbered(s, from + i);

		assert_true(exchange_id_eq(&a->exchanges[i].id, &x.id));
	}
}

static bool in_file(const char *path, const char *text)
{
	FILE *from = fopen(path, "r");
	char *bytes;
	size_t size;
	bool found;

	assert_non_null(from);
	fseek(from, 0, SEEK_END);
	size = (size_t)ftell(from);
	rewind(from);
	bytes = malloc(size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, size, from), size);
	found = memmem(bytes, size, text, strlen(text)) != NULL;
	free(bytes);
	fclose(from);
	return found;
}

bool in_files(struct spooled *s, const char *prefix, const char *text)
{
	DIR *d = opendir(s->f->dir);
	struct dirent *e;
	bool found = false;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", s->f->dir, e->d_name);
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			found |= in_file(path, text);
	}
	closedir(d);
	return found;
}
