"""Bytes on their way: when they arrive, when they stop, and how much memory they take."""

import hashlib
import json
import statistics
import threading
import time

import pytest
from conftest import CONFIG
from env.chat import CHAT, ChatStream, chat, chat_body, chat_headers, status_of
from env.programs import wait_until
from env.upstream import chat_chunk, chat_plain, say
from env.wire import Client, Closed, call

MIB = 1 << 20
# AddressSanitizer keeps freed memory for a while, which is not memproxy's to answer for.
NO_QUARANTINE = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


def event(text):
    return chat_chunk({"content": text})


# --- each chunk at once -----------------------------------------------------------------


@pytest.mark.parametrize("wish", ["on", "off"])
def test_every_chunk_arrives_before_the_next_is_sent(memproxy, upstream, wish):
    """The upstream sends one only when the client has the one before."""
    arrived = threading.Semaphore(0)
    words = [f"word{n} " for n in range(20)]

    def lockstep(request):
        request.read()
        request.begin_stream()
        for word in words:
            request.event(event(word))
            assert arrived.acquire(timeout=10), f"{word} did not arrive"
        request.event(chat_chunk({}, "stop"))
        request.event(b"[DONE]")
        request.end_stream()

    upstream.behaviour = lockstep
    with ChatStream(memproxy, "Count.", headers={"x-memory": wish}) as client:
        client.head_of_reply()
        for word in words:
            client.read_to(word.encode())
            arrived.release()
        client.read_to(b"[DONE]")
        assert client.piece() == b""


def test_the_head_arrives_before_the_first_byte(memproxy, upstream):
    go = threading.Event()

    def slow_first_byte(request):
        request.read()
        request.begin_stream()
        assert go.wait(10)
        request.event(b"[DONE]")
        request.end_stream()

    upstream.behaviour = slow_first_byte
    with ChatStream(memproxy, "Think long.") as client:
        assert client.head_of_reply().status == 200
        go.set()
        client.read_to(b"[DONE]")


def test_a_stream_may_pause_for_longer_than_a_head_may_take(launch, upstream):
    """The time for a reply's head does not run on a reply that has begun."""

    def pauses(request):
        request.read()
        request.begin_stream()
        request.event(event("one"))
        assert request.gone(1.2) is None
        request.event(event("two"))
        request.event(b"[DONE]")
        request.end_stream()

    upstream.behaviour = pauses
    program = launch(upstream.url, config={"proxy": {"first_byte_timeout": "500ms", "idle_timeout": "500ms"}})
    with ChatStream(program, "Hello") as client:
        client.head_of_reply()
        client.read_to(b"two")
        client.read_to(b"[DONE]")


def test_an_event_stream_split_anywhere_is_remembered(memproxy, upstream):
    """Chunks have nothing to do with events, nor with characters."""

    def split(request):
        request.read()
        request.begin_stream()
        data = b"".join(b"data: %s\r\n\r\n" % json_bytes(event(w)) for w in ("Biscuit, ", "Grüße ", "日本"))
        data += b": a comment\n\ndata: %s\n\ndata: [DONE]\n\n" % json_bytes(chat_chunk({}, "stop"))
        for at in range(0, len(data), 3):
            request.chunk(data[at : at + 3])
        request.end_stream()

    upstream.behaviour = split
    chat(memproxy, "What is my cat called?", stream=True)
    upstream.behaviour = say("Yes.")
    reply = chat(memproxy, "And my cat is still called so?")
    assert "injected" in status_of(reply)
    assert "Biscuit, Grüße 日本" in upstream.last.last_text()


def json_bytes(value):
    return json.dumps(value, ensure_ascii=False).encode()


# --- somebody leaves ------------------------------------------------------------------------


def leaving_times(memproxy, upstream, rounds, begin):
    """Seconds from the client's close to the upstream's seeing it."""
    seen = []
    done = threading.Semaphore(0)

    def waits(request):
        request.read()
        if begin:
            request.begin_stream()
            request.event(event("begun"))
        seen.append(request.gone())
        done.release()

    upstream.behaviour = waits
    times = []
    for n in range(rounds):
        with ChatStream(memproxy, "Tell me a long story.") as client:
            if begin:
                client.head_of_reply()
                client.read_to(b"begun")
            else:
                upstream.nth(n + 1)
            left = time.monotonic()
        assert done.acquire(timeout=20)
        assert seen[-1] is not None, "the upstream did not see the client leave"
        times.append(seen[-1] - left)
    return times


