"""Where a request ends, asked over real sockets: no two programs in a row may disagree.

The rows are a selection; the whole table is tested against the gate itself.
"""

import pytest
from env.chat import CHAT, chat_body
from env.wire import Client, Closed

HOST = b"Host: a\r\n"
# A request that only a wrong framing would find.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*fields, body=b"", line=b"POST /v1/x HTTP/1.1"):
    return line + b"\r\n" + HOST + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body


REFUSED = {
    "two lengths that differ": (400, post(b"Content-Length: 3", b"Content-Length: 5", body=b"abc")),
    "two equal lengths": (400, post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    "a list of lengths": (400, post(b"Content-Length: 3, 3", body=b"abc")),
    "length with a sign": (400, post(b"Content-Length: +3", body=b"abc")),
    "negative length": (400, post(b"Content-Length: -1")),
    "hexadecimal length": (400, post(b"Content-Length: 0x3", body=b"abc")),
    "length beyond 64 bits": (400, post(b"Content-Length: 18446744073709551619", body=b"abc")),
    "blank before the colon": (400, post(b"Content-Length : 3", body=b"abc")),
    "length and chunked": (400, post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "identity coding": (501, post(b"Transfer-Encoding: identity", body=HIDDEN)),
    "gzip coding": (501, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "vertical tab before chunked": (400, post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n")),
    "chunked twice": (400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "chunked in HTTP/1.0": (400, post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", line=b"POST / HTTP/1.0")),
    "folded line": (400, post(b"X-A: b\r\n c")),
    "folded length": (400, post(b"Content-Length:\r\n 3", body=b"abc")),
    "NUL in a value": (400, post(b"X-A: a\0b")),
    "line that begins with NUL": (400, post(b"\0", body=HIDDEN)),
    "bare LF": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "bare CR in a value": (400, post(b"X-A: a\rb")),
    "name with a blank": (400, post(b"X A: b")),
    "empty name": (400, post(b": v")),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, post(b"Host: b")),
    "Host with a slash": (400, b"GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n"),
    "target with a blank": (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "target without a slash": (400, b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    "target with a fragment": (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "HTTP/1.-1": (400, b"GET / HTTP/1.-1\r\nHost: a\r\n\r\n"),
    "no version": (400, b"GET /\r\n\r\n"),
    "CONNECT": (501, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
    "TRACE": (501, b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "unknown expectation": (417, post(b"Expect: banana", b"Content-Length: 3")),
    "a very long target": (414, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "too many headers": (431, post(*[b"X-%d: v" % n for n in range(1900)])),
    "too large a head": (431, post(*[b"X-%d: " % n + b"v" * 1000 for n in range(100)])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_could_be_read_two_ways_is_refused(memproxy, upstream, name):
    status, sent = REFUSED[name]
    with Client(memproxy.port) as client:
        client.send(sent + HIDDEN)
        reply = client.reply()
        assert reply.status == status
        assert reply.json()["error"]["type"] == "invalid_request_error"
        with pytest.raises(Closed):  # nothing after it is taken for a request
            client.head()
    assert not upstream.requests


CHUNKED = b"Transfer-Encoding: chunked"
BAD_CHUNKS = {
    "size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "blank before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "no CRLF after the data": b"3\r\nabcX0\r\n\r\n",
    "bare LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "size beyond 64 bits": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("path", [CHAT.encode(), b"/v1/x"], ids=["collected", "streamed"])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_body_that_is_malformed_ends_the_connection(memproxy, upstream, name, path):
    with Client(memproxy.port) as client:
        client.send(post(CHUNKED, body=BAD_CHUNKS[name] + HIDDEN, line=b"POST " + path + b" HTTP/1.1"))
        assert client.reply().status == 400
        with pytest.raises(Closed):
            client.head()
    assert all(r.target != "/hidden" for r in upstream.requests)


ACCEPTED = {
    "CRLF before the request": (b"\r\n\r\n" + post(b"Content-Length: 3", body=b"abc"), "/v1/x", b"abc"),
    "absolute form": (b"GET http://other:99/v1/y?q HTTP/1.1\r\nHost: a\r\n\r\n", "/v1/y?q", b""),
    "chunk extensions": (post(CHUNKED, body=b"3;a=b\r\nabc\r\n0\r\n\r\n"), "/v1/x", b"abc"),
    "trailers": (post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-T: v\r\n\r\n"), "/v1/x", b"abc"),
    "a method of one's own": (post(b"Content-Length: 3", body=b"abc", line=b"PURGE /v1/x HTTP/1.1"), "/v1/x", b"abc"),
    "leading zeros": (post(b"Content-Length: 003", body=b"abc"), "/v1/x", b"abc"),
    "upper-case coding": (post(b"transfer-ENCODING: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"), "/v1/x", b"abc"),
    "dot segments": (b"GET /v1/../x/./y//z HTTP/1.1\r\nHost: a\r\n\r\n", "/v1/../x/./y//z", b""),
    "an empty value": (post(b"X-Empty:", b"Content-Length: 0"), "/v1/x", b""),
    "h2c upgrade": (post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"), "/v1/x", b""),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_unusual_and_legal_passes(memproxy, upstream, name):
    """And so does the request behind it, on the same connection."""
    sent, target, body = ACCEPTED[name]
    with Client(memproxy.port) as client:
        client.send(sent + b"GET /v1/next HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.reply().status == 200
        assert client.reply().status == 200
    assert [(r.target, r.body) for r in upstream.requests] == [(target, body), ("/v1/next", b"")]
    head = upstream.requests[0].head
    assert not head.all("trailer") and not head.all("x-t") and not head.all("upgrade")


def test_the_absolute_form_says_the_host(memproxy, upstream):
    with Client(memproxy.port) as client:
        client.send(b"GET http://other:99/ HTTP/1.1\r\nHost: a\r\n\r\n")
        client.reply()
    assert upstream.last.head.all("host") == ["other:99"]


def test_the_body_of_a_head_is_read_and_dropped(memproxy, upstream):
    with Client(memproxy.port) as client:
        client.send(post(b"Content-Length: %d" % len(HIDDEN), body=HIDDEN, line=b"HEAD /v1/x HTTP/1.1"))
        assert client.reply(to_head=True).status == 200
        client.request("GET", "/v1/next")
        assert client.reply().status == 200
    assert [r.target for r in upstream.requests] == ["/v1/x", "/v1/next"]


def test_http_1_0_gets_its_reply_and_the_end(memproxy, upstream):
    with Client(memproxy.port) as client:
        body = chat_body("Hello", stream=True)
        line = f"POST {CHAT} HTTP/1.0".encode()
        client.send(post(b"Content-Length: %d" % len(body), body=body, line=line))
        head = client.head()
        assert head.status == 200
        assert not head.chunked
        assert client.rest().endswith(b"data: [DONE]\n\n")


def test_100_continue_is_said_before_the_body(memproxy, upstream):
    body = chat_body("Hello")
    for path in (CHAT, "/v1/x"):
        with Client(memproxy.port) as client:
            client.request("POST", path, [("Expect", "100-continue"), ("Content-Length", str(len(body)))])
            assert client.head().status == 100
            client.send(body)
            assert client.reply().status == 200
        assert upstream.last.body == body


def test_names_that_we_add_cannot_be_taken_away_or_forged(memproxy, upstream):
    fields = [
        b"Connection: x-sm-user-id, x-request-id",
        b"x_sm_user_id: mallory",
        b"X-Memory_User-Id: mallory",
        b"x-memory-user-id: anna",
        b"x_harmless: kept",
        b"Content-Length: 3",
    ]
    with Client(memproxy.port) as client:
        body = chat_body("Hello")
        fields[-1] = b"Content-Length: %d" % len(body)
        client.send(post(*fields, body=body, line=f"POST {CHAT} HTTP/1.1".encode()))
        assert client.reply().status == 200
    head = upstream.last.head
    assert head.all("x-sm-user-id") == ["anna"]
    assert head.all("x-request-id")
    assert "mallory" not in head.raw.decode()
    assert head.all("x_harmless") == ["kept"]


def test_pipelined_requests_are_answered_in_order(memproxy, upstream):
    with Client(memproxy.port) as client:
        client.send(b"".join(b"GET /v1/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(20)))
        for _ in range(20):
            assert client.reply().status == 200
    assert [r.target for r in upstream.requests] == [f"/v1/{n}" for n in range(20)]


@pytest.mark.parametrize("close", [b"Connection: close", b"Connection: foo, close"])
def test_connection_close_closes(memproxy, upstream, close):
    with Client(memproxy.port) as client:
        client.send(post(close, b"Content-Length: 0"))
        assert client.reply().status == 200
        with pytest.raises(Closed):
            client.head()


@pytest.mark.parametrize("sent", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-A"])
def test_a_head_that_does_not_come_is_given_up(launch, upstream, sent):
    program = launch(upstream.url, config={"proxy": {"head_timeout": "300ms"}})
    with Client(program.port) as client:
        client.send(sent)
        assert client.reply().status == 408
        with pytest.raises(Closed):
            client.head()


def test_a_slow_loris_is_given_up(launch, upstream):
    """A byte now and then does not keep a head open."""
    program = launch(upstream.url, config={"proxy": {"head_timeout": "500ms"}})
    with Client(program.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        gone = None
        for _ in range(100):
            try:
                client.send(b"a")
            except OSError:
                break
            gone = client.gone(0.1)
            if gone:
                break
        else:
            pytest.fail("the head may take for ever")


@pytest.mark.parametrize("path", [CHAT, "/v1/x"], ids=["collected", "streamed"])
def test_a_body_that_does_not_come_is_given_up(launch, upstream, path):
    program = launch(upstream.url, config={"proxy": {"body_timeout": "300ms"}})
    with Client(program.port) as client:
        client.request("POST", path, [("Content-Length", "100")])
        client.send(b"half")
        assert client.reply().status == 408
        with pytest.raises(Closed):
            client.head()


def test_an_idle_connection_is_closed(launch, upstream):
    program = launch(upstream.url, config={"proxy": {"idle_timeout": "300ms"}})
    with Client(program.port) as client:
        client.request("GET", "/health")
        assert client.reply().status == 200
        assert client.gone(10)
