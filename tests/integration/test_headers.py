"""Which headers go on to LiteLLM: everything end-to-end, less our own, plus a few."""

import pytest
from conftest import CONFIG
from env.chat import chat, status_of
from env.wire import call

SUPERMEMORY = {
    **CONFIG,
    "model_list": [
        {"model_name": "plain", "litellm_params": {"model": "openai/x", "api_base": "http://127.0.0.1:1"}},
        {
            "model_name": "sm",
            "litellm_params": {"model": "openai/x", "api_base": "https://api.supermemory.ai/v3/api.openai.com"},
        },
    ],
}


def test_a_conversation_is_told_to_litellm(memproxy, upstream):
    reply = chat(memproxy, "My cat is called Biscuit.")
    assert upstream.last.head.all("x-litellm-session-id") == [reply.get("x-memory-session")]


@pytest.mark.parametrize("name", ["x-litellm-session-id", "x-litellm-trace-id", "x-session-id", "x-my-session-id"])
def test_one_that_litellm_knows_already_is_not_told_again(memproxy, upstream, name):
    reply = chat(memproxy, "My cat is called Biscuit.", headers={name: "conversation-1"})
    assert reply.get("x-memory-session") == "conversation-1"
    assert upstream.last.head.all(name) == ["conversation-1"]
    if name != "x-litellm-session-id":
        assert not upstream.last.head.all("x-litellm-session-id")


def test_our_own_headers_stay_here(memproxy, upstream):
    own = {
        "x-memory": "on",
        "x-memory-user-id": "anna",
        "x-memory-session-id": "conversation-1",
        "x-memory-future": "1",
    }
    reply = chat(memproxy, "Hello there", headers=own)
    assert reply.get("x-memory-session") == "conversation-1"
    assert not [n for n, _ in upstream.last.head.fields if n.lower().startswith("x-memory")]


def test_a_renamed_user_header_stays_here_too(launch, upstream):
    program = launch(upstream.url, config={"user_id_mappings": {"custom_header": "x-staff"}})
    reply = chat(program, "Hello there", headers={"X-Staff": "anna"})
    assert reply.get("x-memory-user") == "anna"
    assert not upstream.last.head.all("x-staff")
    assert upstream.last.head.all("x-sm-user-id") == ["anna"]


def test_the_user_is_told_on_chats_alone(memproxy, upstream):
    chat(memproxy, "Hello there", name="anna")
    assert upstream.last.head.all("x-sm-user-id") == ["anna"]
    call(memproxy.port, "GET", "/v1/models", [("x-memory-user-id", "anna"), ("x-sm-user-id", "mallory")])
    assert not upstream.last.head.all("x-sm-user-id")


def test_inject_user_id_may_be_for_supermemory_alone(launch, upstream):
    program = launch(upstream.url, config={**SUPERMEMORY, "inject_user_id": "supermemory"})
    chat(program, "Hello there", name="anna", model="plain")
    assert not upstream.last.head.all("x-sm-user-id")
    chat(program, "Hello there", name="anna", model="sm")
    assert upstream.last.head.all("x-sm-user-id") == ["anna"]


@pytest.mark.parametrize("model", ["sm", "sm-20250514", "sm,feature-1"])
def test_a_model_of_supermemory_gets_its_headers_and_no_memory(launch, upstream, model):
    program = launch(upstream.url, config=SUPERMEMORY, env={"SUPERMEMORY_API_KEY": "sm-key"})
    chat(program, "My cat is called Biscuit.", name="anna", model="plain")
    assert not upstream.last.head.all("x-supermemory-api-key")
    reply = chat(program, "What is my cat called?", name="anna", model=model)
    assert "injected" not in status_of(reply)
    assert "Biscuit" not in upstream.last.body.decode()
    assert upstream.last.head.all("x-supermemory-api-key") == ["sm-key"]
    assert upstream.last.head.all("x-sm-user-id") == ["anna"]


def test_reply_headers_pass_as_litellm_sent_them(memproxy, upstream):
    sent = [
        ("x-litellm-call-id", "c"),
        ("llm_provider-x-odd", "a  b"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Date", "Sat, 21 Nov 2026 00:00:00 GMT"),
        ("x-memory-status", "forged"),
    ]

    def answers(request):
        request.read()
        request.answer(200, {}, sent)

    upstream.behaviour = answers
    reply = call(memproxy.port, "GET", "/v1/models")
    for name, value in sent[:-1]:
        assert value in reply.head.all(name)
    assert len(reply.head.all("set-cookie")) == 2
    assert len(reply.head.all("date")) == 1
    assert "forged" not in reply.head.raw.decode()
