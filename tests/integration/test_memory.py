"""What was said is there in the next conversation: for the same user, and for nobody else."""

import hashlib
import threading

import pytest
from conftest import CONFIG
from env.chat import ChatStream, assistant, chat, chat_body, status_of, user
from env.programs import wait_until
from env.upstream import chat_chunk, chat_plain, say

FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"
SECRET = "sk-proj-" + "Ab3dEf9hIj2kLm5n" * 3


def told(upstream):
    return upstream.last.body.decode()


# --- through the real LiteLLM --------------------------------------------------------


@pytest.mark.parametrize("second", [False, True], ids=["then plain", "then stream"])
@pytest.mark.parametrize("first", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("restart", [False, True], ids=["same process", "after a restart"])
def test_a_fact_reaches_the_model_in_the_next_conversation(proxied, litellm, provider, mark, restart, first, second):
    said = chat(proxied, f"My boat {mark} lies in Kiel.", key=litellm.key, model="extra", stream=first)
    assert said.status == 200, said
    if restart:
        proxied.restart()
    asked = chat(proxied, f"Where is my boat {mark}?", key=litellm.key, model="extra", stream=second)

    assert asked.status == 200, asked
    assert "injected" in status_of(asked)
    content = provider.told(mark)[-1]["messages"][-1]["content"]
    assert "lies in Kiel" in content
    assert "aus the provider" in content  # the reply to it, too
    assert content.endswith(f"Where is my boat {mark}?")


def test_the_demo_model_shows_what_was_remembered(proxied, litellm, mark):
    chat(proxied, f"My bike {mark} is red.", key=litellm.key, model="demo")
    reply = chat(proxied, f"Which colour is my bike {mark}?", key=litellm.key, model="demo")
    assert f"My bike {mark} is red." in reply.json()["choices"][0]["message"]["content"]


# --- whose it is ---------------------------------------------------------------------


def test_users_of_one_key_do_not_meet(memproxy, upstream):
    chat(memproxy, FACT, name="anna")
    reply = chat(memproxy, QUESTION, name="ben")
    assert status_of(reply) == ["none:no-hit"]
    assert "Biscuit" not in told(upstream)
    chat(memproxy, QUESTION, name="anna")
    assert "Biscuit" in told(upstream)


def test_a_user_of_the_same_name_under_another_key_is_another(memproxy, upstream):
    chat(memproxy, FACT, name="anna", key="sk-one")
    for other in ("sk-two", None):
        assert status_of(chat(memproxy, QUESTION, name="anna", key=other)) == ["none:no-hit"]
        assert "Biscuit" not in told(upstream)
    chat(memproxy, QUESTION, name="anna", key="sk-one")
    assert "Biscuit" in told(upstream)


def test_the_same_key_in_another_header_is_the_same(memproxy, upstream):
    chat(memproxy, FACT, key="sk-one")
    chat(memproxy, QUESTION, key=None, headers={"x-api-key": "sk-one"})
    assert "Biscuit" in told(upstream)


def test_keys_may_share_by_configuration(launch, upstream):
    program = launch(upstream.url, config={**CONFIG, "identity": {"share_keys": True}})
    chat(program, FACT, key="sk-one")
    chat(program, QUESTION, key="sk-two")
    assert "Biscuit" in told(upstream)


def test_the_user_of_the_body_counts(memproxy, upstream):
    reply = chat(memproxy, FACT, user="anna")
    assert reply.get("x-memory-user") == "anna"
    assert status_of(chat(memproxy, QUESTION, user="ben")) == ["none:no-hit"]
    assert status_of(chat(memproxy, QUESTION, name="anna")) == ["injected"]


def test_nobody_has_no_memory(launch, upstream):
    program = launch(upstream.url, config={})
    chat(program, FACT)
    reply = chat(program, QUESTION)
    assert status_of(reply) == ["none:no-identity"]
    assert reply.get("x-memory-user") is None
    assert "Biscuit" not in told(upstream)


# --- what is put in, and when ------------------------------------------------------------


def test_a_greeting_recalls_nothing(memproxy, upstream):
    chat(memproxy, FACT)
    reply = chat(memproxy, "hi")
    assert status_of(reply) == ["none:no-terms"]
    assert upstream.last.body == chat_body("hi")


def test_a_small_memory_goes_in_whole(memproxy, upstream):
    """All that the client has not sent, if it fits and anything was asked."""
    chat(memproxy, FACT)
    chat(memproxy, "I work in Oslo.")
    reply = chat(memproxy, "Please integrate x squared from zero to one.")
    assert status_of(reply) == ["injected"]
    assert "Biscuit" in told(upstream) and "Oslo" in told(upstream)


def test_of_a_large_memory_only_what_is_about_it_goes_in(memproxy, upstream):
    for n in range(60):
        chat(memproxy, f"Lecture {n}: the parliament of province {n} voted on canals, bridges and harbour dues.")
    chat(memproxy, FACT)

    reply = chat(memproxy, QUESTION)
    assert status_of(reply) == ["injected"]
    assert "Biscuit" in told(upstream) and "parliament" not in told(upstream)

    question = "Please integrate x squared from zero to one."
    assert status_of(chat(memproxy, question)) == ["none:no-hit"]
    assert upstream.last.body == chat_body(question)


def test_what_the_client_sends_again_is_not_put_in_again(memproxy, upstream):
    upstream.behaviour = say("Biscuit is a fine name.")
    chat(memproxy, FACT)
    history = [user(FACT), assistant("Biscuit is a fine name."), user(QUESTION)]
    reply = chat(memproxy, history)
    assert status_of(reply) == ["none:no-hit"]
    assert upstream.last.body == chat_body(history)

    # Nor where only one half of it is sent again.
    for half in ([user(FACT), user(QUESTION)], [assistant("Biscuit is a fine name."), user(QUESTION)]):
        chat(memproxy, half)
        assert upstream.last.body == chat_body(half)


def test_what_was_changed_before_it_was_kept_is_known_when_it_is_sent_again(memproxy, upstream):
    """A key in both texts: what is kept is neither the one nor the other."""
    fact = f"My deploy key is {SECRET} for the Biscuit server."
    upstream.behaviour = say(f"Noted: {SECRET} is the deploy key.")
    chat(memproxy, fact)
    history = [user(fact), assistant(f"Noted: {SECRET} is the deploy key."), user("What did I say about the key?")]
    reply = chat(memproxy, history)
    assert status_of(reply) == ["none:no-hit"]
    assert upstream.last.body == chat_body(history)


def test_what_was_cut_before_it_was_kept_is_known_when_it_is_sent_again(launch, upstream):
    program = launch(upstream.url, config={**CONFIG, "memory": {**CONFIG["memory"], "max_exchange_bytes": 256}})
    fact = "My cat is called Biscuit. " + "It hates thunderstorms, rain and hail. " * 20
    answer = "A cat called Biscuit is a fine cat. " * 20
    upstream.behaviour = say(answer)
    first = chat(program, fact)
    history = [user(fact), assistant(answer), user(QUESTION)]
    reply = chat(program, history)
    assert status_of(reply) == ["none:no-hit"]
    assert upstream.last.body == chat_body(history)
    assert reply.get("x-memory-session") == first.get("x-memory-session")


def test_nothing_is_put_in_while_tools_run(memproxy, upstream):
    chat(memproxy, FACT)
    call = {"id": "c", "type": "function", "function": {"name": "cat_name", "arguments": "{}"}}
    messages = [
        user(QUESTION),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "the cat is called"},
    ]
    reply = chat(memproxy, messages)
    assert status_of(reply) == ["none:not-user-last"]
    assert upstream.last.body == chat_body(messages)


