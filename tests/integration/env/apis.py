"""The APIs that memory understands, as their clients speak them: one conversation, three shapes."""

import copy
import json

from .upstream import chat_chunk, chat_plain
from .wire import call

MARK = {"type": "ephemeral"}


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

    @staticmethod
    def reply(text):
        return chat_plain(text)

    @classmethod
    def answer(cls, text, tool=None):
        def behaviour(request):
            request.read()
            if not tool:
                request.answer(200, chat_plain(text))
                return
            reply = chat_plain(None, "tool_calls")
            reply["choices"][0]["message"]["tool_calls"] = cls.tool_call(tool)[0]["tool_calls"]
            request.answer(200, reply)

        return behaviour


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

    @classmethod
    def answer(cls, text, tool=None):
        def behaviour(request):
            request.read()
            request.answer(200, cls.reply(text, tool))

        return behaviour


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

    @classmethod
    def answer(cls, text, tool=None):
        def behaviour(request):
            request.read()
            request.answer(200, cls.reply(text, tool))

        return behaviour


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
