"""LiteLLM is away, slow, broken or refuses: what the client is told."""

import gzip
import re
import socket
import threading

import pytest
from env.chat import CHAT, ChatStream, chat, chat_body, chat_headers, status_of
from env.programs import free_port
from env.upstream import chat_plain, say
from env.wire import Client, Closed, call, request_bytes

MIB = 1 << 20


def assert_own_error(reply, status, kind):
    """OpenAI's shape, `code` a string as LiteLLM's are, and an id to ask about."""
    assert reply.status == status, reply
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == kind
    assert isinstance(error["code"], str) and len(error["message"]) > 20
    assert reply.get("content-type") == "application/json"
    assert reply.get("x-request-id")


def test_litellm_not_there_is_502(launch):
    program = launch(f"http://127.0.0.1:{free_port()}")
    for stream in (False, True):
        reply = chat(program, "Hello", stream=stream, headers={"x-request-id": "mine"})
        assert_own_error(reply, 502, "connection_error")
        assert reply.get("x-request-id") == "mine"
    assert_own_error(call(program.port, "GET", "/v1/models"), 502, "connection_error")


def test_litellm_coming_back_needs_no_restart(launch, upstream):
    """Down, up, down: each request finds out for itself."""
    program = launch(upstream.url)
    assert chat(program, "Hello").status == 200
    upstream.close()
    assert chat(program, "Hello").status == 502
    again = socket.create_server(("127.0.0.1", upstream.port))
    upstream.listen_on(again)
    assert chat(program, "Hello").status == 200


def test_a_reply_that_does_not_begin_is_504(launch, upstream):
    upstream.behaviour = lambda request: request.read() and request.gone()
    program = launch(upstream.url, config={"proxy": {"first_byte_timeout": "300ms"}})
    assert_own_error(chat(program, "Hello"), 504, "timeout_error")


