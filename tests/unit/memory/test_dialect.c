/* test_dialect.c - chat completions: which paths, what a body says, where a block goes.
 */
#include "base/buf.h"
#include "memory/clean.h"
#include "memory/dialect.h"

#include "dialect_fixture.h"
#include "failing_heap.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES(m) "{\"model\":\"gpt\",\"messages\":[" m "]}"
#define U(text)     "{\"role\":\"user\",\"content\":\"" text "\"}"
#define A(text)     "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define S(text)     "{\"role\":\"system\",\"content\":\"" text "\"}"
#define TOOL(text)  "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"" text "\"}"
#define CALLS                                                                \
	"\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":" \
	"{\"name\":\"f\",\"arguments\":\"{\\\"content\\\":1}\"}}]"
#define CALL "{\"role\":\"assistant\",\"content\":null," CALLS "}"
#define REMINDER \
	"{\"role\":\"user\",\"content\":\"<system-reminder>r</system-reminder>\"}"
#define IMAGE                                                          \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/" \
	"png;base64,AA==\"}}"

/* --- paths ----------------------------------------------------------------------- */

static const struct dialect *find(const char *method, const char *path)
{
	return dialect_find(str_from(method), str_from(path));
}

static void every_alias_of_chat_completions_is_found(void **state)
{
	static const char *const paths[] = {
		"/v1/chat/completions",
		"/chat/completions",
		"/engines/gpt-4/chat/completions",
		"/openai/deployments/gpt-4/chat/completions",
		"/openai/deployments/azure/eu/gpt-4/chat/completions",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_ptr_equal(find("POST", paths[i]), &dialect_chat);
	assert_ptr_equal(find("POST", "/cursor/chat/completions"), &dialect_cursor);
}

static void other_paths_and_methods_are_no_dialect(void **state)
{
	static const char *const paths[] = {
		"/v1/chat/completions/",
		"/v1/chat/completions/chatcmpl-1",
		"/V1/chat/completions",
		"/v1/completions",
		"/v1/messages/count_tokens",
		"/v1/messages/batches",
		"/v1/responses/resp_1",
		"/v1/responses/compact",
		"/responses/input_tokens",
		"/openai/responses",
		"/anthropic/v1/messages/count_tokens",
		"/engines/chat/completions",
		"/engines/gpt-4/completions",
		"/openai/deployments/gpt-4/embeddings",
		"/anthropic/v1/chat/completions",
		"/",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_null(find("POST", paths[i]));
	assert_null(find("GET", "/v1/chat/completions"));
	assert_null(find("post", "/v1/chat/completions"));
	assert_null(dialect_find((struct str){ NULL, 0 }, (struct str){ NULL, 0 }));
}

static void a_path_may_name_the_model(void **state)
{
	(void)state;
	expect_str(dialect_chat.path_model(STR("/engines/a/b/chat/completions")), "a/b");
	expect_str(dialect_chat.path_model(
			   STR("/openai/deployments/gpt-4/chat/completions")),
		   "gpt-4");
	expect_str(dialect_chat.path_model(STR("/engines//chat/completions")), NULL);
	expect_str(dialect_chat.path_model(STR("/v1/chat/completions")), NULL);
}

/* --- turns ----------------------------------------------------------------------- */

static void one_message_is_a_turn(void **state)
{
	expect_turn(state, MESSAGES(U("Hi there")), "Hi there", NULL, NULL, true);
}

static void a_turn_knows_what_came_before_it(void **state)
{
	const char *body = MESSAGES(S("Be brief.") "," U("one") "," A("first") "," U(
		"two") "," A("second") "," U("three"));

	expect_turn(state, body, "three", "two", "second", true);
	EXPECT_SENT(state, body, "u:one", "a:first", "u:two", "a:second", "u:three");
}

static void several_user_messages_in_a_row_are_one_turn(void **state)
{
	const char *body = MESSAGES(
		U("zero") "," A("reply") "," U("one") "," U(" two ") "," U("three"));

	expect_turn(state, body, "one\n\ntwo\n\nthree", "zero", "reply", true);
	EXPECT_SENT(state, body, "u:zero", "a:reply", "u:one", "u:two", "u:three",
		    "u:one\n\ntwo\n\nthree");
}

static void a_run_in_the_history_is_also_sent_as_a_whole(void **state)
{
	EXPECT_SENT(state, MESSAGES(U("a") "," U("b") "," A("c") "," U("d")), "u:a",
		    "u:b", "u:a\n\nb", "a:c", "u:d");
}

static void system_messages_are_neither_sent_nor_in_the_way(void **state)
{
	const char *body = MESSAGES(
		S("s") "," U("a") "," S("t") ",{\"role\":\"developer\",\"content\":"
					     "\"d\"}," U("b"));

	expect_turn(state, body, "a\n\nb", NULL, NULL, true);
	EXPECT_SENT(state, body, "u:a", "u:b", "u:a\n\nb");
}

/* Claude Code puts reminders there; a block before them would be in the middle. */
static void a_system_message_behind_the_users_leaves_no_place(void **state)
{
	expect_turn(state, MESSAGES(U("a") "," S("t")), "a", NULL, NULL, false);
}

static void in_a_tool_loop_the_turn_is_the_one_that_began_it(void **state)
{
	expect_turn(
		state,
		MESSAGES(U("zero") "," A("reply") "," U("ask") "," CALL "," TOOL("42")),
		"ask", "zero", "reply", false);
	expect_turn(state,
		    MESSAGES(U("ask") "," CALL "," TOOL("1") "," CALL "," TOOL("2")),
		    "ask", NULL, NULL, false);
	expect_turn(state,
		    MESSAGES(U("ask") ",{\"role\":\"assistant\",\"content\":\"Let me "
				      "look.\"," CALLS "}," TOOL("1")),
		    "ask", NULL, NULL, false);
	expect_turn(
		state,
		MESSAGES(
			U("ask") ",{\"role\":\"assistant\",\"content\":null,"
				 "\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}},"
				 "{\"role\":\"function\",\"name\":\"f\",\"content\":"
				 "\"1\"}"),
		"ask", NULL, NULL, false);
}

static void tool_output_and_calls_are_not_sent_texts(void **state)
{
	EXPECT_SENT(
		state,
		MESSAGES(U("ask") "," CALL "," TOOL("42") "," A("It is 42.") "," U("ok")),
		"u:ask", "a:It is 42.", "u:ok");
}

static void an_assistant_message_that_only_calls_tools_is_no_reply(void **state)
{
	expect_turn(state,
		    MESSAGES(U("a") "," A("reply") "," U("b") "," CALL
							      "," TOOL("x") "," U("c")),
		    "c", "b", "reply", true);
	expect_turn(
		state,
		MESSAGES(U("a") "," A("reply") "," U("b") ",{\"role\":\"assistant\","
							  "\"content\":\"\"}," U("c")),
		"c", "b", "reply", true);
}

static void a_prefilled_reply_belongs_to_the_turn_before_it(void **state)
{
	expect_turn(state, MESSAGES(U("a") "," A("Sure, ")), "a", NULL, NULL, false);
}

static void a_reminder_in_a_tool_loop_begins_no_turn(void **state)
{
	expect_turn(state, MESSAGES(U("ask") "," CALL "," TOOL("1") "," REMINDER), "ask",
		    NULL, NULL, false);
	expect_turn(state,
		    MESSAGES(U("ask") "," CALL "," TOOL("1") "," REMINDER "," U("stop")),
		    "stop", "ask", NULL, true);
}

/* Or its reply would be kept as another one to the turn before. */
static void a_reminder_behind_a_finished_reply_begins_a_turn_without_text(void **state)
{
	expect_turn(state, MESSAGES(U("ask") "," A("done") "," REMINDER), NULL, "ask",
		    "done", true);
	expect_turn(state, MESSAGES(U("ask") "," A("done") "," REMINDER "," U("next")),
		    "next", "ask", "done", true);
}

/* A client that adds a message of its own behind the user's must not lose its memory. */
static void a_reminder_beside_the_users_words_is_part_of_their_run(void **state)
{
	expect_turn(state, MESSAGES(REMINDER "," U("ask")), "ask", NULL, NULL, true);
	expect_turn(state, MESSAGES(U("ask") "," REMINDER), "ask", NULL, NULL, true);
	EXPECT_SENT(state, MESSAGES(REMINDER "," U("ask")), "u:ask");
}

static void texts_are_cleaned(void **state)
{
	expect_turn(state,
		    MESSAGES(U("<system-reminder>x</system-reminder>\\n  What now?\\n")),
		    "What now?", NULL, NULL, true);
}

static void an_image_alone_is_a_turn_without_text(void **state)
{
	expect_turn(state,
		    MESSAGES(U("a") "," A("b") ",{\"role\":\"user\",\"content\":[" IMAGE
					       "]}"),
		    NULL, "a", "b", true);
}

/* --- contents -------------------------------------------------------------------- */

#define PARTS(role, parts) "{\"role\":\"" role "\",\"content\":[" parts "]}"
#define TEXT(text)         "{\"type\":\"text\",\"text\":\"" text "\"}"

static void text_parts_are_joined_by_line_feeds(void **state)
{
	expect_turn(
		state,
		MESSAGES(PARTS("user", TEXT("one") "," IMAGE "," TEXT("two")) "," PARTS(
			"assistant",
			TEXT("three") "," TEXT("four")) "," PARTS("user", IMAGE
								  "," TEXT("five"))),
		"five", "one\ntwo", "three\nfour", true);
}

static void parts_that_are_no_text_are_passed_over(void **state)
{
	expect_turn(state,
		    MESSAGES(PARTS(
			    "user",
			    "1,null,\"x\",[],{},{\"type\":\"text\"},"
			    "{\"type\":\"text\",\"text\":null},{\"text\":\"no type\"},"
			    "{\"type\":\"input_audio\",\"text\":\"no\"}," TEXT("yes"))),
		    "yes", NULL, NULL, true);
}

static void contents_of_other_types_have_no_text(void **state)
{
	expect_turn(state, MESSAGES("{\"role\":\"user\",\"content\":null}"), NULL, NULL,
		    NULL, false);
	expect_turn(state, MESSAGES("{\"role\":\"user\",\"content\":{\"text\":\"x\"}}"),
		    NULL, NULL, NULL, false);
	expect_turn(state, MESSAGES("{\"role\":\"user\",\"content\":12}"), NULL, NULL,
		    NULL, false);
	expect_turn(state, MESSAGES("{\"role\":\"user\"}"), NULL, NULL, NULL, false);
	expect_turn(state, MESSAGES("{\"role\":\"user\",\"content\":[]}"), NULL, NULL,
		    NULL, false);
	expect_turn(state, MESSAGES("{\"role\":\"user\",\"content\":\"\"}"), NULL, NULL,
		    NULL, true);
	expect_turn(state, MESSAGES("{}"), NULL, NULL, NULL, false);
	expect_turn(state, MESSAGES("{\"role\":7,\"content\":\"x\"}"), NULL, NULL, NULL,
		    false);
}

static void escapes_are_decoded(void **state)
{
	expect_turn(state,
		    MESSAGES(U("a\\n\\\"b\\\" \\u00e4 \\ud83d\\ude00 \\/\\\\") "," A(
			    "\\ud83d!") "," U("\\u0041")),
		    "A", "a\n\"b\" ä 😀 /\\", "\xEF\xBF\xBD!", true);
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
	expect_turn(state, MESSAGES(U("a\xFF\xC3\xA4")), "a\xEF\xBF\xBDä", NULL, NULL,
		    true);
}

static void names_may_be_escaped(void **state)
{
	expect_turn(state,
		    "{\"me\\u0073sages\":[{\"r\\u006fle\":\"us\\u0065r\","
		    "\"\\u0063ontent\":\"x\"}]}",
		    "x", NULL, NULL, true);
}

static void the_last_of_two_members_of_a_name_counts(void **state)
{
	expect_turn(state,
		    "{\"messages\":[" U(
			    "no") "],\"messages\":[{\"role\":\"tool\",\"content\":"
				  "\"no\",\"role\":\"user\",\"content\":\"yes\"}]}",
		    "yes", NULL, NULL, true);
}

static void blanks_may_stand_anywhere(void **state)
{
	expect_turn(state,
		    " \r\n{ \"messages\" :\n[ {\t\"role\" : \"user\" , \"content\" : [ "
		    "{ \"type\" : \"text\" , \"text\" : \"x\" } ] } ] } \n\n",
		    "x", NULL, NULL, true);
}

/* --- facts ----------------------------------------------------------------------- */

static void facts_are_found(void **state)
{
	struct request_view v = read_body(
		state, "{\"stream\":true,\"messages\":[],\"model\":\"gpt-\\u0034\","
		       "\"user\":\" joe \",\"safety_identifier\":\"s1\",\"metadata\":"
		       "{\"user_id\":\"m1\",\"session_id\":\"m2\",\"litellm_session_id\":"
		       "\"m3\"},"
		       "\"prompt_cache_key\":\"p1\",\"client_metadata\":{\"session_id\":"
		       "\"c1\"}}");

	assert_true(v.stream);
	expect_str(v.model, "gpt-4");
	expect_str(v.facts.user, "joe");
	expect_str(v.facts.safety_identifier, "s1");
	expect_str(v.facts.metadata_user_id, "m1");
	expect_str(v.facts.metadata_session_id, "m2");
	expect_str(v.facts.litellm_session_id, "m3");
	expect_str(v.facts.prompt_cache_key, "p1");
	expect_str(v.facts.client_metadata_session_id, "c1");
}

static void facts_that_are_not_there_are_absent(void **state)
{
	struct request_view v = read_body(
		state,
		"{\"messages\":[],\"stream\":\"true\",\"user\":\"\",\"metadata\":\"x\","
		"\"safety_identifier\":null,\"prompt_cache_key\":true,"
		"\"litellm_session_id\":[\"x\"],\"client_metadata\":[\"session_id\"]}");

	assert_false(v.stream);
	expect_str(v.model, NULL);
	expect_str(v.facts.user, NULL);
	expect_str(v.facts.safety_identifier, NULL);
	expect_str(v.facts.metadata_user_id, NULL);
	expect_str(v.facts.metadata_session_id, NULL);
	expect_str(v.facts.litellm_session_id, NULL);
	expect_str(v.facts.prompt_cache_key, NULL);
	expect_str(v.facts.client_metadata_session_id, NULL);
}

static void some_facts_come_in_other_forms(void **state)
{
	struct request_view v =
		read_body(state, "{\"messages\":[],\"user\":42,\"litellm_session_id\":"
				 "\"top\",\"metadata\":"
				 "{\"user_id\":{\"session_id\": "
				 "\"s\"},\"litellm_session_id\":\"inner\"}}");

	expect_str(v.facts.user, "42");
	expect_str(v.facts.metadata_user_id, "{\"session_id\": \"s\"}");
	expect_str(v.facts.litellm_session_id, "top");
}

static void what_is_no_chat_body_is_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		" ",
		"null",
		"[]",
		"\"messages\"",
		"{}",
		"{\"messages\":null}",
		"{\"messages\":{}}",
		"{\"messages\":\"x\"}",
		"{\"messages\":[1]}",
		"{\"messages\":[" U("x") ",null]}",
		"{\"messages\":[" U("x") "]",
		"{\"messages\":[" U("x") "]}}",
		"{\"messages\":[" U("x") ",]}",
		"{\"messages\":[" U("x") "],}",
		"{messages:[]}",
		"{\"messages\":[" U("\\x") "]}",
		"{\"messages\":[" U("a\nb") "]}",
		"{\"messages\":[],\"temperature\":01}",
		"{\"messages\":[],\"messages\":null}",
		"{\"input\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct request_view v = { .n_sent = 77 };

		assert_int_equal(try_read(state, str_from(bodies[i]), &v), -EINVAL);
		assert_int_equal(v.n_sent, 77);
	}
}

/* --- splice ---------------------------------------------------------------------- */

/* What the insertion should have done, done to a tree. */
static void insert_into_tree(void **state, json_t *root)
{
	json_t *messages = json_object_get(root, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	json_t *content = json_object_get(last, "content");
	struct str lead = arena_printf(arena_of(state), "%s\n\n", test_block);

	json_t *first = json_array_get(content, 0);
	if (json_string_value(json_object_get(first, "text"))) {
		last = first;
		content = json_object_get(first, "text");
	}
	if (json_is_array(content)) {
		json_array_insert_new(
			content, 0,
			json_pack("{s:s,s:s}", "type", "text", "text", lead.p));
		return;
	}
	struct str text =
		arena_printf(arena_of(state), "%s%s", lead.p, json_string_value(content));
	json_object_set_new(last, first ? "text" : "content", json_string(text.p));
}

static void expect_splice(void **state, const char *text)
{
	struct str body = str_from(text), got = spliced(state, body);
	json_t *want = json_loadb(body.p, body.len, 0, NULL);
	json_t *have = json_loadb(got.p, got.len, 0, NULL);

	assert_non_null(want);
	assert_non_null(have);
	insert_into_tree(state, want);
	assert_true(json_equal(want, have));
	json_decref(want);
	json_decref(have);
}

static void a_block_goes_before_the_last_user_text(void **state)
{
	expect_splice(state, MESSAGES(U("Hello")));
	expect_splice(state, MESSAGES(U("x") "," U("")));
	expect_splice(state, MESSAGES(U("\\n\\\"x\\\"")));
	expect_splice(state, MESSAGES(S("s") "," U("a") "," A("b") "," U("c")));
	expect_splice(state, MESSAGES(U("a") "," U("b")));
	expect_splice(state,
		      "{\"messages\": [ {\"content\" :  \"x\" , \"role\":\"user\"} ] ,"
		      "\"tools\":[{\"x\":[1,2.5e3]}]}");
}

static void a_block_goes_into_the_first_part_if_it_is_a_text(void **state)
{
	expect_splice(state, MESSAGES(PARTS("user", TEXT("Hello"))));
	expect_splice(state, MESSAGES(PARTS("user", TEXT("Hello") "," IMAGE)));
	expect_splice(state, MESSAGES(PARTS("user", " \n" TEXT("Hello") "\n ")));
	expect_splice(
		state,
		MESSAGES(PARTS("user", "{\"type\":\"text\",\"text\":\"x\","
				       "\"cache_control\":{\"type\":\"ephemeral\"}}")));
}

static void a_block_goes_before_a_first_part_that_is_no_text(void **state)
{
	expect_splice(state, MESSAGES(PARTS("user", IMAGE "," TEXT("Hello"))));
	expect_splice(state, MESSAGES(PARTS("user", " {} , " TEXT("Hello"))));
	expect_splice(state, MESSAGES(U("x") "," PARTS("user", IMAGE)));
}

/* Claude Code's cache mark wanders: what a provider reads must stay the same. */
static void a_text_and_a_list_of_that_text_say_the_same_with_a_block(void **state)
{
	struct str plain = spliced(state, STR(MESSAGES(U("Hello"))));
	struct str list = spliced(state, STR(MESSAGES(PARTS("user", TEXT("Hello")))));
	struct str message = str_slice(plain,
				       sizeof(MESSAGES("{\"role\":\"user\","
						       "\"content\":")) -
					       3,
				       plain.len - 3);

	assert_non_null(strstr(list.p, arena_str(arena_of(state), message).p));
}

static void the_rest_of_the_body_is_the_clients_byte_for_byte(void **state)
{
	const struct str body =
		STR("{\"n\":1.0,\"n\":1e2, \"messages\":[ " U("x") "\r\n]}\n");
	struct str got = spliced(state, body);
	struct request_view v;

	assert_int_equal(try_read(state, body, &v), 0);
	size_t at = last_turn(&v)->splice_at;
	assert_memory_equal(got.p, body.p, at);
	assert_memory_equal(got.p + got.len - (body.len - at), body.p + at,
			    body.len - at);
}

/* A turn must read the same whether or not its block is in it. */
static void a_spliced_body_reads_as_the_original(void **state)
{
	struct str with = spliced(state, STR(MESSAGES(U("a") "," A("b") "," U("c"))));
	struct request_view v;

	assert_int_equal(try_read(state, with, &v), 0);
	expect_str(v.user_text, "c");
	expect_str(v.earlier_user_text, "a");
	expect_str(v.last_reply, "b");
	assert_int_equal(v.n_sent, 3);
	assert_true(hash128_eq(v.sent[2].hash, turn_hash(STR("c"))));
}

/* --- places of the turns in the history -------------------------------------------- */

static void every_turn_has_its_key_and_place(void **state)
{
	struct request_view v = read_body(
		state, MESSAGES(S("s") "," U("one") "," A("first") "," U("two") "," U(
			       "three") "," A("second") "," U("four")));

	assert_int_equal(v.n_turns, 4);
	assert_int_equal(v.n_runs, 3);
	expect_key(&v.turns[0], "one", NULL);
	expect_key(&v.turns[1], "two", "first");
	assert_true(hash128_eq(v.turns[2].key.prev, turn_hash(STR("first"))));
	expect_key(&v.turns[3], "four", "second");
	assert_true(v.has_assistant);
	assert_true(v.user_last);
}

static void a_turn_keeps_its_place_when_it_is_history(void **state)
{
	expect_same_place(state, MESSAGES(U("one")),
			  MESSAGES(U("one") "," A("r") "," U("two")));
	expect_same_place(state, MESSAGES(U("zero") "," A("q") "," U("one") "," U("1b")),
			  MESSAGES(U("zero") "," A("q") "," U("one") "," U("1b") "," A(
				  "r") "," U("two")));
	expect_same_place(
		state, MESSAGES(PARTS("user", IMAGE "," TEXT("see"))),
		MESSAGES(PARTS("user", IMAGE "," TEXT("see")) "," A("r") "," U("x")));
	expect_same_place(state, MESSAGES(PARTS("user", TEXT("see"))),
			  MESSAGES(PARTS("user", TEXT("see")) "," A("r") "," U("x")));
	expect_same_place(state, MESSAGES(U("one") "," REMINDER),
			  MESSAGES(U("one") "," REMINDER "," A("r") "," U("x")));
}

/* No reply came, or one that is not resent: what was put in with the first stays there.
 */
static void a_turn_keeps_its_place_when_the_user_goes_on(void **state)
{
	static const char *const more[] = { U("two"), U("one"), REMINDER,
					    PARTS("user", IMAGE) };
	struct request_view v;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct str body = arena_printf(
			arena_of(state),
			MESSAGES(U("zero") "," A("q") "," U("one") ",%s"), more[i]);
		struct str and_more = arena_printf(
			arena_of(state),
			MESSAGES(U("zero") "," A("q") "," U("one") ",%s," U("three")),
			more[i]);

		expect_same_place(state, MESSAGES(U("zero") "," A("q") "," U("one")),
				  body.p);
		expect_same_place(state, body.p, and_more.p);
		v = read_body(state, and_more.p);
		assert_int_equal(v.n_turns, 4);
		assert_int_equal(v.n_runs, 2);
		for (size_t k = 1; k < v.n_turns; k++)
			assert_false(
				hash128_eq(v.turns[k].key.user, v.turns[k - 1].key.user));
	}
}

static void in_a_tool_loop_the_turns_have_their_places(void **state)
{
	const char *body =
		MESSAGES(U("one") "," A("r") "," U("ask") "," CALL "," TOOL("42"));

	expect_same_place(state, MESSAGES(U("one")), body);
	expect_same_place(state, MESSAGES(U("one") "," A("r") "," U("ask")), body);
	assert_false(read_body(state, body).user_last);
	expect_same_place(state, MESSAGES(U("ask")),
			  MESSAGES(U("ask") "," CALL "," TOOL("1") "," REMINDER));
}

static void a_message_without_content_has_no_place(void **state)
{
	static const char *const contents[] = { "null", "[]", "7", "{}" };

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		struct str body =
			arena_printf(arena_of(state),
				     MESSAGES(U("x") ",{\"role\":\"user\",\"content\""
						     ":%s}," A("r")),
				     contents[i]);
		struct request_view v = read_body(state, body.p);

		assert_int_equal(v.n_turns, 1);
		expect_key(&v.turns[0], "x", NULL);
	}
}