def test_recalled_text_does_not_pile_up(memproxy, upstream):
    """A model that quotes the block does not bring it into memory."""

    def quote(request):
        request.read()
        request.answer(200, chat_plain("You wrote: " + request.last_text()))

    upstream.behaviour = quote
    for question in (FACT, QUESTION, "Is the name of my cat Biscuit?", "Why does my cat have that name?"):
        chat(memproxy, question)
    assert upstream.last.last_text().count("<memory-") == 1
    assert upstream.last.last_text().count("</memory-") == 1


def test_the_budget_bounds_a_block(launch, upstream):
    program = launch(upstream.url, config={**CONFIG, "memory": {**CONFIG["memory"], "budget_tokens": 200}})
    for n in range(20):
        chat(program, f"My cat number {n} is called Biscuit the {n}th of the old house on the hill.")
    reply = chat(program, QUESTION)
    assert 0 < int(reply.get("x-memory-tokens")) <= 200
    assert len(upstream.last.last_text()) < 2000


# --- x-memory, and what the reply says ------------------------------------------------------


@pytest.mark.parametrize("wish, reads, writes", [("on", 1, 1), ("read", 1, 0), ("write", 0, 1), ("off", 0, 0)])
def test_x_memory_says_what_a_request_may(memproxy, upstream, wish, reads, writes):
    chat(memproxy, FACT)
    headers = {"x-memory": wish}
    reply = chat(memproxy, "My cat is also known as Crumb. What is its name?", headers=headers)
    assert ("injected" in status_of(reply)) == bool(reads)
    assert ("Biscuit" in told(upstream)) == bool(reads)
    assert upstream.last.head.get("x-memory") is None

    chat(memproxy, QUESTION)
    assert ("Crumb" in told(upstream)) == bool(writes)


