/*
 * fuzz_recall.c - texts of anybody's through index, search and rendering.
 *
 * The input is texts with a byte 0xff between them: a question, then exchanges
 * of two texts each. Whatever they are, a block keeps its budget, its lines are
 * ours or indented, it ends once, and clean_text() knows it again.
 */
#include "memory/clean.h"
#include "memory/render.h"
#include "memory/tokens.h"
#include "memory/words.h"

#include <stdlib.h>
#include <string.h>

#define NONCE "3f9c51d07be2"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct str next_text(struct str *rest)
{
	const char *end = rest->len ? memchr(rest->p, 0xff, rest->len) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->len;
	struct str text = str_slice(*rest, 0, n);

	*rest = str_slice(*rest, end ? n + 1 : n, rest->len);
	return text;
}

static bool is_our_line(struct str line)
{
	return line.len == 0 || line.p[0] == ' ' || line.p[0] == '[' ||
	       str_has_prefix(line, STR("user: ")) ||
	       str_has_prefix(line, STR("assistant: ")) ||
	       str_eq(line, STR(RENDER_INTRO)) ||
	       str_eq(line, STR("<" RENDER_TAG NONCE ">")) ||
	       str_eq(line, STR("</" RENDER_TAG NONCE ">"));
}

static void check_lines(struct str block)
{
	for (size_t i = 0, n; i < block.len; i += n + 1) {
		const char *end = memchr(block.p + i, '\n', block.len - i);

		n = end ? (size_t)(end - block.p) - i : block.len - i;
		must(is_our_line(str_slice(block, i, i + n)));
	}
}

static void check_block(const struct view_hit *hits, size_t n, size_t budget)
{
	struct arena *a = arena_new(4096);
	struct render_result r = { 0 };

	must(a && render_block(hits, n, budget, STR(NONCE), a, &r) == 0);
	must(r.tokens <= budget && r.n_exchanges <= n);
	must(r.tokens == tokens_estimate(r.block));
	if (r.block.p) {
		check_lines(r.block);
		must(clean_text(r.block, a).len == 0);
	}
	arena_free(a);
}

static void fill(struct view *v, struct str rest)
{
	struct exchange x = { .at_ms = 1795219200000, .session = STR("s") };

	while (rest.len) {
		x.user = next_text(&rest);
		x.reply = next_text(&rest);
		x.seq++;
		must(view_add(v, &x) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct view_query q = { .text = next_text(&rest) };
	struct words *w = words_new("english");
	struct view *v = view_new(w);
	struct view_hit hits[16];
	size_t n = 0;

	must(w && v);
	fill(v, rest);
	if (view_search(v, &q, hits, 16, &n) == VIEW_HITS)
		must(n > 0 && n <= 16);
	check_block(hits, n, 100 + size);
	if (view_unsent(v, &q, hits, 16, &n) == VIEW_HITS)
		check_block(hits, n, 1000);
	view_free(v);
	words_free(w);
	return 0;
}
