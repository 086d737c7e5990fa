/* test_clean.c - what of a text is kept, cut, redacted, matched. */
#include "base/buf.h"
#include "memory/clean.h"
#include "memory/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = arena_new(1024);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void expect_str(struct str got, const char *want)
{
	assert_non_null(got.p);
	if (!str_eq(got, str_from(want)))
		fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), want);
}

static void expect_clean(void **state, const char *text, const char *want)
{
	expect_str(clean_text(str_from(text), *state), want);
}

static void stays(void **state, const char *text)
{
	struct str got = clean_text(str_from(text), *state);

	expect_str(got, text);
	assert_ptr_equal(got.p, text);
}

/* --- clean_text ------------------------------------------------------------------ */

static void a_text_without_tags_is_not_copied(void **state)
{
	stays(state, "hello");
	stays(state, "if (a < b && c > d) x <<= 1;");
	stays(state, "<div class=\"x\">\n<p>hi</p>\n</div>");
	stays(state, "<");
	stays(state, "<system-reminder");
}

static void blanks_at_the_ends_go(void **state)
{
	expect_clean(state, " \r\n\thello world\n\n ", "hello world");
	expect_clean(state, "  \n ", "");
	expect_clean(state, "", "");
	expect_str(clean_text((struct str){ NULL, 0 }, *state), "");
}

static void reminders_are_cut(void **state)
{
	expect_clean(state, "<system-reminder>\nBe nice.\n</system-reminder>\nHello",
		     "Hello");
	expect_clean(state, "Hello\n\n<system-reminder>x</system-reminder>", "Hello");
	expect_clean(state,
		     "a\n<system-reminder>x</system-reminder>\nb\n"
		     "<system-reminder>y</system-reminder>\nc",
		     "a\n\nb\n\nc");
	expect_clean(state, "<system-reminder>only</system-reminder>", "");
}

static void what_real_clients_put_in_is_cut(void **state)
{
	expect_clean(state,
		     "<command-name>/clear</command-name>\n"
		     "            <command-message>clear</command-message>\n"
		     "            <command-args>the cache</command-args>",
		     "<command-args>the cache</command-args>");
	expect_clean(state, "<local-command-stdout>(no content)</local-command-stdout>",
		     "");
	expect_clean(
		state,
		"<ide_selection>lines 1 to 3 of a.c:\nint x;</ide_selection>\nWhat is x?",
		"What is x?");
	expect_clean(state,
		     "<environment_context>\n  <cwd>/tmp</cwd>\n</environment_context>",
		     "");
	expect_clean(state,
		     "<task>Fix it</task><environment_details>\n# "
		     "Time\n</environment_details>",
		     "<task>Fix it</task>");
	expect_clean(state,
		     "<reminderInstructions>Go on.</reminderInstructions>\n"
		     "<userRequest>hi</userRequest>",
		     "<userRequest>hi</userRequest>");
	expect_clean(state, "<system-reminder data-role=\"x\">a</system-reminder>b", "b");
}

static void what_a_person_wrote_about_tags_stays(void **state)
{
	stays(state, "What does <system-reminder>x</system-reminder> mean?");
	stays(state, "The tag `<system-reminder>` is odd.");
	stays(state, "<system-reminder>\nis never closed");
	stays(state, "</system-reminder>");
	stays(state, "<system-reminders>x</system-reminders>");
	stays(state, "<SYSTEM-REMINDER>x</SYSTEM-REMINDER>");
	stays(state, "<context>x</context>\n<attachments>y</attachments>");
}

#define NONCE    "3f9a07c1d2e4b586"
#define OPENING  "<" RENDER_TAG NONCE ">"
#define CLOSING  "</" RENDER_TAG NONCE ">"
#define OPENING2 "<" RENDER_TAG "0123456789abcdef>"
#define CLOSING2 "</" RENDER_TAG "0123456789abcdef>"

static void our_own_block_is_cut_wherever_it_stands(void **state)
{
	expect_clean(state, OPENING "\nExcerpts\n" CLOSING "\n\nHello", "Hello");
	expect_clean(state, "You sent: " OPENING "\nExcerpts\n" CLOSING " to me",
		     "You sent:  to me");
	expect_clean(state, OPENING "a" CLOSING OPENING2 "b" CLOSING2 "c", "c");
	expect_clean(state, "<" RENDER_TAG "abcdefabcdef>x</" RENDER_TAG "abcdefabcdef>y",
		     "y");
}

static void our_own_block_ends_at_its_own_nonce(void **state)
{
	expect_clean(state, OPENING "a" CLOSING2 "b" CLOSING "c", "c");
	stays(state, "see " OPENING "a" CLOSING2);
}