@pytest.mark.parametrize("begin", [True, False], ids=["mid-stream", "before the first byte"])
def test_a_client_that_leaves_is_seen_upstream_within_100_ms(memproxy, upstream, begin):
    times = leaving_times(memproxy, upstream, 7, begin)
    assert statistics.median(times) < 0.1, times


def test_a_client_that_leaves_litellm_is_seen_by_the_provider(proxied, litellm, provider):
    """The whole way: memproxy closes at once, and LiteLLM then ends the provider's stream."""
    gone = threading.Event()

    def endless(request):
        request.read()
        request.begin_stream()
        n = 0
        while request.stream.gone(0.01) is None:
            n += 1
            request.event({**event(f"word{n} "), "model": "extra"})
        gone.set()

    usual, provider.behaviour = provider.behaviour, endless
    try:
        with ChatStream(proxied, "Go on for ever.", key=litellm.key, model="extra") as client:
            client.head_of_reply()
            client.read_to(b"word3 ")
        assert gone.wait(5)
    finally:
        provider.behaviour = usual


def cut_in_a_chunk(request):
    request.stream.send(b"ff\r\ndata: half an ev")
    request.close()


def cut_between_chunks(request):
    request.close()


def reset(request):
    request.reset()


@pytest.mark.parametrize("cut", [cut_in_a_chunk, cut_between_chunks, reset])
def test_a_cut_stream_ends_in_an_error_and_leaves_nothing(memproxy, upstream, cut):
    arrived = threading.Event()

    def begins_and_breaks(request):
        request.read()
        request.begin_stream()
        request.event(event("Biscuit it "))
        assert arrived.wait(10)
        cut(request)

    upstream.behaviour = begins_and_breaks
    seen = b""
    with ChatStream(memproxy, "My cat is called Crumb.") as client, pytest.raises(Closed):
        client.head_of_reply()
        client.read_to(b"Biscuit")
        arrived.set()
        while piece := client.piece():
            seen += piece
        pytest.fail(f"a clean end: {seen!r}")
    assert b'data: {"error":' in seen
    assert b"[DONE]" not in seen
    assert seen.endswith(b"\n\n")

    upstream.behaviour = say("I do not know.")
    assert status_of(chat(memproxy, "What is my cat called?")) == ["none:no-hit"]


def test_a_cut_plain_reply_does_not_look_whole(memproxy, upstream):
    def short(request):
        request.read()
        body = json_bytes(chat_plain("Biscuit"))
        request.begin(200, [("Content-Type", "application/json"), ("Content-Length", str(len(body) + 10))])
        request.stream.send(body)
        request.close()

    upstream.behaviour = short
    with pytest.raises(Closed):
        chat(memproxy, "My cat is called Crumb.")
    upstream.behaviour = say("I do not know.")
    assert status_of(chat(memproxy, "What is my cat called?")) == ["none:no-hit"]


# --- size -----------------------------------------------------------------------------------


