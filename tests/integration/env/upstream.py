"""A server in LiteLLM's place (or a provider behind it) that does exactly what a test says.

Each request is handed to a behaviour, a function that reads and writes on the raw
connection: so it can stall, cut, trickle, answer early or lie about its length.
"""

import json
import socket
import threading
import time

from .wire import DEADLINE, Closed, Stream, chunk


class Request:
    """One request as it arrived, and the means to answer it."""

    def __init__(self, stream, head, connection):
        self.stream = stream
        self.head = head
        self.connection = connection  # its number: 1, 2 …
        self.method, self.target = head.method, head.target
        self.began = time.monotonic()
        self.body = None  # once read
        self.keep_open = True

    def read(self):
        """The whole body."""
        if self.head.get("expect", "").lower() == "100-continue":
            self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.body = self.stream.body(self.head)
        return self.body

    def json(self):
        return json.loads(self.body)

    def last_text(self):
        """The text of the last message."""
        content = self.json()["messages"][-1]["content"]
        return content if isinstance(content, str) else "\n".join(p.get("text", "") for p in content)

    def answer(self, status=200, body=b"", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = list(headers) + [("Content-Length", str(len(data)))]
        if not any(n.lower() == "content-type" for n, _ in fields):
            fields.append(("Content-Type", "application/json"))
        self.begin(status, fields)
        self.stream.send(data)

    def begin(self, status=200, headers=()):
        fields = "".join(f"{n}: {v}\r\n" for n, v in headers)
        self.stream.send(f"HTTP/1.1 {status} Whatever\r\n{fields}\r\n".encode("latin-1"))

    def begin_stream(self, content_type="text/event-stream; charset=utf-8"):
        self.begin(200, [("Content-Type", content_type), ("Transfer-Encoding", "chunked")])

    def chunk(self, data):
        self.stream.send(chunk(data))

    def event(self, data):
        self.chunk(b"data: %s\n\n" % (data if isinstance(data, bytes) else json.dumps(data).encode()))

    def end_stream(self):
        self.stream.send(b"0\r\n\r\n")

    def close(self):
        self.keep_open = False
        self.stream.close()

    def reset(self):
        self.keep_open = False
        self.stream.reset()

    def gone(self, seconds=DEADLINE):
        return self.stream.gone(seconds)


class FakeUpstream:
    """Listens on a free port; `behaviour` may be exchanged between requests."""

    def __init__(self, behaviour=None):
        self.behaviour = behaviour or say("All right.")
        self.healthy = True
        self.requests = []  # all but health checks
        self.connections = 0
        self.errors = []
        self._changed = threading.Condition()
        self._streams = []
        self.listen_on(socket.create_server(("127.0.0.1", 0), backlog=128))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def listen_on(self, listener):
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """From now on connections are refused, and those there were are closed."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept() under way
        except OSError:
            return  # closed before
        self._listener.close()
        for stream in self._streams:
            stream.close()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            stream = Stream(sock)
            self._streams.append(stream)
            threading.Thread(target=self._serve, args=(stream, self.connections), daemon=True).start()

    def _serve(self, stream, number):
        try:
            stream.sock.settimeout(None)
            while True:
                request = Request(stream, stream.head(), number)
                if request.target == "/health/liveliness":
                    request.read()
                    request.answer(200 if self.healthy else 503, "I'm alive!")
                    continue
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                self.behaviour(request)
                if not request.keep_open:
                    return
        except (Closed, OSError, ValueError):
            pass  # the other end left, or the test is over
        except Exception as e:  # a wrong assertion of a behaviour must not go unseen
            self.errors.append(e)
            raise
        finally:
            stream.close()

    def nth(self, n, seconds=DEADLINE):
        """The n-th request, from 1, as soon as its head has come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= n, seconds):
                raise AssertionError(f"the upstream got {len(self.requests)} requests, not {n}")
            return self.requests[n - 1]

    @property
    def last(self):
        return self.requests[-1]


# --- behaviours ---------------------------------------------------------------------


def chat_chunk(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def chat_plain(text, finish="stop"):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def say(text):
    """Answers every chat with this, plain or as a stream of words, whichever was asked."""

    def behaviour(request):
        body = request.read()
        try:
            stream = bool(json.loads(body).get("stream"))
        except (ValueError, AttributeError):
            stream = False
        if not stream:
            request.answer(200, chat_plain(text))
            return
        request.begin_stream()
        request.event(chat_chunk({"role": "assistant", "content": ""}))
        for word in text.split(" "):
            request.event(chat_chunk({"content": word + " "}))
        request.event(chat_chunk({}, "stop"))
        request.event(b"[DONE]")
        request.end_stream()

    return behaviour