static void what_has_no_text_is_no_turn(void **state)
{
	struct request_view v = read_body(
		state, MESSAGES(PARTS("user", IMAGE) "," A("nice") "," REMINDER));

	assert_int_equal(v.n_turns, 0);
	assert_true(v.has_assistant);
	assert_false(read_body(state, MESSAGES(U("a") "," CALL)).has_assistant);
}

/* --- size ------------------------------------------------------------------------ */

static void a_long_conversation_is_read(void **state)
{
	enum { TURNS = 5000 };
	struct request_view v;
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, STR("{\"messages\":["));
	for (int i = 0; i < TURNS; i++)
		buf_printf(&b, U("question %d") "," A("answer %d\\nwith a line") ",", i,
			   i);
	buf_add_str(&b, STR(U("last") "]}"));
	assert_int_equal(try_read(state, buf_str(&b), &v), 0);
	assert_int_equal(v.n_sent, 2 * TURNS + 1);
	expect_str(v.user_text, "last");
	expect_str(v.earlier_user_text, "question 4999");
	expect_str(v.last_reply, "answer 4999\nwith a line");
	assert_true(hash128_eq(v.sent[2].hash, turn_hash(STR("question 1"))));
	buf_done(&b);
}

static void an_array_nested_too_deep_is_refused(void **state)
{
	struct request_view v;
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, STR("{\"x\":"));
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, ']');
	buf_add_str(&b, STR(",\"messages\":[]}"));
	assert_int_equal(try_read(state, buf_str(&b), &v), -EINVAL);
	buf_done(&b);
}