def test_a_connection_that_is_not_accepted_is_504(launch):
    """A listener whose queue is full lets no more handshakes through."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        program = launch(url, config={"proxy": {"connect_timeout": "500ms"}})
        assert_own_error(chat(program, "Hello"), 504, "timeout_error")
        for s in waiting:
            s.close()


def closes(request):
    request.read()
    request.close()


def resets(request):
    request.read()
    request.reset()


@pytest.mark.parametrize("ends", [closes, resets])
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_a_connection_that_dies_without_a_reply_is_502_and_sent_once(memproxy, upstream, ends, reused):
    """Nothing is sent again: the model may have been paid for already."""
    with Client(memproxy.port) as client:
        if reused:
            client.request("POST", CHAT, chat_headers(), chat_body("Hello"))
            assert client.reply().status == 200
        before = len(upstream.requests)
        upstream.behaviour = ends
        client.request("POST", CHAT, chat_headers(), chat_body("Once only"))
        assert_own_error(client.reply(), 502, "api_connection_error")
    upstream.behaviour = say("Fine.")
    assert chat(memproxy, "Hello").status == 200
    assert len(upstream.requests) == before + 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
    ],
    ids=["ssh", "two lengths", "length and chunked", "no status"],
)
def test_what_is_no_http_is_502(memproxy, upstream, garbage):
    def talks_nonsense(request):
        request.read()
        request.stream.send(garbage)
        request.close()

    upstream.behaviour = talks_nonsense
    reply = chat(memproxy, "Hello")
    assert reply.status == 502
    assert reply.json()["error"]["type"] in ("invalid_response_error", "api_connection_error")
    assert reply.get("x-request-id")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529])
def test_refusals_of_litellm_pass_as_they_are(memproxy, upstream, status):
    body = b'{"error": {"message": "Gr\xc3\xbc\xc3\x9fe",  "type":"x","param":null,"code":"%d"}}' % status
    headers = [("llm_provider-retry-after", "7"), ("x-litellm-timeout", "1.5"), ("Retry-After", "7")]

    def refuses(request):
        request.read()
        request.answer(status, body, headers)

    upstream.behaviour = refuses
    for stream in (False, True):
        reply = chat(memproxy, "Hello", stream=stream)
        assert (reply.status, reply.body) == (status, body)
        for name, value in headers:
            assert reply.head.all(name) == [value]


def test_interim_replies_are_passed_over(memproxy, upstream):
    def early_hints(request):
        request.read()
        request.stream.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
        request.answer(200, chat_plain("Hello."))

    upstream.behaviour = early_hints
    assert chat(memproxy, "Hello").json()["choices"][0]["message"]["content"] == "Hello."


def test_an_early_answer_reaches_a_client_that_still_sends(memproxy, upstream):
    """LiteLLM refuses at the head; the client finds the answer however much it had left."""

    def refuses_unread(request):
        request.answer(401, {"error": {"message": "no"}}, [("Connection", "close")])
        request.stream.sock.shutdown(socket.SHUT_WR)
        while request.stream.sock.recv(MIB):  # a close with unread bytes would be a reset
            pass
        request.close()

    upstream.behaviour = refuses_unread
    with Client(memproxy.port) as client:
        headers = [("Content-Length", str(100 * MIB)), ("Authorization", "Bearer sk-wrong")]
        client.request("POST", "/v1/files", headers)
        statuses = []
        reader = threading.Thread(target=lambda: statuses.append(client.final_head().status))
        reader.start()
        try:
            for _ in range(100):
                client.send(b"x" * MIB)
        except OSError:
            pass  # memproxy has stopped listening to the rest
        reader.join(20)
    assert statuses == [401]


def test_an_answer_before_the_body_ends_is_relayed_while_it_goes_on(memproxy, upstream):
    more = threading.Event()

    def answers_first(request):
        request.begin_stream("application/octet-stream")
        request.chunk(b"first")
        assert more.wait(10)
        body = request.read()
        request.chunk(b"then %d" % len(body))
        request.end_stream()

    upstream.behaviour = answers_first
    with Client(memproxy.port) as client:
        client.request("POST", "/v1/audio/transcriptions", [("Content-Length", "10")])
        client.send(b"12345")
        head = client.final_head()
        assert client.chunk() == b"first"
        more.set()
        client.send(b"67890")
        assert b"".join(client.pieces(head)) == b"then 10"


def gzipped(text):
    body = gzip.compress(text)

    def behaviour(request):
        request.read()
        request.answer(200, body, [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")])

    behaviour.body = body
    return behaviour


def test_gzip_passes_where_there_is_no_memory(memproxy, upstream):
    upstream.behaviour = gzipped(b"x" * 5000)
    for path, headers in (("/v1/other", {}), (CHAT, {"x-memory": "off"})):
        fields = [*chat_headers(headers=headers), ("Accept-Encoding", "gzip, br")]
        reply = call(memproxy.port, "POST", path, fields, chat_body("Hello"))
        assert upstream.last.head.all("accept-encoding") == ["gzip, br"]
        assert reply.body == upstream.behaviour.body
        assert reply.get("content-encoding") == "gzip"


def test_replies_to_be_remembered_are_asked_for_readable(memproxy, upstream):
    chat(memproxy, "Hello", headers={"Accept-Encoding": "gzip"})
    assert upstream.last.head.all("accept-encoding") == ["identity"]


def test_a_reply_gzipped_all_the_same_passes_and_is_not_remembered(memproxy, upstream):
    upstream.behaviour = gzipped(b'{"choices":[{"message":{"content":"Biscuit"},"finish_reason":"stop"}]}')
    reply = chat(memproxy, "What is my cat called?")
    assert reply.status == 200
    assert reply.body == upstream.behaviour.body
    upstream.behaviour = say("I do not know.")
    assert status_of(chat(memproxy, "What is my cat called then?")) == ["none:no-hit"]


def test_a_drain_ends_what_runs_and_takes_nothing_new(memproxy, upstream):
    go = threading.Event()

    def waits(request):
        request.read()
        request.begin_stream()
        request.chunk(b"data: begun\n\n")
        assert go.wait(15)
        request.event(b"[DONE]")
        request.end_stream()

    upstream.behaviour = waits
    with ChatStream(memproxy, "Hello") as client, Client(memproxy.port) as idle:
        idle.request("GET", "/health")
        assert idle.reply().status == 200
        client.head_of_reply()
        client.read_to(b"begun")
        memproxy.process.terminate()
        assert idle.gone(10), "an idle connection stays open"
        with pytest.raises((OSError, Closed)), Client(memproxy.port) as late:
            late.sock.settimeout(0.5)
            late.request("GET", "/health")
            late.reply()
        assert memproxy.process.poll() is None
        go.set()
        client.read_to(b"[DONE]")
        assert client.piece() == b""
    assert memproxy.wait() == 0


def test_a_drain_does_not_wait_for_ever(launch, upstream):
    upstream.behaviour = lambda request: request.read() and request.gone()
    program = launch(upstream.url, config={"proxy": {"drain_timeout": "300ms"}})
    with Client(program.port) as client:
        client.send(request_bytes("POST", CHAT, chat_headers(), chat_body("Hello")))
        upstream.nth(1)
        program.process.terminate()
        assert client.gone(10)
    assert program.wait() == 0


def test_the_log_names_each_request_once_and_no_secret(memproxy, upstream):
    chat(memproxy, "My cat is called Biscuit.", key="sk-very-secret", headers={"x-request-id": "id-of-mine"})
    call(memproxy.port, "GET", "/v1/models?api_key=sk-in-a-query", [("x-api-key", "sk-also-secret")])
    memproxy.stop()
    log = memproxy.output()
    assert len(re.findall("id-of-mine", log)) == 1
    for secret in ("sk-very-secret", "sk-in-a-query", "sk-also-secret", "Biscuit"):
        assert secret not in log
