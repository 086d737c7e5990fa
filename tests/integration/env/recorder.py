"""A TCP relay that keeps every byte that passed, each way."""

import io
import socket
import threading

from .wire import Closed, Stream


class Bytes(Stream):
    """What was recorded, read as if it came from a socket."""

    def __init__(self, data):
        self.buffer = b""
        self._file = io.BytesIO(data)

    def _more(self):
        data = self._file.read(1 << 20)
        if not data:
            raise Closed
        self.buffer += data


class Recorder:
    """Listens on a free port and passes everything to `port`."""

    def __init__(self, port):
        self._to = port
        self.connections = []  # (bytearray of the client's, bytearray of the server's)
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for s in [self._listener, *self._sockets]:
            s.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += [client, server]
            sent, received = bytearray(), bytearray()
            self.connections.append((sent, received))
            for a, b, log in ((client, server, sent), (server, client, received)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(a, b, log), daemon=True).start()

    @staticmethod
    def _pump(source, to, log):
        try:
            while data := source.recv(65536):
                log += data  # before it goes on: whoever sees its effect finds it here
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            to.close()

    def requests(self, path):
        """(head, body) of every request to a path, in the order of each connection."""
        found = []
        for sent, _ in self.connections:
            stream = Bytes(bytes(sent))
            try:
                while True:
                    head = stream.head()
                    body = stream.body(head)
                    if head.target.split("?")[0] == path:
                        found.append((head, body))
            except Closed:
                pass
        return found
