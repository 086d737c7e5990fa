"""HTTP/1.1 as bytes on a socket, for both ends: nothing here hides what was sent."""

import json
import select
import socket
import time

DEADLINE = 20.0  # for anything that should happen at once


class Head:
    """A request's or reply's head: its first line and its fields in order, as sent."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = [tuple(p.strip() if i else p for i, p in enumerate(x.split(":", 1))) for x in lines[1:] if x]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        return found[0] if found else default

    @property
    def method(self):
        return self.line.split(" ")[0]

    @property
    def target(self):
        return self.line.split(" ")[1]

    @property
    def status(self):
        return int(self.line.split(" ")[1])

    @property
    def chunked(self):
        return self.get("transfer-encoding", "").lower() == "chunked"


class Closed(Exception):
    """The other end closed, or reset, the connection."""


class Stream:
    """A socket with a buffer in front, so that heads and bodies can be read off it."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        sock.settimeout(DEADLINE)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes so that the other end sees a reset, not an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def _more(self):
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionError as e:
            raise Closed from e
        if not data:
            raise Closed
        self.buffer += data

    def until(self, mark):
        """Everything up to and with a mark."""
        scanned = 0
        while (at := self.buffer.find(mark, max(0, scanned - len(mark)))) < 0:
            scanned = len(self.buffer)
            self._more()
        return self.take(at + len(mark))

    def take(self, n):
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def exactly(self, n):
        parts = [self.take(n)]
        n -= len(parts[0])
        while n:
            self._more()
            parts.append(self.take(n))
            n -= len(parts[-1])
        return b"".join(parts)

    def head(self):
        return Head(self.until(b"\r\n\r\n"))

    def chunk(self):
        """The next chunk of a chunked body; b"" is its end."""
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        data = self.exactly(size)
        if self.until(b"\r\n") != b"\r\n":
            raise ValueError("a chunk has no end")
        return data

    def pieces(self, head, to_head=False):
        """A body's content as it comes. Closed is raised where it is cut."""
        if to_head or (head.line.startswith("HTTP/") and head.status in (204, 304)):
            return
        if head.chunked:
            while piece := self.chunk():
                yield piece
        elif head.get("content-length") is not None:
            left = int(head.get("content-length"))
            while left:
                if not self.buffer:
                    self._more()
                piece = self.take(left)
                left -= len(piece)
                yield piece
        elif head.line.startswith("HTTP/"):
            yield self.rest()

    def body(self, head, to_head=False):
        return b"".join(self.pieces(head, to_head))

    def rest(self):
        """Everything until the other end closes."""
        try:
            while True:
                self._more()
        except Closed:
            return self.take(len(self.buffer))

    def gone(self, seconds):
        """When (time.monotonic()) the other end closed; None if it did not in that time.
        What it sends meanwhile is kept."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                break
            try:
                self._more()
            except Closed:
                return time.monotonic()
        return None


class Reply:
    def __init__(self, head, body):
        self.head = head
        self.status = head.status
        self.body = body

    def get(self, name, default=None):
        return self.head.get(name, default)

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The data of an event stream's events, parsed where it is JSON."""
        found = []
        for line in self.body.split(b"\n"):
            if line.startswith(b"data: "):
                data = line[6:].strip().decode()
                found.append(data if data == "[DONE]" else json.loads(data))
        return found

    def __repr__(self):
        return f"<{self.head.line} {self.body[:300]!r}>"


class Client(Stream):
    """A client's connection to a port of this machine."""

    def __init__(self, port, receive_buffer=None):
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE)
        sock.connect(("127.0.0.1", port))
        super().__init__(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, target, headers=(), body=None):
        self.send(request_bytes(method, target, headers, body))

    def final_head(self):
        """The next head that is not a 1xx."""
        while (head := self.head()).status < 200:
            pass
        return head

    def reply(self, to_head=False):
        head = self.final_head()
        return Reply(head, self.body(head, to_head))


def request_bytes(method, target, headers=(), body=None):
    fields = list(headers.items() if isinstance(headers, dict) else headers)
    names = {n.lower() for n, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "127.0.0.1"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
    return head.encode("latin-1") + (body or b"")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def call(port, method, target, headers=(), body=None):
    """One request on a connection of its own."""
    with Client(port) as c:
        c.request(method, target, headers, body)
        return c.reply(to_head=method == "HEAD")
