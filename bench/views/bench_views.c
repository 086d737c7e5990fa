/*
 * bench_views.c - what recall views hold and how long they take.
 *
 *	bench_views users [USERS [EXCHANGES [MIB]]]   resident memory against the bound
 *	bench_views deep [EXCHANGES]                  one user: a warm recall, a cold one
 *
 * The store is a made-up one: exchanges of a user are a function of their number, so
 * that nothing but views takes memory. Words are drawn as in natural text (Zipf).
 */
#include "config/config.h"
#include "memory/memory.h"
#include "memory/render.h"
#include "memory/view.h"
#include "memory/words.h"

#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	VOCABULARY = 20000,
	SMALL_WORDS = 128, /* the most frequent, which are on the stop list */
	USER_WORDS = 24,
	REPLY_WORDS = 48,
	A_SESSION = 10, /* exchanges */
	DAY_MS = 86400000,
	TEXT_MAX = 2048,
};
#define NOV_21 UINT64_C(1795219200000)

/* --- what was said -------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15); /* SplitMix64 */
	uint64_t z = *state;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t add_word(char *to, uint64_t *random)
{
	static const char first[] = "bcdfghklmnprstvw", vowel[] = "aeiou",
			  last[] = "nrlst";
	double u = (double)(next_random(random) >> 11) * 0x1p-53;
	unsigned word = (unsigned)exp(u * log(VOCABULARY));
	size_t n = 0;

	if (word < SMALL_WORDS)
		return (size_t)sprintf(to, "the ");
	do {
		to[n++] = first[word % 16];
		to[n++] = vowel[word / 16 % 5];
		to[n++] = last[(word / 16 + word) % 5];
	} while ((word /= 16) > 0);
	to[n++] = ' ';
	return n;
}

static struct str say(char *to, size_t words, uint64_t random)
{
	size_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += add_word(to + n, &random);
	return (struct str){ to, n - 1 };
}

struct said {
	char user[TEXT_MAX], reply[TEXT_MAX], session[24];
};

static struct exchange said_by(uint64_t who, uint64_t seq, struct said *s)
{
	uint64_t random = who << 24 | seq;
	struct exchange x = {
		.seq = seq,
		.at_ms = NOV_21 + seq / A_SESSION * DAY_MS,
		.state = EXCHANGE_COMPLETE,
		.user = say(s->user, USER_WORDS, random),
		.reply = say(s->reply, REPLY_WORDS, ~random),
	};

	memcpy(x.id.b, &random, sizeof(random));
	x.session.len =
		(size_t)sprintf(s->session, "s%lu", (unsigned long)seq / A_SESSION);
	x.session.p = s->session;
	return x;
}

/* --- a store of it -------------------------------------------------------------- */

struct made_up {
	struct store store;
	uint64_t exchanges; /* that each user has */
	struct digest secret;
	uint64_t longest_us; /* a page was taken in */
};

static uint64_t now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void hand_over(struct made_up *m, const struct exchange *v, size_t n,
		      store_read_cb *cb, void *arg)
{
	const struct store_head head = { .epoch = 1, .head = m->exchanges, .first = 1 };
	uint64_t began = now_us(CLOCK_THREAD_CPUTIME_ID), took;

	cb(arg, 0, &head, v, n);
	took = now_us(CLOCK_THREAD_CPUTIME_ID) - began;
	m->longest_us = took > m->longest_us ? took : m->longest_us;
}

static struct op *read_before(struct store *st, const struct partition *p,
			      uint64_t cursor, size_t bytes, store_read_cb *cb, void *arg)
{
	enum { PAGE_MAX = 512 };
	static const size_t overhead = EXCHANGE_OVERHEAD;
	struct made_up *m = (struct made_up *)(void *)st;
	struct said *said = malloc(PAGE_MAX * sizeof(*said));
	struct exchange *v = malloc(PAGE_MAX * sizeof(*v));
	uint64_t who = strtoull(p->user.p, NULL, 10), seq;
	size_t n = 0, sum = 0;

	if (!said || !v)
		abort();
	seq = cursor > m->exchanges ? m->exchanges : cursor - 1;
	for (; seq > 0 && n < PAGE_MAX && sum < bytes; seq--, n++) {
		v[n] = said_by(who, seq, &said[n]);
		sum += v[n].user.len + v[n].reply.len + overhead;
	}
	hand_over(m, v, n, cb, arg);
	free(said);
	free(v);
	return NULL;
}

