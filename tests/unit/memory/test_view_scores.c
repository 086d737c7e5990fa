/* test_view_scores.c - scores, against a slow and plain way to the same ones. */
#include "memory/clean.h"
#include "view_fixture.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOCABULARY = 24, WORDS_MAX = 12, EXCHANGES_MAX = 60, SESSIONS = 5 };

struct bag {
	char words[WORDS_MAX + 4][12];
	size_t n;
};

struct plain {
	struct exchange x[EXCHANGES_MAX];
	char text[EXCHANGES_MAX][2][200];
	struct bag bag[2 * EXCHANGES_MAX]; /* user, reply, user, …; empty: none */
	size_t n;
	double score[EXCHANGES_MAX];
};

/* The text of document `doc` has a word that no other has: there are no twins. */
static void random_text(char *text, struct bag *b, size_t doc)
{
	size_t n = 1 + (size_t)rand() % WORDS_MAX;

	snprintf(b->words[0], sizeof(b->words[0]), "zq%zuq", doc);
	strcat(strcpy(text, b->words[0]), " ");
	for (b->n = 1; b->n < n; b->n++) {
		/* a few words often, most seldom; none that stemming changes */
		int k = rand() % (1 + rand() % VOCABULARY);

		snprintf(b->words[b->n], sizeof(b->words[0]), "zz%dk", k);
		strcat(strcat(text, b->words[b->n]), " ");
	}
	/* the terms of "Saturday 21 November 2026" */
	static const char *const date[] = { "saturday", "21", "novemb", "2026" };
	for (size_t i = 0; i < 4; i++)
		strcpy(b->words[b->n++], date[i]);
}

static void random_log(struct plain *p)
{
	static const char *const sessions[SESSIONS] = { "s0", "s1", "s2", "s3", "s4" };

	memset(p, 0, sizeof(*p));
	p->n = 1 + (size_t)rand() % EXCHANGES_MAX;
	for (size_t i = 0; i < p->n; i++) {
		struct exchange *x = &p->x[i];

		*x = told(10 * i + 5, sessions[rand() % SESSIONS], NULL, NULL);
		random_text(p->text[i][0], &p->bag[2 * i], 2 * i);
		x->user = str_from(p->text[i][0]);
		if (rand() % 5 == 0)
			continue;
		random_text(p->text[i][1], &p->bag[2 * i + 1], 2 * i + 1);
		x->reply = str_from(p->text[i][1]);
	}
}

static double times(const struct bag *b, const char *word)
{
	double n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += strcmp(b->words[i], word) == 0;
	return n;
}

/* BM25 of each of n bags for a weighted list of words. */
static void plain_bm25(const struct bag *const *bags, const int *group, size_t n,
		       size_t n_groups, char (*words)[12], size_t n_words, double *ret)
{
	double length[2 * EXCHANGES_MAX] = { 0 }, total = 0, filled = 0;

	for (size_t i = 0; i < n; i++) {
		length[group[i]] += (double)bags[i]->n;
		total += (double)bags[i]->n;
	}
	for (size_t g = 0; g < n_groups; g++) {
		ret[g] = 0;
		filled += length[g] > 0;
	}
	for (size_t w = 0; w < n_words; w++) {
		double tf[2 * EXCHANGES_MAX] = { 0 }, df = 0;

		for (size_t i = 0; i < n; i++)
			tf[group[i]] += times(bags[i], words[w]);
		for (size_t g = 0; g < n_groups; g++)
			df += tf[g] > 0;
		for (size_t g = 0; g < n_groups; g++) {
			double norm = 0.9 * (0.7 + 0.3 * length[g] * filled / total);
			double idf = log(1 + (filled - df + 0.5) / (df + 0.5));

			if (tf[g] > 0)
				ret[g] += idf * tf[g] * 1.9 / (tf[g] + norm);
		}
	}
}

