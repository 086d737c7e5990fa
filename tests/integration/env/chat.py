"""Chat requests as the tests send them."""

import json

from .wire import Client, call

CHAT = "/v1/chat/completions"


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def chat_body(messages, model="m", stream=False, **fields):
    if isinstance(messages, str):
        messages = [user(messages)]
    body = {"model": model, "messages": messages, **fields}
    if stream:
        body["stream"] = True
    return json.dumps(body, ensure_ascii=False).encode()


def chat_headers(name=None, key="sk-one", session=None, headers=()):
    fields = [("Content-Type", "application/json")]
    if key:
        fields.append(("Authorization", f"Bearer {key}"))
    if name:
        fields.append(("x-memory-user-id", name))
    if session:
        fields.append(("x-session-id", session))
    return fields + list(dict(headers).items())


def chat(server, messages, name=None, key="sk-one", session=None, headers=(), **body):
    """One chat on a connection of its own; anything but a whole reply raises."""
    return call(server.port, "POST", CHAT, chat_headers(name, key, session, headers), chat_body(messages, **body))


def status_of(reply):
    """The words of x-memory-status."""
    return reply.get("x-memory-status", "").split(",")


class ChatStream(Client):
    """A streamed chat under way: read piece by piece, or left."""

    def __init__(self, server, messages, name=None, key="sk-one", session=None, headers=(), **body):
        super().__init__(server.port)
        fields = chat_headers(name, key, session, headers)
        self.request("POST", CHAT, fields, chat_body(messages, stream=True, **body))

    def head_of_reply(self):
        self.reply_head = self.final_head()
        return self.reply_head

    def piece(self):
        """The next chunk; b"" is the clean end; Closed is raised where it is cut."""
        return self.chunk()

    def read_to(self, text):
        """What comes up to and with the chunk that holds a text."""
        seen = b""
        while text not in seen:
            piece = self.piece()
            assert piece, f"the stream ended without {text!r}: {seen!r}"
            seen += piece
        return seen