static void somebody_elses_memory_tag_stays(void **state)
{
	stays(state, "<memory-usage>12</memory-usage>");
	stays(state, "<memory-limits1>12</memory-limits1>");
	stays(state, "<memory-consumption>12</memory-consumption>");
	stays(state, "<memory-swap-2024-11-01>12</memory-swap-2024-11-01>");
}

static void an_echo_cut_short_goes_to_the_end(void **state)
{
	expect_clean(state, "Here:\n" OPENING "\n" RENDER_INTRO "\n[2026-11-21]\nus",
		     "Here:");
	expect_clean(state, "Here:\n" OPENING "\nExcerpts of ear", "Here:");
	expect_clean(state, "Here:\n" OPENING, "Here:");
	stays(state, "The block begins with " OPENING " as you can see.");
	stays(state, OPENING "\nis how the block begins.");
}

/* Quadratic searches would take minutes here. */
static void many_openings_take_no_more_than_linear_time(void **state)
{
	enum { N = 200000 };
	struct buf b;
	clock_t start = clock();

	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < N; i++) {
		buf_add_str(&b, STR("\n<system-reminder>"));
		if (i % 4 == 0)
			buf_printf(&b, " <memory-%08xabcd>", (unsigned)i);
	}
	struct str got = clean_text(buf_str(&b), *state);
	assert_int_equal(got.len, b.len - 1);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
	buf_done(&b);
}

/* --- redact_text ----------------------------------------------------------------- */

static void expect_redacted(void **state, const char *text, const char *want)
{
	struct str once = redact_text(str_from(text), *state);

	expect_str(once, want);
	expect_str(redact_text(once, *state), want);
}

static void is_kept(void **state, const char *text)
{
	struct str got = redact_text(str_from(text), *state);

	expect_str(got, text);
	assert_ptr_equal(got.p, text);
}

/* The keys here are made up, and put together so that scanners of secrets do not
 * take them for real. */
#define ALNUM36 "abcdefghijABCDEFGHIJ0123456789abcdef"

static void keys_are_known_by_their_shape(void **state)
{
	static const char *const keys[] = {
		"sk-" ALNUM36,
		"rk_test_" ALNUM36,
		"GOCSPX-"
		"abcdefghij-lmnopqrs_uvwxyz12",
		"nvapi-" ALNUM36 "-" ALNUM36,
		"csk-" ALNUM36 ALNUM36,
		"r8_" ALNUM36,
		"tvly-dev-" ALNUM36,
		"hvs.CAES" ALNUM36,
		"glsa_" ALNUM36 "_0123abcd",
		"dckr_pat_" ALNUM36,
		"dop_v1_" ALNUM36 ALNUM36,
		"shpat_"
		"0123456789abcdef0123456789abcdef",
		"lin_api_" ALNUM36,
		"sbp_"
		"0123456789abcdef0123456789abcdef01234567",
		"ATATT3x" ALNUM36 "=0123",
		"AGE-SECRET-KEY-1" ALNUM36 ALNUM36,
		"sk-proj-" ALNUM36 "_-x",
		"sk-ant-"
		"api03-" ALNUM36,
		"sk_"
		"live_" ALNUM36,
		"AKIA"
		"IOSFODNN7EXAMPLE",
		"ghp_" ALNUM36,
		"github_pat_" ALNUM36 "_x",
		"glpat-" ALNUM36,
		"xoxb-"
		"123456789012-abcdefABCDEF",
		"AIza" ALNUM36,
		"hf_" ALNUM36,
		"gsk_" ALNUM36 ALNUM36,
		"eyJhbGciOiJIUzI1NiJ9"
		".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char text[512];

		expect_redacted(state, keys[i], "[redacted]");
		snprintf(text, sizeof(text), "Use \"%s\" or %s.", keys[i], keys[i]);
		expect_redacted(state, text, "Use \"[redacted]\" or [redacted].");
	}
}

static void words_of_a_similar_shape_stay(void **state)
{
	is_kept(state, "sk-learn and sk-folding-cube-wrapper-container-element");
	is_kept(state, "a task-force-for-the-year-2024-and-beyond");
	is_kept(state, "xsk-" ALNUM36 " xAKIAIOSFODNN7EXAMPLE _ghp_" ALNUM36);
	is_kept(state, "AKIA is a prefix, ghp_ too, hf_hub_download(repo)");
	is_kept(state, "The bearer of bad news. Bearer authentication-and-authorization");
	is_kept(state, "eyJust a word");
	is_kept(state, "");
}

