"""The demo provider speaks what the SDKs and LiteLLM expect of a real one."""

import json

import httpx
import openai
import pytest
from env.programs import DemoProvider

TEXT = 'Grüße, 日本, 😀,\n"quotes" and  blanks.'
ANSWER = f"You wrote:\n\n{TEXT}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    program = DemoProvider(tmp_path_factory.mktemp("demo"))
    yield program
    program.end()


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="anything", max_retries=0) as c:
        yield c


MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "earlier"},
    {"role": "assistant", "content": "reply"},
    {"role": "user", "content": [{"type": "text", "text": TEXT}]},
]


def test_chat(client):
    reply = client.chat.completions.create(model="demo", messages=MESSAGES)
    assert reply.choices[0].message.content == ANSWER
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


def test_chat_stream(client):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="demo", messages=MESSAGES, stream=True, stream_options=options))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == ANSWER
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert [c.usage.total_tokens > 0 for c in chunks if c.usage] == [True]


def test_responses(client):
    reply = client.responses.create(model="demo", input=TEXT)
    assert reply.output_text == ANSWER


def test_responses_stream(client):
    items = [{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]
    events = list(client.responses.create(model="demo", input=items, stream=True))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == ANSWER
    assert events[-1].type == "response.completed"
    assert [e.sequence_number for e in events] == list(range(len(events)))


def test_messages_through_litellm(demo, litellm):
    """LiteLLM calls /v1/responses for an OpenAI-like model behind its /v1/messages."""
    body = {"model": "demo", "max_tokens": 100, "messages": [{"role": "user", "content": TEXT}]}
    reply = httpx.post(f"{litellm.url}/v1/messages", json=body, headers=litellm.auth, timeout=30)
    assert reply.status_code == 200, reply.text
    assert reply.json()["content"][0]["text"] == ANSWER
    with httpx.stream(
        "POST", f"{litellm.url}/v1/messages", json={**body, "stream": True}, headers=litellm.auth, timeout=30
    ) as stream:
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta") == ANSWER
    assert events[-1]["type"] == "message_stop"


def test_messages(provider):
    body = {"model": "demo", "max_tokens": 100, "messages": [{"role": "user", "content": TEXT}]}
    reply = httpx.post(f"{provider.url}/v1/messages", json=body)
    assert reply.json()["content"] == [{"type": "text", "text": ANSWER}]
    text = httpx.post(f"{provider.url}/v1/messages", json={**body, "stream": True}).text
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-2:]) == ("message_start", ["message_delta", "message_stop"])


def test_models(client):
    assert [m.id for m in client.models.list()] == ["demo"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages": 1}'])
def test_what_is_wrong_is_400(provider, body):
    reply = httpx.post(f"{provider.url}/v1/chat/completions", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_long_text_with_one_word_is_not_taken_for_a_stuck_model(client):
    text = "again " * 1000
    chunks = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": text}], stream=True)
    pieces = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    assert all(a != b for a, b in zip(pieces, pieces[1:], strict=False))
