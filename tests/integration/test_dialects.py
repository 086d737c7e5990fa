"""One memory for every API: what is said in one is known in the others."""

import json

import pytest
from env.apis import APIS, Chat, Conversation, Messages, Responses
from env.chat import CHAT, chat, chat_headers, status_of
from env.clients import CLIENTS, ClaudeCode, Codex, Opencode, OpenWebUi, dump, send
from env.programs import free_port
from env.upstream import say
from env.wire import Client, Closed, call, chunk

FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"
NAMED = lambda x: x.name if hasattr(x, "name") else {True: "stream", False: "plain"}.get(x, str(x))  # noqa: E731


def inserted(sent, arrived):
    """The bytes that were put into `sent` at one place to make `arrived`, and the place."""
    n = len(arrived) - len(sent)
    assert n >= 0, "bytes are missing"
    at = next((i for i, (a, b) in enumerate(zip(sent, arrived, strict=False)) if a != b), len(sent))
    assert arrived[at + n :] == sent[at:], "not one insertion"
    return arrived[at : at + n], at


# --- through the real LiteLLM ----------------------------------------------------------


def ask(server, litellm, api, text, stream):
    reply = Conversation(api, key=litellm.key).user(text).send(server, model="demo", **({"stream": True} if stream else {}))
    assert reply.status == 200, reply
    return reply