static void credentials_in_headers_are_redacted(void **state)
{
	expect_redacted(state, "-H 'Authorization: Bearer abc123def456ghi789'",
			"-H 'Authorization: Bearer [redacted]'");
	expect_redacted(state, "Authorization: Basic dXNlcjpwYXNz\n",
			"Authorization: Basic [redacted]\n");
}

static void private_keys_are_redacted_whole(void **state)
{
	expect_redacted(state,
			"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n"
			"-----END RSA PRIVATE KEY-----\nb",
			"a\n[redacted]\nb");
	expect_redacted(state, "-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]");
	expect_redacted(state, "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END",
			"[redacted]");
	is_kept(state, "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----");
}

static void passwords_in_urls_are_redacted(void **state)
{
	expect_redacted(state, "postgres://joe:s3cret@db:5432/x",
			"postgres://joe:[redacted]@db:5432/x");
	expect_redacted(state, "redis://:pw@h", "redis://:[redacted]@h");
	is_kept(state, "http://localhost:8764/v1?mail=a@b.c");
	is_kept(state, "https://joe@example.com and git@github.com:joe/x.git");
	is_kept(state, "ssh://joe:@host");
}

static void passwords_named_as_such_are_redacted(void **state)
{
	expect_redacted(state, "export DB_PASSWORD=hunter2hunter2\n",
			"export DB_PASSWORD=[redacted]\n");
	expect_redacted(state, "{\"api_key\": \"0a1b2c3d4e5f\"}",
			"{\"api_key\": \"[redacted]\"}");
	expect_redacted(state, "Password : 'p4ss w0rd' client-secret=`abcd1234`",
			"Password : 'p4ss w0rd' client-secret=`[redacted]`");
	/* in quotes with all of its marks */
	expect_redacted(state,
			"\"password\": \"Tr0ub4dor&3;(x\", 'secret': 'a1,b2{c3}d4'",
			"\"password\": \"[redacted]\", 'secret': '[redacted]'");
	expect_redacted(state, "LITELLM_MASTER_KEY=sk-abc123def",
			"LITELLM_MASTER_KEY=[redacted]");
	expect_redacted(state, "DefaultEndpoints;AccountKey=Ab1+/" ALNUM36 "==;x",
			"DefaultEndpoints;AccountKey=[redacted];x");
	is_kept(state, "password: \"${DB_PASSWORD_1}\" or \"<your-password-1>\"");
	is_kept(state, "password = os.environ['DB_PASSWORD_1']");
	is_kept(state, "token=tokens[index1234], api_key=settings.openai_key2");
	is_kept(state, "password: str = Field(default=None)");
	is_kept(state, "The password: it must be rememberable.");
	is_kept(state, "max_tokens=1234abcd5678");
}

static void a_password_too_long_to_be_one_stays_whole(void **state)
{
	char text[1024] = "password=";
	size_t n = strlen(text);

	while (n + 3 < sizeof(text)) {
		memcpy(text + n,
		       "\xC3\xA4"
		       "1",
		       4);
		n += 3;
	}
	is_kept(state, text);
}

static void redaction_takes_linear_time(void **state)
{
	struct buf b;
	clock_t start = clock();

	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 50000; i++)
		buf_add_str(&b, STR("sk-eyJ-://:-----BEGIN password="));
	struct str got = redact_text(buf_str(&b), *state);
	assert_int_equal(got.len, b.len);
	assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
	buf_done(&b);
}

/* --- cap_text -------------------------------------------------------------------- */

static void a_long_text_keeps_head_and_tail(void **state)
{
	expect_str(cap_text(STR("0123456789abcdefghij"), 15, *state), "0123\n[…]\nghij");
	expect_str(cap_text(STR("0123456789abcdefghij"), 20, *state),
		   "0123456789abcdefghij");
	expect_str(cap_text(STR("0123456789"), 9, *state), "0\n[…]\n9");
	expect_str(cap_text(STR("0123456789"), 8, *state), "0\n[…]\n");
	expect_str(cap_text(STR("0123456789"), 7, *state), "0123456");
	expect_str(cap_text(STR("0123456789"), 0, *state), "");
	expect_str(cap_text(STR(""), 0, *state), "");
}

static bool is_utf8(struct str s)
{
	while (s.len > 0) {
		size_t n = str_utf8_len(s);

		if (n == 0)
			return false;
		s = str_slice(s, n, s.len);
	}
	return true;
}