RULES = {
    "model": {"disabled_for_models": ["m*"]},
    "model of the original": {"context": {"enabled_for_models": ["gpt-*"]}},
    "client": {"disabled_for_clients": ["curl"]},
    "key": {"disabled_for_keys": [hashlib.sha256(b"sk-one").hexdigest()]},
}


@pytest.mark.parametrize("rule", RULES)
def test_rules_keep_memory_from_models_clients_and_keys(launch, upstream, rule):
    rules = dict(RULES[rule])
    config = {**CONFIG, "client_patterns": [{"header": "user-agent", "pattern": "^curl/", "client": "curl"}]}
    config["context_retrieval"] = {"api_key": "sm-x", "query_strategy": "last_user", **rules.pop("context", {})}
    config["memory"] = {**CONFIG["memory"], **rules}
    program = launch(upstream.url, config=config)
    agent = {"User-Agent": "curl/8"}
    chat(program, FACT, headers=agent)
    reply = chat(program, QUESTION, headers=agent)
    assert status_of(reply) == ["off"]
    assert upstream.last.body == chat_body(QUESTION)

    # Another key is another tenant, so that has a fact of its own.
    other = {"headers": {"User-Agent": "other"}, "model": "gpt-4o", "key": "sk-two" if rule == "key" else "sk-one"}
    chat(program, FACT, **other)
    assert status_of(chat(program, QUESTION, **other)) == ["injected"]


@pytest.mark.parametrize("wish", ["maybe", "", "on, off", "true"])
def test_another_x_memory_is_refused(memproxy, upstream, wish):
    reply = chat(memproxy, FACT, headers={"x-memory": wish})
    assert reply.status == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert "x-memory" in reply.json()["error"]["message"]
    assert reply.get("x-request-id")
    assert not upstream.requests


def test_the_reply_says_what_was_recognised(memproxy):
    first = chat(memproxy, FACT, name="anna", session="conversation-1")
    assert first.get("x-memory-user") == "anna"
    assert first.get("x-memory-session") == "conversation-1"
    assert first.get("x-memory-recalled") is None

    second = chat(memproxy, QUESTION, name="anna", session="conversation-2")
    assert status_of(second) == ["injected"]
    assert second.get("x-memory-recalled") == "1"
    assert 0 < int(second.get("x-memory-tokens")) <= 1000
    assert second.get("x-request-id") not in (None, first.get("x-request-id"))