static struct op *read_since(struct store *st, const struct partition *p, uint64_t cursor,
			     size_t bytes, store_read_cb *cb, void *arg)
{
	(void)p;
	(void)cursor;
	(void)bytes;
	hand_over((struct made_up *)(void *)st, NULL, 0, cb, arg);
	return NULL;
}

static void close_made_up(struct store *st)
{
	(void)st;
}

static struct op *expire(struct store *st, uint64_t now_ms, store_count_cb *cb, void *arg)
{
	(void)st;
	(void)now_ms;
	cb(arg, 0, 0);
	return NULL;
}

static const struct digest *secret(const struct store *st)
{
	return &((const struct made_up *)(const void *)st)->secret;
}

static void stats(const struct store *st, struct store_stats *ret)
{
	(void)st;
	*ret = (struct store_stats){ 0 };
}

static const struct store_ops made_up_ops = {
	.name = "made-up",
	.close = close_made_up,
	.read_before = read_before,
	.read_since = read_since,
	.expire = expire,
	.stats = stats,
	.secret = secret,
};

static int open_made_up(void *arg, const struct store_env *env, struct store **ret,
			char **reterr)
{
	struct made_up *m = arg;

	(void)env;
	(void)reterr;
	m->store.ops = &made_up_ops;
	*ret = &m->store;
	return 0;
}

/* --- the service ---------------------------------------------------------------- */

struct bench {
	struct config cfg;
	struct made_up store;
	struct memory *memory;
	struct memory_port *port;
	struct event_base *base;
	size_t answers, blocks, partial;
};

static void start(struct bench *b, uint64_t exchanges, size_t view_bytes)
{
	const struct memory_deps deps = {
		.cfg = &b->cfg,
		.clock = &clock_system,
		.rng = &rng_system,
		.open_store = open_made_up,
		.open_arg = &b->store,
	};
	char *why = NULL;

	b->store.exchanges = exchanges;
	b->cfg.memory.deadline = 20;
	b->cfg.memory.cold_deadline = 60;
	b->cfg.memory.view_bytes = view_bytes;
	b->base = event_base_new();
	if (!b->base || memory_start(&deps, &b->memory, &why))
		abort();
	b->port = memory_port_new(b->memory, b->base);
	if (!b->port)
		abort();
}

static void stop(struct bench *b)
{
	memory_port_free(b->port);
	memory_stop(b->memory);
	event_base_free(b->base);
}

static void on_answer(void *arg, const struct recall_answer *a)
{
	struct bench *b = arg;

	b->answers++;
	b->blocks += a->status == RECALL_BLOCK;
	b->partial += a->partial;
	event_base_loopbreak(b->base);
}

static void ask(struct bench *b, uint64_t who, struct str text)
{
	const struct turn_key turn = { { 1, who }, { 0, 0 } };
	size_t before = b->answers;
	char user[24];
	struct recall_question q = {
		.partition = { STR("tenant"), { user, 0 } },
		.session = STR("new"),
		.text = text,
		.want_block = true,
		.want_resent = true,
		.turns = &turn,
		.n_turns = 1,
		.budget_tokens = 1000,
	};

	q.partition.user.len = (size_t)sprintf(user, "%lu", (unsigned long)who);
	if (!memory_recall(b->port, &q, on_answer, b))
		abort();
	while (b->answers == before)
		event_base_dispatch(b->base);
}

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long total, pages = 0;

	if (!f || fscanf(f, "%lu %lu", &total, &pages) != 2)
		abort();
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct str question_of(char *to, uint64_t *random)
{
	return say(to, 6, next_random(random));
}

/* --- the two -------------------------------------------------------------------- */

