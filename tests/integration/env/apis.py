"""The APIs that memory understands, as their clients speak them: one conversation, three shapes."""

import copy
import itertools
import json

from .upstream import chat_chunk, chat_plain
from .wire import call

MARK = {"type": "ephemeral"}


def events(reply):
    """The data of an event stream, each as JSON; what is none (`[DONE]`) is left out."""
    lines = (line for line in reply.body.decode().split("\n") if line.startswith("data: {"))
    return [json.loads(line.removeprefix("data: ")) for line in lines]


class Answer:
    """A behaviour that says a text, streamed or not as was asked, or calls a tool."""

    def __init__(self, api, text, tool=None):
        self.api, self.text, self.tool = api, text, tool

    def __call__(self, request):
        asked = json.loads(request.read())
        if self.tool or not asked.get("stream"):
            request.answer(200, self.api.reply(self.text, self.tool))
            return
        request.begin_stream()
        for event in self.api.stream(self.text):
            request.chunk(event.encode())
        request.end_stream()


def sse(data, named=True):
    name = f"event: {data['type']}\n" if named else ""
    return f"{name}data: {json.dumps(data)}\n\n"


class Chat:
    name = "chat"
    path = "/v1/chat/completions"
    end = b"]"  # of the list of messages, which the body ends with

    @staticmethod
    def body(messages, **fields):
        system = {"role": "system", "content": "You are a gardener."}
        return {"model": "m", **fields, "messages": [system, *messages]}

    @staticmethod
    def user(text, mark=False):
        if not mark:
            return {"role": "user", "content": text}
        return {"role": "user", "content": [{"type": "text", "text": text, "cache_control": MARK}]}

    @staticmethod
    def assistant(text):
        return {"role": "assistant", "content": text}

    @staticmethod
    def tool_call(call_id):
        function = {"name": "look", "arguments": "{}"}
        calls = [{"id": call_id, "type": "function", "function": function}]
        return [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": call_id, "content": "green"},
        ]

    @classmethod
    def reply(cls, text, tool=None):
        if not tool:
            return chat_plain(text)
        reply = chat_plain(None, "tool_calls")
        reply["choices"][0]["message"]["tool_calls"] = cls.tool_call(tool)[0]["tool_calls"]
        return reply

    @staticmethod
    def stream(text):
        for piece in text.split(" "):
            yield f"data: {json.dumps(chat_chunk({'content': piece + ' '}))}\n\n"
        yield f"data: {json.dumps(chat_chunk({}, 'stop'))}\n\n"
        yield "data: [DONE]\n\n"

    @staticmethod
    def said(reply, stream):
        if not stream:
            return reply.json()["choices"][0]["message"]["content"]
        return "".join(c["delta"].get("content") or "" for e in events(reply) for c in e["choices"])

    @classmethod
    def answer(cls, text, tool=None):
        return Answer(cls, text, tool)


class Messages:
    name = "messages"
    path = "/v1/messages"
    end = b"]"

    @staticmethod
    def body(messages, **fields):
        system = [{"type": "text", "text": "You are a gardener.", "cache_control": MARK}]
        return {"model": "m", "max_tokens": 100, "system": system, **fields, "messages": messages}

    @staticmethod
    def user(text, mark=False):
        if not mark:
            return {"role": "user", "content": text}
        return {"role": "user", "content": [{"type": "text", "text": text, "cache_control": MARK}]}

    @staticmethod
    def assistant(text):
        return {"role": "assistant", "content": [{"type": "text", "text": text}]}

    @staticmethod
    def tool_call(call_id):
        return [
            {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": "green"}]},
        ]

    @staticmethod
    def reply(text, tool=None):
        content = [{"type": "tool_use", "id": tool, "name": "look", "input": {}}] if tool else [{"type": "text", "text": text}]
        usage = {"input_tokens": 1, "output_tokens": 2}
        reason = "tool_use" if tool else "end_turn"
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": reason, "usage": usage}

    @staticmethod
    def stream(text):
        begun = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
        yield sse({"type": "message_start", "message": begun})
        yield sse({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        yield sse({"type": "ping"})
        for piece in text.split(" "):
            delta = {"type": "text_delta", "text": piece + " "}
            yield sse({"type": "content_block_delta", "index": 0, "delta": delta})
        yield sse({"type": "content_block_stop", "index": 0})
        yield sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})
        yield sse({"type": "message_stop"})

    @staticmethod
    def said(reply, stream):
        if not stream:
            return "".join(b.get("text", "") for b in reply.json()["content"])
        return "".join(e["delta"].get("text", "") for e in events(reply) if e["type"] == "content_block_delta")

    @classmethod
    def answer(cls, text, tool=None):
        return Answer(cls, text, tool)


class Responses:
    name = "responses"
    path = "/v1/responses"
    end = b"]"

    @staticmethod
    def body(items, **fields):
        return {"model": "m", "instructions": "You are a gardener.", "store": False, **fields, "input": items}

    @staticmethod
    def user(text, mark=False):  # the API has no marks
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}

    @staticmethod
    def assistant(text):
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}

    @staticmethod
    def tool_call(call_id):
        return [
            {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": call_id, "output": "green"},
        ]

    @staticmethod
    def reply(text, tool=None, reply_id="resp_1"):
        message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]}
        output = [{"type": "function_call", "call_id": tool, "name": "look", "arguments": "{}"}] if tool else [message]
        return {"id": reply_id, "object": "response", "status": "completed", "model": "m", "output": output}

    named = itertools.cycle((False, True))  # LiteLLM's streams name no events, OpenAI's do

    @classmethod
    def stream(cls, text):
        named = next(cls.named)
        running = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
        yield sse({"type": "response.created", "response": running}, named)
        item = {"type": "message", "role": "assistant", "content": []}
        yield sse({"type": "response.output_item.added", "output_index": 0, "item": item}, named)
        for piece in text.split(" "):
            yield sse({"type": "response.output_text.delta", "output_index": 0, "delta": piece + " "}, named)
        yield sse({"type": "response.completed", "response": cls.reply(text + " ")}, named)
        if not named:
            yield "data: [DONE]\n\n"

    @staticmethod
    def said(reply, stream):
        if stream:
            return "".join(e["delta"] for e in events(reply) if e["type"] == "response.output_text.delta")
        return "".join(p["text"] for i in reply.json()["output"] if i["type"] == "message" for p in i["content"])

    @classmethod
    def answer(cls, text, tool=None):
        return Answer(cls, text, tool)


APIS = [Chat, Messages, Responses]


class Conversation:
    """What a client that resends its history sends."""

    def __init__(self, api, session=None, name=None, key="sk-one", marks=False):
        self.api = api
        self.marks = marks
        self.messages = []
        self.headers = [("Content-Type", "application/json"), ("Authorization", f"Bearer {key}")]
        if session:
            self.headers.append(("x-session-id", session))
        if name:
            self.headers.append(("x-memory-user-id", name))

    def user(self, text):
        """Clients move their mark to the newest message."""
        if self.marks:
            for message in self.messages:
                self._unmark(message)
        self.messages.append(self.api.user(text, self.marks))
        return self

    @staticmethod
    def _unmark(message):
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            part.pop("cache_control", None)

    def assistant(self, text):
        self.messages.append(self.api.assistant(text))
        return self

    def tool_call(self, call_id):
        self.messages += self.api.tool_call(call_id)
        return self

    def body(self, **fields):
        return json.dumps(self.api.body(copy.deepcopy(self.messages), **fields)).encode()

    def send(self, server, **fields):
        return call(server.port, "POST", self.api.path, self.headers, self.body(**fields))