def noise(n):
    """Bytes that JSON can hold as they are, and no two stretches the same."""
    block = b"".join(b"%08x" % i for i in range(n // 8 + 1))
    return block[:n]


def test_twenty_megabytes_pass_both_ways(memproxy, upstream):
    big = noise(20 * MIB)

    def big_reply(request):
        request.read()
        request.answer(200, b'{"choices":[],"text":"%s"}' % big)

    upstream.behaviour = big_reply
    body = b'{"model":"m","messages":[{"role":"user","content":"%s"}]}' % big
    reply = call(memproxy.port, "POST", CHAT, chat_headers(), body)
    assert status_of(reply) == ["none:too-large"]
    assert upstream.last.body == body
    assert reply.body == b'{"choices":[],"text":"%s"}' % big


def test_ten_megabytes_get_their_block(memproxy, upstream):
    chat(memproxy, "My cat is called Biscuit.")
    big = noise(10 * MIB)
    messages = b'{"role":"system","content":"%s"},{"role":"user","content":"What is my cat called?"}' % big
    body = b'{"model":"m","messages":[%s]}' % messages
    reply = call(memproxy.port, "POST", CHAT, chat_headers(), body)
    assert status_of(reply) == ["injected"]
    assert big in upstream.last.body
    assert len(body) < len(upstream.last.body) < len(body) + 8000
    assert "Biscuit" in upstream.last.last_text()


def test_half_a_gigabyte_goes_up_in_constant_memory(launch, upstream):
    total, piece = 500 * MIB, noise(MIB)
    result = {}

    def digest(request):
        seen = hashlib.sha256()
        n = 0
        for part in request.stream.pieces(request.head):
            seen.update(part)
            n += len(part)
        result.update(n=n, digest=seen.hexdigest())
        request.answer(200, {"ok": True})

    upstream.behaviour = digest
    program = launch(upstream.url, sanitizers=NO_QUARANTINE)
    call(program.port, "GET", "/health")
    before = program.memory("VmHWM")
    expected = hashlib.sha256()
    with Client(program.port) as client:
        client.sock.settimeout(60)
        client.request("POST", "/v1/files", [("Content-Length", str(total)), ("Authorization", "Bearer sk-one")])
        for _ in range(total // MIB):
            client.send(piece)
            expected.update(piece)
        assert client.reply().status == 200
    assert result == {"n": total, "digest": expected.hexdigest()}
    assert program.memory("VmHWM") - before < 32 * MIB


@pytest.mark.parametrize("kind", ["stream with memory", "download"])
def test_a_slow_reader_holds_the_upstream_back(launch, upstream, kind):
    """Nobody reads: what memproxy takes in is bounded, and then arrives whole."""
    total, sent = 64 * MIB, []
    piece = b"data: " + noise(64 * 1024) + b"\n\n"

    def fast(request):
        request.read()
        request.begin_stream("text/event-stream" if kind != "download" else "application/octet-stream")
        n = 0
        while n < total:
            request.chunk(piece)
            n += len(piece)
            sent.append(n)
        request.end_stream()

    upstream.behaviour = fast
    program = launch(upstream.url, sanitizers=NO_QUARANTINE)
    call(program.port, "GET", "/health")
    before = program.memory("VmHWM")
    with Client(program.port, receive_buffer=64 * 1024) as client:
        if kind == "download":
            client.request("GET", "/v1/files/f/content", [("Authorization", "Bearer sk-one")])
        else:
            client.request("POST", CHAT, chat_headers(), chat_body("Go.", stream=True))
        head = client.final_head()

        def stalled():
            n = len(sent)
            time.sleep(0.3)
            return n and n == len(sent)

        wait_until(stalled, 20, "the upstream's standstill")
        assert sent[-1] < 24 * MIB, "the upstream was not held back"
        assert program.memory("VmHWM") - before < 16 * MIB
        assert sum(map(len, client.pieces(head))) == sent[-1] >= total
    assert program.memory("VmHWM") - before < 16 * MIB


def test_a_reader_that_never_reads_is_given_up(launch, upstream):
    gone = threading.Event()

    def fast(request):
        request.read()
        request.begin_stream()
        try:
            while True:
                request.chunk(b"data: " + b"x" * 65536 + b"\n\n")
        except OSError:
            gone.set()

    upstream.behaviour = fast
    program = launch(upstream.url, config={**CONFIG, "proxy": {"stall_timeout": "500ms"}})
    with Client(program.port, receive_buffer=64 * 1024) as client:
        client.request("POST", CHAT, chat_headers(), chat_body("Go.", stream=True))
        client.final_head()
        assert gone.wait(15)


def test_a_trickling_client_is_served(memproxy, upstream):
    request = chat_body("Hello there")
    with Client(memproxy.port) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(request)}\r\n\r\n".encode()
        for byte in head + request:
            client.send(bytes([byte]))
        assert client.reply().status == 200
    assert upstream.last.body == request


def test_many_requests_go_over_one_connection(memproxy, upstream):
    with Client(memproxy.port) as client:
        for n in range(50):
            client.request("POST", CHAT, chat_headers(), chat_body(f"Number {n}", stream=n % 2 == 0))
            assert client.reply().status == 200
    assert len(upstream.requests) == 50
    assert upstream.connections < 10


def test_many_streams_run_at_once(memproxy, upstream):
    everybody = threading.Barrier(60, timeout=30)

    def together(request):
        request.read()
        request.begin_stream()
        request.event(event("begun"))
        everybody.wait()
        request.event(chat_chunk({}, "stop"))
        request.event(b"[DONE]")
        request.end_stream()

    upstream.behaviour = together
    clients = [ChatStream(memproxy, f"Hello {n}") for n in range(60)]
    for client in clients:
        client.head_of_reply()
    for client in clients:
        client.read_to(b"[DONE]")
        assert client.piece() == b""
        client.close()


def test_several_workers_share_port_and_memory(launch, upstream):
    program = launch(upstream.url, config={**CONFIG, "proxy": {"workers": 3}})
    chat(program, "My cat is called Biscuit.")
    clients = [ChatStream(program, "What is my cat called?", headers={"x-memory": "read"}) for _ in range(24)]
    for client in clients:
        head = client.head_of_reply()
        assert head.get("x-memory-status") == "injected"
        client.read_to(b"[DONE]")
        client.close()