static void plain_scores(struct plain *p, char (*words)[12], size_t n_words)
{
	const struct bag *bags[2 * EXCHANGES_MAX];
	int of_doc[2 * EXCHANGES_MAX], of_session[2 * EXCHANGES_MAX];
	double raw[2 * EXCHANGES_MAX], smooth[2 * EXCHANGES_MAX] = { 0 };
	double session[SESSIONS], top = 0, top_session = 0;
	size_t n = 2 * p->n;

	for (size_t i = 0; i < n; i++) {
		bags[i] = &p->bag[i];
		of_doc[i] = (int)i;
		of_session[i] = p->x[i / 2].session.p[1] - '0';
	}
	plain_bm25(bags, of_doc, n, n, words, n_words, raw);
	plain_bm25(bags, of_session, n, SESSIONS, words, n_words, session);
	for (int s = 0; s < SESSIONS; s++) {
		size_t turn[2 * EXCHANGES_MAX], len = 0;

		top_session = fmax(top_session, session[s]);
		for (size_t i = 0; i < n; i++) {
			if (of_session[i] == s && bags[i]->n)
				turn[len++] = i;
		}
		for (size_t i = 0; i < len; i++) {
			double d = raw[turn[i]];

			d += i >= 1 ? 0.4 * raw[turn[i - 1]] : 0;
			d += i >= 2 ? 0.2 * raw[turn[i - 2]] : 0;
			d += i + 1 < len ? 0.4 * raw[turn[i + 1]] : 0;
			d += i + 2 < len ? 0.2 * raw[turn[i + 2]] : 0;
			smooth[turn[i]] = d;
			top = fmax(top, d);
		}
	}
	for (size_t i = 0; i < p->n; i++) {
		double best = fmax(smooth[2 * i], smooth[2 * i + 1]);

		p->score[i] = best > 0 ? best / top + 0.3 * session[of_session[2 * i]] /
							      top_session
				       : 0;
	}
}

static void plain_leave_out(struct plain *p, const struct view_query *q)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct exchange *x = &p->x[i];

		for (size_t k = 0; k < q->n_sent; k++) {
			struct str text = q->sent[k].from_user ? x->user : x->reply;

			if (text.p && hash128_eq(turn_hash(text), q->sent[k].hash))
				p->score[i] = 0;
		}
	}
}

static void assert_as_plain(const struct plain *p, const struct found *f)
{
	size_t expected = 0;

	for (size_t i = 0; i < p->n; i++)
		expected += p->score[i] > 0;
	assert_int_equal(f->n, expected);
	for (size_t i = 0; i < f->n; i++) {
		assert_true(fabs(f->v[i].score - p->score[f->v[i].seq / 10]) < 1e-4);
		assert_true(i == 0 || f->v[i - 1].score >= f->v[i].score);
	}
}

static struct view *build(struct words *w, const struct plain *p, const size_t *order)
{
	struct view *v = view_new(w);

	assert_non_null(v);
	for (size_t i = 0; i < p->n; i++)
		assert_int_equal(view_add(v, &p->x[order[i]]), 0);
	return v;
}

static size_t random_query(const struct plain *p, char (*words)[12], char *text,
			   struct sent_text *sent, struct view_query *q)
{
	size_t n = 3 + (size_t)rand() % 4;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		snprintf(words[i], 12, "zz%dk", (int)i * 5 + rand() % 5);
		strcat(strcat(text, words[i]), " ");
	}
	q->text = str_from(text);
	q->sent = sent;
	for (q->n_sent = 0; q->n_sent < (size_t)rand() % 6; q->n_sent++) {
		const struct exchange *x = &p->x[(size_t)rand() % p->n];
		bool from_user = rand() % 2;

		sent[q->n_sent] = (struct sent_text){
			from_user,
			turn_hash(from_user || !x->reply.p ? x->user : x->reply)
		};
	}
	return n;
}

static void shuffle(size_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)rand() % i, t = v[i - 1];

		v[i - 1] = v[k];
		v[k] = t;
	}
}

static void random_logs_score_as_the_formula_says_in_any_order_of_building(void **state)
{
	struct words *w = *state;
	struct plain *p = malloc(sizeof(*p));
	struct found by_time, newest_first, shuffled;

	assert_non_null(p);
	srand(3);
	for (int round = 0; round < 300; round++) {
		size_t order[3][EXCHANGES_MAX], n_words;
		char words[8][12], text[128];
		struct sent_text sent[8];
		struct view_query q = { 0 };
		struct view *v[3];

		random_log(p);
		for (size_t i = 0; i < p->n; i++) {
			order[0][i] = order[2][i] = i;
			order[1][i] = p->n - 1 - i;
		}
		shuffle(order[2], p->n);
		for (int k = 0; k < 3; k++)
			v[k] = build(w, p, order[k]);
		for (int k = 0; k < 4; k++) {
			n_words = random_query(p, words, text, sent, &q);
			plain_scores(p, words, n_words);
			plain_leave_out(p, &q);
			by_time = search_for(v[0], &q, MANY);
			newest_first = search_for(v[1], &q, MANY);
			shuffled = search_for(v[2], &q, MANY);
			assert_as_plain(p, &by_time);
			assert_same(&by_time, &newest_first);
			assert_same(&by_time, &shuffled);
		}
		for (int k = 0; k < 3; k++)
			view_free(v[k]);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			random_logs_score_as_the_formula_says_in_any_order_of_building),
	};

	return cmocka_run_group_tests(tests, words_up, words_down);
}
