"""What LiteLLM gets is the client's body, byte for byte, and at most one block in it."""

import json

import pytest
from env.chat import CHAT, chat, chat_body, chat_headers, status_of
from env.wire import call, chunk


def inserted(sent, arrived):
    """The bytes that were put into `sent` at one place to make `arrived`."""
    n = len(arrived) - len(sent)
    assert n >= 0, "bytes are missing"
    at = next((i for i, (a, b) in enumerate(zip(sent, arrived, strict=False)) if a != b), len(sent))
    assert arrived[at + n :] == sent[at:], "not one insertion"
    return arrived[at : at + n]


def last_content(body):
    return json.loads(body)["messages"][-1]["content"]


@pytest.fixture
def remembered(recorded, litellm, mark):
    """A memproxy that knows a fact, and the question that asks for it."""
    reply = chat(recorded, f"The password of the shed {mark} is walnut.", key=litellm.key, model="extra")
    assert reply.status == 200, reply
    recorded.question = f"What is the password of the shed {mark}?"
    return recorded


# The same request as different clients would write it. QUESTION stands for the question.
SPELLINGS = {
    "compact": '{"model":"echo","messages":[{"role":"user","content":"QUESTION"}]}',
    "spaced": '\n { "messages" : [ { "content" : "QUESTION" , "role" : "user" } ] ,\t"model" : "echo" } \r\n',
    "history": '{"model":"echo","messages":[{"role":"system","content":"Be \\u0062rief."},'
    '{"role":"user","content":"Hello \\ud83d\\ude00"},{"role":"assistant","content":"Hello."},'
    '{"role":"user","content":"QUESTION"}]}',
    "parts": '{"model":"echo","messages":[{"role":"user","content":[{"type":"text","text":"QUESTION"}]}]}',
    "two parts": '{"model":"echo","messages":[{"role":"user","content":[ {"text":"QUESTION","type":"text"} ,'
    '{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}',
    "odd numbers": '{"temperature":1.0,"seed":12345678901234567890,"top_p":1e0,"model":"echo",'
    '"metadata":{"a":-0,"b":1.10},"messages":[{"role":"user","content":"QUESTION"}]}',
    "twice": '{"model":"extra","model":"echo","messages":[{"role":"user","content":"QUESTION"}]}',
    "escapes": '{"model":"echo","messages":[{"role":"user","content":"\\u0051UESTION\\/\\n\\"QUESTION\\"\\\\"}]}',
    "raw utf-8": '{"model":"echo","messages":[{"role":"user","name":"Zoë","content":"日本 QUESTION 😀"}]}',
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_block_is_inserted_and_nothing_else_changes(remembered, litellm, spelling, stream):
    body = SPELLINGS[spelling].replace("QUESTION", remembered.question)
    if stream:
        body = body.replace('"model":"echo"', '"stream":true,"model":"echo"').replace(
            '"model" : "echo"', '"stream" : true , "model" : "echo"'
        )
    body = body.encode()
    reply = call(remembered.port, "POST", CHAT, chat_headers(key=litellm.key), body)

    assert reply.status == 200, reply
    assert "injected" in status_of(reply)
    _, arrived = remembered.recorder.requests(CHAT)[-1]
    assert b"walnut" in inserted(body, arrived)

    before, after = last_content(body), last_content(arrived)
    if isinstance(before, str):
        assert after.endswith(before)
    elif len(after) == len(before):  # into the first part
        assert after[0]["text"].endswith(before[0]["text"])
        assert after[1:] == before[1:]
    else:  # a part of its own in front
        assert after[1:] == before
        assert "walnut" in after[0]["text"]


@pytest.mark.parametrize("wish", ["off", "write"])
def test_without_reading_the_bytes_are_the_same(remembered, litellm, wish):
    body = SPELLINGS["odd numbers"].replace("QUESTION", remembered.question).encode()
    reply = call(remembered.port, "POST", CHAT, chat_headers(key=litellm.key, headers={"x-memory": wish}), body)

    assert reply.status == 200, reply
    _, arrived = remembered.recorder.requests(CHAT)[-1]
    assert arrived == body


def test_with_memory_off_only_three_headers_are_added(remembered, litellm):
    sent = [
        ("Host", "models.example:8764"),
        *chat_headers(key=litellm.key),
        ("User-Agent", "OpenAI/Python 3.52.0"),
        ("Accept-Encoding", "gzip, deflate"),
        ("X-Stainless-Lang", "python"),
        ("x-session-id", "conversation-17"),
        ("x-odd", "kept  as\tsent"),
        ("x-odd", "twice"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-memory", "off"),
        ("x-memory-user-id", "anna"),
        ("Connection", "keep-alive, x-hop"),
        ("x-hop", "not for LiteLLM"),
    ]
    body = chat_body(remembered.question, model="echo")
    reply = call(remembered.port, "POST", CHAT, sent, body)

    assert reply.status == 200, reply
    assert status_of(reply) == ["off"]
    head, arrived = remembered.recorder.requests(CHAT)[-1]
    assert arrived == body
    ours = ("x-sm-user-id", "x-request-id", "x-litellm-call-id")
    framing = ("content-length", "connection", "transfer-encoding")
    passed = [(n.lower(), v) for n, v in head.fields if n.lower() not in ours + framing]
    dropped = ("x-memory", "x-memory-user-id", "connection", "x-hop")
    assert sorted(passed) == sorted((n.lower(), v) for n, v in sent if n.lower() not in dropped)
    assert head.all("x-sm-user-id") == ["anna"]
    assert head.all("x-request-id") == head.all("x-litellm-call-id") == [reply.get("x-request-id")]


def test_a_clients_own_ids_are_kept(recorded, litellm):
    headers = {"x-request-id": "mine-1", "x-litellm-call-id": "mine-2", "x-sm-user-id": "ben"}
    reply = chat(recorded, "Hello there", key=litellm.key, model="echo", headers=headers)
    assert reply.get("x-request-id") == "mine-1"
    head, _ = recorded.recorder.requests(CHAT)[-1]
    assert head.all("x-request-id") == ["mine-1"]
    assert head.all("x-litellm-call-id") == ["mine-2"]
    assert head.all("x-sm-user-id") == ["ben"]


def test_a_chunked_body_arrives_the_same(remembered, litellm):
    body = chat_body(remembered.question, model="echo")
    pieces = b"".join(chunk(body[i : i + 7]) for i in range(0, len(body), 7)) + b"0\r\n\r\n"
    headers = [*chat_headers(key=litellm.key), ("Transfer-Encoding", "chunked")]
    reply = call(remembered.port, "POST", CHAT, headers, pieces)

    assert reply.status == 200, reply
    _, arrived = remembered.recorder.requests(CHAT)[-1]
    assert b"walnut" in inserted(body, arrived)


@pytest.mark.parametrize(
    "body",
    [b'{"model":"echo","messages":[', b"not JSON", b'{"model":"echo","messages":"no list"}', b"[]", b"", b"\xff\xfe{}"],
    ids=["cut", "text", "no list", "array", "empty", "binary"],
)
def test_what_is_no_chat_goes_on_as_it_is(recorded, litellm, body):
    reply = call(recorded.port, "POST", CHAT, chat_headers(key=litellm.key), body)
    direct = call(litellm.port, "POST", CHAT, chat_headers(key=litellm.key), body)
    assert (reply.status, reply.body) == (direct.status, direct.body)
    assert reply.status >= 400
    assert reply.get("x-memory-status") == "none:not-a-dialect"
    assert recorded.recorder.requests(CHAT)[-1][1] == body


def test_other_paths_go_on_as_they_are(recorded, litellm):
    body = b'{"model": "echo", "input": "text", "n": 1.50}'
    target = "/v1/embeddings?a=1&b=%2F..%2f&c="
    reply = call(recorded.port, "POST", target, chat_headers(key=litellm.key), body)
    assert reply.get("x-memory-status") == "none:not-a-dialect"
    head, arrived = recorded.recorder.requests("/v1/embeddings")[-1]
    assert head.target == target
    assert arrived == body