static void a_text_is_cut_between_characters(void **state)
{
	const struct str text = STR("äöü€€€𝄞𝄞𝄞äöü€€€𝄞𝄞𝄞");

	for (size_t max = 0; max <= text.len; max++) {
		struct str got = cap_text(text, max, *state);

		assert_non_null(got.p);
		assert_true(got.len <= max);
		assert_true(is_utf8(got));
	}
}

/* --- hashes ---------------------------------------------------------------------- */

static bool same(struct str a, struct str b)
{
	struct digest da = turn_digest(a), db = turn_digest(b);
	bool hashes = hash128_eq(turn_hash(a), turn_hash(b));

	assert_int_equal(hashes, digest_eq(&da, &db));
	return hashes;
}

static void runs_of_blanks_count_as_one(void **state)
{
	(void)state;
	assert_true(same(STR("a b c"), STR("a \n\t b\r\nc")));
	assert_false(same(STR("a b"), STR("ab")));
	assert_false(same(STR("a b"), STR("a c")));
	assert_true(same(STR(""), STR("")));
	assert_false(same(STR(""), STR("a")));
}

static void a_short_text_hashes_as_itself(void **state)
{
	struct digest got = turn_digest(STR("What is\n\nmy name?"));
	struct digest want = digest_sha256(STR("What is my name?"));

	(void)state;
	assert_true(digest_eq(&got, &want));
	assert_true(hash128_eq(turn_hash(STR("a  b")), hash128(STR("a b"))));
}

/* Words of every length, so that blocks and pieces begin and end anywhere. */
static void fill(struct buf *b, const char *blank)
{
	buf_reset(b);
	for (unsigned i = 0; b->len < 100000; i++)
		buf_printf(b, "%.*s%s", (int)(1 + i % 97),
			   "0123456789012345678901234567890123456789012345678"
			   "0123456789012345678901234567890123456789012345678",
			   i % 5 ? " " : blank);
	buf_add_char(b, 'x');
}

static void long_texts_match_whatever_their_blanks(void **state)
{
	static const char *const blanks[] = { " ", "\n\n", "\t \r\n",
					      "                " };
	struct buf a, b;

	(void)state;
	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	/* the same words: b is told by a's with each blank made longer */
	fill(&a, " ");
	for (size_t i = 0; i < 4; i++) {
		buf_reset(&b);
		for (size_t k = 0; k < a.len; k++) {
			if (a.p[k] == ' ' && k % 3 == 0)
				buf_add_str(&b, str_from(blanks[i]));
			else
				buf_add_char(&b, a.p[k]);
		}
		assert_true(same(buf_str(&a), buf_str(&b)));
		b.p[b.len / 2] ^= 0x20;
		assert_false(same(buf_str(&a), buf_str(&b)));
	}
	buf_done(&a);
	buf_done(&b);
}

static void every_byte_of_a_long_text_counts(void **state)
{
	struct buf a;

	(void)state;
	buf_init(&a, 1 << 20);
	fill(&a, "\n");
	struct hash128 whole = turn_hash(buf_str(&a));
	for (size_t i = 0; i < a.len; i += 61) {
		char old = a.p[i];

		a.p[i] = '!';
		assert_false(hash128_eq(whole, turn_hash(buf_str(&a))));
		a.p[i] = old;
	}
	assert_true(hash128_eq(whole, turn_hash(buf_str(&a))));
	buf_done(&a);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_text_without_tags_is_not_copied),
		CASE(blanks_at_the_ends_go),
		CASE(reminders_are_cut),
		CASE(what_real_clients_put_in_is_cut),
		CASE(what_a_person_wrote_about_tags_stays),
		CASE(our_own_block_is_cut_wherever_it_stands),
		CASE(our_own_block_ends_at_its_own_nonce),
		CASE(somebody_elses_memory_tag_stays),
		CASE(an_echo_cut_short_goes_to_the_end),
		CASE(many_openings_take_no_more_than_linear_time),
		CASE(keys_are_known_by_their_shape),
		CASE(words_of_a_similar_shape_stay),
		CASE(credentials_in_headers_are_redacted),
		CASE(private_keys_are_redacted_whole),
		CASE(passwords_in_urls_are_redacted),
		CASE(passwords_named_as_such_are_redacted),
		CASE(a_password_too_long_to_be_one_stays_whole),
		CASE(redaction_takes_linear_time),
		CASE(a_long_text_keeps_head_and_tail),
		CASE(a_text_is_cut_between_characters),
		CASE(runs_of_blanks_count_as_one),
		CASE(a_short_text_hashes_as_itself),
		CASE(long_texts_match_whatever_their_blanks),
		CASE(every_byte_of_a_long_text_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