@pytest.mark.parametrize("second_streams", [False, True], ids=["then plain", "then stream"])
@pytest.mark.parametrize("second", APIS, ids=NAMED)
@pytest.mark.parametrize("first_streams", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("first", APIS, ids=NAMED)
def test_a_fact_told_in_one_api_is_known_in_every(proxied, litellm, mark, first, first_streams, second, second_streams):
    ask(proxied, litellm, first, f"My boat {mark} lies in Kiel.", first_streams)
    reply = ask(proxied, litellm, second, f"Where is my boat {mark}?", second_streams)
    assert "injected" in status_of(reply)
    said = second.said(reply, second_streams)
    assert f"user: My boat {mark} lies in Kiel." in said
    assert "assistant: You wrote:" in said  # the reply to it, too
    assert said.endswith(f"Where is my boat {mark}?")


@pytest.mark.parametrize("stream", [False, True], ids=NAMED)
def test_a_text_as_input_has_its_memory(proxied, litellm, mark, stream):
    headers = chat_headers(key=litellm.key)
    for text in (f"My boat {mark} lies in Kiel.", f"Where is my boat {mark}?"):
        body = {"model": "demo", "input": text, "stream": stream, "store": False}
        reply = call(proxied.port, "POST", "/v1/responses", headers, json.dumps(body).encode())
        assert reply.status == 200, reply
    assert "lies in Kiel" in Responses.said(reply, stream)


# --- requests as clients shape them ------------------------------------------------------


def api_of(client):
    return {ClaudeCode: Messages, Codex: Responses}.get(type(client), Chat)


def listen(upstream, client, text="Noted, Biscuit it is."):
    upstream.behaviour = api_of(client).answer(text)
    return text + " "  # as a stream of words


@pytest.mark.parametrize("kind", CLIENTS)
def test_each_client_has_its_session_and_keeps_its_bytes(memproxy, upstream, kind):
    first, second = kind(1), kind(2)
    listen(upstream, first)
    reply = send(memproxy, first, first.body(FACT))
    assert reply.get("x-memory-session") == first.session
    assert upstream.last.body == dump(first.body(FACT))  # nothing is known yet

    sent = dump(second.body(QUESTION))
    reply = call(memproxy.port, "POST", kind.target, second.headers("sk-one"), sent)
    assert reply.get("x-memory-session") == second.session
    assert "injected" in status_of(reply)
    block, at = inserted(sent, upstream.last.body)
    assert b"Biscuit" in block
    assert b"user: My cat is called Biscuit" in block and b"assistant: Noted, Biscuit it is." in block
    before, after = json.loads(sent), json.loads(upstream.last.body)
    for field in ("messages", "input"):
        if field in before:
            assert before[field].pop() != after[field].pop()
    assert before == after  # the system, the tools, the marks and all else


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_that_resends_gets_its_block_at_the_same_place(memproxy, upstream, kind):
    first, second = kind(1), kind(2)
    listen(upstream, first)
    send(memproxy, first, first.body(FACT))
    answer = listen(upstream, second, "Biscuit.")
    send(memproxy, second, second.body(QUESTION))
    told = json.loads(upstream.last.body)
    block_text = said_to_model(told, -1)
    assert "<memory-" in block_text

    second.heard(QUESTION, answer)
    reply = send(memproxy, second, second.body("And what does it hate?"))
    assert "resent" in status_of(reply)
    again = json.loads(upstream.last.body)
    assert said_to_model(again, position(told, again)) == block_text


def items(body):
    return body.get("messages") or body["input"]


def position(before, after):
    """Where the last item of `before` stands in `after`: what comes first is the same."""
    assert len(items(after)) > len(items(before))
    return len(items(before)) - 1


def said_to_model(body, at):
    """A message's text as a provider reads it: a list of one text is that text."""
    content = items(body)[at]["content"]
    if isinstance(content, str):
        return content
    return "\0".join(p["text"] for p in content)


def test_an_end_user_of_open_webui_has_a_memory_of_their_own(memproxy, upstream):
    client = OpenWebUi(1)
    listen(upstream, client)
    reply = send(memproxy, client, client.body(FACT))
    assert reply.get("x-memory-user") == "owui-user"
    assert status_of(chat(memproxy, QUESTION)) == ["none:no-hit"]


@pytest.mark.parametrize("kind", [Opencode, OpenWebUi])
def test_a_title_gets_no_memory_and_leaves_none(memproxy, upstream, kind):
    client = kind(1)
    upstream.behaviour = Chat.answer("Biscuits in thunderstorms")
    send(memproxy, client, client.body(FACT))
    title = dump(client.title(FACT))
    reply = call(memproxy.port, "POST", kind.target, client.headers("sk-one"), title)
    assert status_of(reply) == ["none:side-call"]
    assert upstream.last.body == title

    other = kind(2)
    send(memproxy, other, other.body(QUESTION))
    assert b"itle" not in inserted(dump(other.body(QUESTION)), upstream.last.body)[0]


def test_a_compaction_keeps_its_blocks_and_leaves_nothing(memproxy, upstream):
    """It resends the conversation, which the provider has in its cache."""
    first, second = ClaudeCode(1), ClaudeCode(2)
    listen(upstream, first)
    send(memproxy, first, first.body(FACT))
    answer = listen(upstream, second, "Biscuit.")
    send(memproxy, second, second.body(QUESTION))
    before = upstream.last.body
    second.heard(QUESTION, answer)
    compact = "Your task is to create a detailed summary of the conversation so far, …"
    reply = send(memproxy, second, second.body(compact))
    assert set(status_of(reply)) == {"resent", "none:side-call"}
    assert upstream.last.body.count(b"<memory-") == before.count(b"<memory-")

    third = ClaudeCode(3)
    listen(upstream, third)
    send(memproxy, third, third.body("What was my task, a detailed summary of what?"))
    assert b"create a detailed summary" not in upstream.last.body


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/responses/input_tokens", "/v1/responses/compact"])
def test_what_is_only_counted_passes_as_it_came(memproxy, upstream, path):
    chat(memproxy, FACT)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": QUESTION}], "input": QUESTION}).encode()
    upstream.behaviour = lambda request: request.read() and request.answer(200, {"input_tokens": 9})
    reply = call(memproxy.port, "POST", path, chat_headers(), body)
    assert status_of(reply) == ["none:side-call"]
    assert reply.json() == {"input_tokens": 9}
    assert upstream.last.body == body


OTHERS = {
    "completions": ("POST", "/v1/completions"),
    "gemini": ("POST", "/v1beta/models/m:generateContent"),
    "gemini stream": ("POST", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    "a response": ("GET", "/v1/responses/resp_1"),
    "cancelling": ("POST", "/v1/responses/resp_1/cancel"),
    "batches": ("POST", "/v1/messages/batches"),
    "embeddings": ("POST", "/v1/embeddings"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_apis_pass_and_say_so(memproxy, upstream, what):
    method, target = OTHERS[what]
    body = b'{"prompt":"x"}' if method == "POST" else None
    reply = call(memproxy.port, method, target, chat_headers(), body)
    assert reply.status == 200
    assert status_of(reply) == ["none:not-a-dialect"]
    assert upstream.last.target == target
    assert (upstream.last.body or None) == body


def test_the_handshake_of_a_websocket_says_so_too(memproxy, upstream):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    reply = call(memproxy.port, "GET", "/v1/responses", chat_headers(headers=upgrade))
    assert status_of(reply) == ["none:not-a-dialect"]


@pytest.mark.parametrize("path", [CHAT, "/chat/completions", "/engines/m/chat/completions", "/openai/deployments/m/chat/completions"])
def test_every_alias_of_chat_completions_has_memory(memproxy, upstream, path):
    chat(memproxy, FACT)
    body = json.dumps({"messages": [{"role": "user", "content": QUESTION}]}).encode()
    assert "injected" in status_of(call(memproxy.port, "POST", path, chat_headers(), body))


@pytest.mark.parametrize("api", [Chat, Responses], ids=NAMED)
def test_cursor_may_send_either_body(memproxy, upstream, api):
    chat(memproxy, FACT)
    upstream.behaviour = say("Biscuit.")
    body = Conversation(api).user(QUESTION).body()
    reply = call(memproxy.port, "POST", "/cursor/chat/completions", chat_headers(), body)
    assert "injected" in status_of(reply)
    assert b"Biscuit" in inserted(body, upstream.last.body)[0]


# --- errors in the shape of the API ------------------------------------------------------


def assert_anthropics(reply, status, kind):
    assert reply.status == status, reply
    body = reply.json()
    assert set(body) == {"type", "error", "request_id"}
    assert body["type"] == "error"
    assert set(body["error"]) == {"type", "message"}
    assert body["error"]["type"] == kind
    assert body["request_id"] == reply.get("x-request-id")


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages", "/v1/messages/count_tokens"])
def test_errors_of_the_messages_api_have_its_shape(launch, path):
    program = launch(f"http://127.0.0.1:{free_port()}")
    body = Conversation(Messages).user("Hello").body()
    assert_anthropics(call(program.port, "POST", path, chat_headers(), body), 502, "api_error")
    wrong = chat_headers(headers={"x-memory": "perhaps"})
    assert_anthropics(call(program.port, "POST", path, wrong, body), 400, "invalid_request_error")


def test_errors_of_the_responses_api_have_openais_shape(launch):
    program = launch(f"http://127.0.0.1:{free_port()}")
    reply = call(program.port, "POST", "/v1/responses", chat_headers(), Conversation(Responses).user("Hello").body())
    assert reply.status == 502
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def cut(api):
    def behaviour(request):
        request.read()
        request.begin_stream()
        for event in list(api.stream("one two three"))[:4]:
            request.chunk(event.encode())
        request.stream.send(chunk(b"data: {")[:-4])
        request.reset()

    return behaviour


@pytest.mark.parametrize("api", APIS, ids=NAMED)
def test_a_cut_stream_ends_in_an_error_event_of_its_api(memproxy, upstream, api):
    upstream.behaviour = cut(api)
    with Client(memproxy.port) as client:
        client.request("POST", api.path, chat_headers(), Conversation(api).user(FACT).body(stream=True))
        client.final_head()
        seen = b""
        with pytest.raises(Closed):
            while True:
                seen += client.chunk()
    last = seen.decode().strip().split("\n\n")[-1]
    data = json.loads(last[last.index("data: ") + 6 :])
    assert last.startswith("data: " if api is Chat else "event: error\n")
    assert data["error"]["message"]
    assert ("type" in data) == (api is not Chat)
    upstream.behaviour = say("What?")
    assert status_of(chat(memproxy, QUESTION)) == ["none:no-hit"]


# --- what ends a turn --------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS, ids=NAMED)
def test_a_tool_loop_is_kept_as_one_exchange(memproxy, upstream, api):
    conversation = Conversation(api, session="s").user(FACT)
    upstream.behaviour = api.answer(None, tool="call_1")
    conversation.send(memproxy)
    conversation.tool_call("call_1")
    upstream.behaviour = api.answer("Poor Biscuit.")
    conversation.send(memproxy)

    chat(memproxy, QUESTION, session="other")
    told = upstream.last.body.decode()
    assert told.count("user: My cat is called Biscuit") == 1
    assert told.count("assistant: Poor Biscuit.") == 1
    assert "green" not in told  # the tool's result
