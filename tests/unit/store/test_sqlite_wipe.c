/* test_sqlite_wipe.c - what is forgotten is gone from the files. */
#include "sqlite_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether any file of the store holds the text. */
static bool on_disk(struct fixture *f, const char *text)
{
	static const char *const names[] = { "sub/log.db", "sub/log.db-wal",
					     "sub/log.db-shm" };
	char path[256];
	bool found = false;

	for (size_t i = 0; i < 3; i++) {
		struct stat st;
		char *p;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		assert_int_equal(fstat(fd, &st), 0);
		p = malloc((size_t)st.st_size + 1);
		assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
		found |= memmem(p, (size_t)st.st_size, text, strlen(text)) != NULL;
		free(p);
		close(fd);
	}
	return found;
}

static bool is_tree_page(const unsigned char *page)
{
	/* sqlite.org/fileformat2.html, 1.6; the others begin with a page's number. */
	return page[0] == 2 || page[0] == 5 || page[0] == 10 || page[0] == 13;
}

/* So that none stays behind when SQLite moves rows about: store/sqlite_body.h. */
static void no_text_is_in_a_page_of_a_tree(void **state)
{
	static char text[2200];
	struct fixture *f = *state;
	unsigned char page[1024];
	size_t trees = 0;
	FILE *from;

	memset(text, 'S', sizeof(text));
	for (size_t len = 8; len < sizeof(text); len += 7) {
		struct exchange x = say(f, "SSSSSSSS", "", NULL);

		x.user = (struct str){ text, len };
		x.client = x.model = x.request_id = (struct str){ text, 8 };
		set_id(f, &x);
		ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x });
	}
	store_close(f->st);
	f->st = NULL;
	from = fopen(strchr(f->url, ':') + 1, "r");
	assert_non_null(from);
	while (fread(page, sizeof(page), 1, from) == 1)
		if (is_tree_page(page)) {
			trees++;
			assert_null(memmem(page, sizeof(page), "SSSSSSSS", 8));
		}
	fclose(from);
	assert_true(trees > 50);
}

/* Enough of it that pages are split, merged and reused. */
static void tell_much(struct fixture *f, struct exchange *x, size_t n,
		      char (*texts)[4000])
{
	for (size_t i = 0; i < n; i++) {
		size_t len = (size_t)snprintf(texts[i], 100, "SECRET-%zu", i);

		while (len < i * 37 % 3900)
			len += (size_t)snprintf(texts[i] + len, 100, " SECRET");
		x[i] = say(f, i % 3 ? "SECRET-SESSION" : "other", texts[i], texts[i]);
		ask(f, f->st, &(struct call){ .kind = CALL_APPEND, .x = x[i] });
	}
	assert_int_equal(everything(f)->status, 0);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_PING })->status, 0);
}

static void what_is_forgotten_is_in_no_file(void **state)
{
	enum { N = 300 };
	struct fixture *f = *state;
	struct exchange *x = calloc(N, sizeof(*x));
	char(*texts)[4000] = calloc(N, sizeof(*texts));

	assert_true(x && texts);
	tell_much(f, x, N, texts);
	assert_true(on_disk(f, "SECRET-SESSION"));
	assert_int_equal(forget_session(f, "SECRET-SESSION"), N * 2 / 3);
	assert_false(on_disk(f, "SECRET-SESSION"));
	for (size_t i = 0; i < N; i += 6)
		assert_int_equal(forget_exchange(f, &x[i]), 1);
	for (size_t i = 3; i < N; i += 6)
		assert_int_equal(edit(f, &x[i], "harmless", "words"), 0);
	assert_false(on_disk(f, "SECRET"));
	free(x);
	free(texts);
}

static void a_forgotten_partition_is_in_no_file(void **state)
{
	enum { N = 100 };
	struct fixture *f = *state;
	struct exchange *x = calloc(N, sizeof(*x));
	char(*texts)[4000] = calloc(N, sizeof(*texts));

	assert_true(x && texts);
	tell_much(f, x, N, texts);
	assert_true(on_disk(f, "SECRET"));
	assert_int_equal(forget_ann(f), N);
	assert_false(on_disk(f, "SECRET"));
	free(x);
	free(texts);
}

static void what_has_expired_is_in_no_file(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "SECRET", "SECRET");

	x.expires_ms = f->time.now_ms;
	append(f, &x, 0, NULL);
	assert_int_equal(expire(f), 1);
	assert_false(on_disk(f, "SECRET"));
}

static void a_reader_elsewhere_delays_the_wiping_alone(void **state)
{
	struct fixture *f = *state;
	struct exchange x = say(f, "s", "SECRET", "SECRET");
	sqlite3 *db = open_raw(f);

	append(f, &x, 0, NULL);
	sql(db, "BEGIN; SELECT count(*) FROM exchange");
	assert_int_equal(forget_exchange(f, &x), 1);
	assert_int_equal(everything(f)->n_rows, 0);
	assert_true(on_disk(f, "SECRET"));
	sql(db, "COMMIT");
	sqlite3_close(db);
	assert_int_equal(call(f, &(struct call){ .kind = CALL_PING })->status, 0);
	assert_false(on_disk(f, "SECRET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(no_text_is_in_a_page_of_a_tree),
		OPEN(what_is_forgotten_is_in_no_file),
		OPEN(a_forgotten_partition_is_in_no_file),
		OPEN(what_has_expired_is_in_no_file),
		OPEN(a_reader_elsewhere_delays_the_wiping_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