/* --- memory ---------------------------------------------------------------------- */

/* Read and spliced with the n-th allocation failing; false once none failed. */
static bool survives(long n, struct str body)
{
	struct arena *a = arena_new(256);
	struct request_view v = { .n_sent = 77 };

	assert_non_null(a);
	heap_fail_at(n);
	int err = dialect_chat.read(body, a, &v);
	bool failed = heap_has_failed();
	assert_int_equal(err, failed ? -ENOMEM : 0);
	if (failed) {
		assert_int_equal(v.n_sent, 77);
	} else {
		struct str insert =
			dialect_chat.splice(SPLICE_PART, str_from(test_block), a);
		failed = heap_has_failed();
		assert_int_equal(insert.p == NULL, failed);
	}
	heap_fail_at(0);
	arena_free(a);
	return failed;
}

static void every_allocation_that_fails_is_told(void **state)
{
	const struct str body = STR(
		"{\"model\":\"gpt\\u0034\",\"user\":\"joe\",\"messages\":"
		"[" U("ze\\nro") "," A("re\\nply") "," U(
			"<system-"
			"reminder>x</"
			"system-reminder>"
			"\\none") "," PARTS("user", TEXT("two") "," IMAGE
								"," TEXT("three")) "]}");
	long n = 1;

	(void)state;
	while (survives(n, body))
		n++;
	assert_true(n > 5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_chat, teardown_dialect)
	const struct CMUnitTest tests[] = {
		CASE(every_alias_of_chat_completions_is_found),
		CASE(other_paths_and_methods_are_no_dialect),
		CASE(a_path_may_name_the_model),
		CASE(one_message_is_a_turn),
		CASE(a_turn_knows_what_came_before_it),
		CASE(several_user_messages_in_a_row_are_one_turn),
		CASE(a_run_in_the_history_is_also_sent_as_a_whole),
		CASE(system_messages_are_neither_sent_nor_in_the_way),
		CASE(a_system_message_behind_the_users_leaves_no_place),
		CASE(in_a_tool_loop_the_turn_is_the_one_that_began_it),
		CASE(tool_output_and_calls_are_not_sent_texts),
		CASE(an_assistant_message_that_only_calls_tools_is_no_reply),
		CASE(a_prefilled_reply_belongs_to_the_turn_before_it),
		CASE(a_reminder_in_a_tool_loop_begins_no_turn),
		CASE(a_reminder_behind_a_finished_reply_begins_a_turn_without_text),
		CASE(a_reminder_beside_the_users_words_is_part_of_their_run),
		CASE(texts_are_cleaned),
		CASE(an_image_alone_is_a_turn_without_text),
		CASE(text_parts_are_joined_by_line_feeds),
		CASE(parts_that_are_no_text_are_passed_over),
		CASE(contents_of_other_types_have_no_text),
		CASE(escapes_are_decoded),
		CASE(bytes_that_are_not_utf8_become_replacement_characters),
		CASE(names_may_be_escaped),
		CASE(the_last_of_two_members_of_a_name_counts),
		CASE(blanks_may_stand_anywhere),
		CASE(facts_are_found),
		CASE(facts_that_are_not_there_are_absent),
		CASE(some_facts_come_in_other_forms),
		CASE(what_is_no_chat_body_is_refused),
		CASE(a_block_goes_before_the_last_user_text),
		CASE(a_block_goes_into_the_first_part_if_it_is_a_text),
		CASE(a_block_goes_before_a_first_part_that_is_no_text),
		CASE(a_text_and_a_list_of_that_text_say_the_same_with_a_block),
		CASE(the_rest_of_the_body_is_the_clients_byte_for_byte),
		CASE(a_spliced_body_reads_as_the_original),
		CASE(every_turn_has_its_key_and_place),
		CASE(a_turn_keeps_its_place_when_it_is_history),
		CASE(a_turn_keeps_its_place_when_the_user_goes_on),
		CASE(in_a_tool_loop_the_turns_have_their_places),
		CASE(a_message_without_content_has_no_place),
		CASE(what_has_no_text_is_no_turn),
		CASE(a_long_conversation_is_read),
		CASE(an_array_nested_too_deep_is_refused),
		CASE(every_allocation_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
