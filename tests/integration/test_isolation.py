"""Nothing that a caller sends reaches the memory of another key, or of another user."""

import hashlib

import pytest
from conftest import CONFIG
from env.chat import CHAT, chat, chat_body, status_of, user
from env.wire import call

KEY = "sk-anna-0123456789"
FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()

# Keys that are not Anna's, however near.
KEYS = {
    "another": "sk-ben-0123456789",
    "shorter": KEY[:-1],
    "longer": KEY + "0",
    "in other case": KEY.upper(),
    "its digest": DIGEST,
    "the tenant of callers without a key": "local",
    "the tenant of shared keys": "shared",
    "a NUL behind it, escaped": KEY + "%00",
    "a comma behind it": KEY + ",",
    "two of them": f"{KEY},{KEY}",
    "bytes beyond ASCII": KEY + "\xff\xfe",
    "a path": f"../{KEY}",
    "none": None,
}


@pytest.fixture
def anna(memproxy, upstream):
    """memproxy in front of the fake upstream, where Anna has said something."""
    assert status_of(chat(memproxy, FACT, name="anna", key=KEY, session="annas-session")) == ["none:no-hit"]
    assert status_of(chat(memproxy, QUESTION, name="anna", key=KEY)) == ["injected"]
    return memproxy


def assert_nothing(reply, upstream):
    assert b"Biscuit" not in upstream.last.body
    assert "injected" not in status_of(reply) and "resent" not in status_of(reply)
    assert reply.get("x-memory-recalled") is None


@pytest.mark.parametrize("key", KEYS, ids=list(KEYS))
def test_another_key_reaches_nothing(anna, upstream, key):
    for session in (None, "annas-session"):
        assert_nothing(chat(anna, QUESTION, name="anna", key=KEYS[key], session=session), upstream)


@pytest.mark.parametrize("key", KEYS, ids=list(KEYS))
def test_another_key_does_not_find_the_conversation(anna, upstream, key):
    """Neither by what was answered in it, nor by a turn to which a block belongs."""
    history = [user(FACT), {"role": "assistant", "content": "All right."}, user("And the name of my cat?")]
    reply = chat(anna, history, name="anna", key=KEYS[key])
    assert_nothing(reply, upstream) if b"<memory-" in upstream.last.body else None
    assert b"<memory-" not in upstream.last.body
    assert reply.get("x-memory-session") != "annas-session"
    tool_loop = [user(QUESTION), {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}, {"role": "tool", "content": "x"}]
    chat(anna, tool_loop, name="anna", key=KEYS[key])
    assert b"<memory-" not in upstream.last.body


NAMES = {
    "another": "ben",
    "longer": "anna2",
    "in other case": "Anna",
    "with a separator": "anna:",
    "with a tenant": f"{DIGEST}:anna",
    "with a slash": f"{DIGEST}/anna",
    "with a brace": "{anna}",
    "with a wildcard": "a*",
    "with a quote": "anna' OR '1'='1",
    "with a NUL, escaped": "anna%00",
}


@pytest.mark.parametrize("name", NAMES, ids=list(NAMES))
def test_another_user_of_the_key_reaches_nothing(anna, upstream, name):
    for session in (None, "annas-session"):
        assert_nothing(chat(anna, QUESTION, name=NAMES[name], key=KEY, session=session), upstream)


def test_headers_and_fields_that_name_a_partition_are_only_names(anna, upstream):
    headers = [
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer sk-ben-0123456789"),
        ("x-memory-user-id", "anna"),
        ("x-memory-tenant", DIGEST),
        ("x-sm-user-id", f"{DIGEST}:anna"),
        ("x-memory-session-id", "annas-session"),
    ]
    body = chat_body(QUESTION, user="anna", metadata={"user_id": "anna", "tenant": DIGEST}, tenant=DIGEST)
    reply = call(anna.port, "POST", f"{CHAT}?tenant={DIGEST}&user_id=anna&key={KEY}", headers, body)
    assert_nothing(reply, upstream)


def test_which_of_two_keys_counts_is_the_one_that_litellm_takes(anna, upstream):
    """A key put beside another opens nothing unless LiteLLM would check that very one."""
    for headers in (
        {"x-api-key": KEY},
        {"API-Key": KEY},
        {"x-goog-api-key": KEY},
        {"Ocp-Apim-Subscription-Key": KEY},
        {"api_key": KEY},
        {"x_litellm_api_key": KEY},
    ):
        reply = chat(anna, QUESTION, name="anna", key="sk-ben-0123456789", headers=headers)
        assert_nothing(reply, upstream)


def test_a_key_that_is_refused_leaves_nothing(launch, upstream):
    """It may name a user, but it makes none."""
    program = launch(upstream.url, config=CONFIG)

    def refuse(request):
        request.read()
        request.answer(401, {"error": {"message": "no", "type": "auth_error", "code": "401"}})

    good = upstream.behaviour
    upstream.behaviour = refuse
    assert chat(program, FACT, name="anna", key="sk-wrong").status == 401
    upstream.behaviour = good
    assert_nothing(chat(program, QUESTION, name="anna", key="sk-wrong"), upstream)