static int users(uint64_t n, uint64_t exchanges, size_t mib)
{
	size_t bound = mib << 20, most = 0, before = resident(), now;
	struct bench b = { 0 };
	struct memory_stats stats;
	char text[TEXT_MAX];
	uint64_t random = 1;

	start(&b, exchanges, bound);
	for (uint64_t who = 0; who < n; who++) {
		ask(&b, who, question_of(text, &random));
		if (who % 3 == 0) /* some come back */
			ask(&b, next_random(&random) % (who + 1),
			    question_of(text, &random));
		if (who % 64 == 0) {
			now = resident();
			most = now > most ? now : most;
		}
	}
	memory_stats(b.memory, &stats);
	printf("%lu users x %lu exchanges, bound %zu MiB: %lu views of %.1f KiB, "
	       "counted %.1f MiB, resident at most %.1f MiB (%.3f x bound; %.1f MiB "
	       "before "
	       "the first), %zu of %zu with a block\n",
	       (unsigned long)n, (unsigned long)exchanges, mib,
	       (unsigned long)stats.views,
	       (double)stats.view_bytes / (double)stats.views / 1024,
	       (double)stats.view_bytes / 0x1p20, (double)most / 0x1p20,
	       (double)most / (double)bound, (double)before / 0x1p20, b.blocks,
	       b.answers);
	stop(&b);
	return (double)most <= 1.25 * (double)bound ? 0 : 1;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The same as a question costs on the memory thread, without the mailboxes. */
static double recall_ms(struct view *v, struct str text)
{
	struct view_hit hits[64];
	struct view_query q = { .text = text };
	struct render_result r = { 0 };
	struct arena *a = arena_new(65536);
	uint64_t began = now_us(CLOCK_THREAD_CPUTIME_ID), took;
	size_t n = 0;

	if (!a || (view_search(v, &q, hits, 64, &n) == VIEW_HITS &&
		   render_block(hits, n, 1000, STR("3f9c51d07be2"), a, &r)))
		abort();
	took = now_us(CLOCK_THREAD_CPUTIME_ID) - began;
	arena_free(a);
	return (double)took / 1000;
}

static void warm(uint64_t exchanges)
{
	enum { ROUNDS = 2000 };
	static double ms[ROUNDS];
	struct words *w = words_new("english");
	struct view *v = view_new(w);
	struct said said;
	char text[TEXT_MAX];
	uint64_t random = 7, began = now_us(CLOCK_THREAD_CPUTIME_ID);

	for (uint64_t seq = exchanges; v && seq > 0; seq--) {
		struct exchange x = said_by(1, seq, &said);

		if (view_add(v, &x))
			abort();
	}
	printf("built in %.1f ms, %.1f MiB\n",
	       (double)(now_us(CLOCK_THREAD_CPUTIME_ID) - began) / 1000,
	       (double)view_bytes(v) / 0x1p20);
	for (size_t i = 0; i < ROUNDS; i++)
		ms[i] = recall_ms(v, question_of(text, &random));
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	printf("warm recall of %lu exchanges, CPU: median %.3f ms, p99 %.3f ms\n",
	       (unsigned long)exchanges, ms[ROUNDS / 2], ms[ROUNDS * 99 / 100]);
	view_free(v);
	words_free(w);
}

static int deep(uint64_t exchanges)
{
	struct bench b = { 0 };
	char text[TEXT_MAX];
	uint64_t random = 7, began, took;

	warm(exchanges);
	start(&b, exchanges, 256 << 20);
	began = now_us(CLOCK_MONOTONIC);
	ask(&b, 1, question_of(text, &random));
	took = now_us(CLOCK_MONOTONIC) - began;
	printf("cold: answered after %.1f ms, %s, %s; a page was taken in in %.1f ms "
	       "at most\n",
	       (double)took / 1000, b.partial ? "from a part" : "from all",
	       b.blocks ? "with a block" : "without a block",
	       (double)b.store.longest_us / 1000);
	stop(&b);
	return took <= 60000 && b.blocks ? 0 : 1;
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "users") == 0)
		return users(argument(argc, argv, 2, 100000),
			     argument(argc, argv, 3, 100), argument(argc, argv, 4, 256));
	if (strcmp(what, "deep") == 0)
		return deep(argument(argc, argv, 2, 10000));
	fprintf(stderr, "usage: bench_views users [USERS [EXCHANGES [MIB]]] | deep "
			"[EXCHANGES]\n");
	return 2;
}