def test_a_conversation_goes_on_under_its_own_id(memproxy, upstream):
    upstream.behaviour = say("Noted, a fine cat.")
    first = chat(memproxy, FACT)
    session = first.get("x-memory-session")
    assert session
    same = chat(memproxy, [user(FACT), assistant("Noted, a fine cat."), user("It is grey.")])
    assert same.get("x-memory-session") == session
    other = chat(memproxy, "Something quite different.")
    assert other.get("x-memory-session") not in (None, session)


# --- what is kept ------------------------------------------------------------------------------


def test_failed_and_unfinished_replies_leave_nothing(memproxy, upstream):
    def fails(request):
        request.read()
        request.answer(500, {"error": {"message": "Biscuit", "type": "x", "code": "500"}})

    def cut_by_error_event(request):
        request.read()
        request.begin_stream()
        request.event(chat_chunk({"role": "assistant", "content": "Bis"}))
        request.event({"error": {"message": "broken", "code": "500"}})
        request.end_stream()

    def calls_a_tool(request):
        request.read()
        reply = chat_plain(None, "tool_calls")
        function = {"name": "f", "arguments": "{}"}
        reply["choices"][0]["message"]["tool_calls"] = [{"id": "c", "type": "function", "function": function}]
        request.answer(200, reply)

    for behaviour, stream in ((fails, False), (fails, True), (cut_by_error_event, True), (calls_a_tool, False)):
        upstream.behaviour = behaviour
        chat(memproxy, FACT, stream=stream)
    upstream.behaviour = say("I do not know.")
    assert status_of(chat(memproxy, QUESTION)) == ["none:no-hit"]
    assert "Biscuit" not in told(upstream)


def test_a_clients_leaving_keeps_its_words_and_no_reply(memproxy, upstream):
    left = threading.Event()

    def half(request):
        request.read()
        request.begin_stream()
        request.event(chat_chunk({"role": "assistant", "content": "Crumb is what I would have "}))
        assert request.gone()
        left.set()

    upstream.behaviour = half
    with ChatStream(memproxy, FACT) as client:
        client.head_of_reply()
        client.read_to(b"Crumb")
    assert left.wait(10)

    upstream.behaviour = say("Fine.")
    ask = {"headers": {"x-memory": "read"}}
    # Nobody is there to wait until it is kept.
    wait_until(lambda: "injected" in status_of(chat(memproxy, QUESTION, **ask)), 5, "what was said")
    assert "Biscuit" in told(upstream)
    assert "Crumb" not in told(upstream)


def test_keys_are_not_kept(memproxy, upstream):
    chat(memproxy, f"The key of my cat's feeder is {SECRET}, remember it.")
    chat(memproxy, "What is the key of my cat's feeder?")
    assert "feeder is" in told(upstream)
    assert SECRET not in told(upstream)


def test_a_retry_is_kept_once(memproxy, upstream):
    for _ in range(3):
        chat(memproxy, FACT, session="conversation-1")
    reply = chat(memproxy, QUESTION, session="conversation-2")
    assert reply.get("x-memory-recalled") == "1"
    assert upstream.last.last_text().count("Biscuit") == 1


def test_kill_minus_nine_loses_nothing_that_was_answered(memproxy, upstream):
    chat(memproxy, FACT)
    memproxy.kill()
    memproxy.revive()
    chat(memproxy, QUESTION)
    assert "Biscuit" in told(upstream)


def test_the_memory_store_forgets_at_the_end(launch, upstream):
    program = launch(upstream.url, flags=["--store", "memory:"])
    chat(program, FACT)
    chat(program, QUESTION)
    assert "Biscuit" in told(upstream)
    program.restart()
    assert status_of(chat(program, QUESTION)) == ["none:no-hit"]
