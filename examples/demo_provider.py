#!/usr/bin/env python3
"""A model provider that needs no key: it answers by quoting what it was told.

It speaks as much of OpenAI's chat completions and responses and of Anthropic's messages
as LiteLLM and the SDKs need, streamed and plain, so that one can see what reaches a model:
the last user message comes back whole, with whatever was put into it on the way.
"""

import argparse
import errno
import itertools
import json
import re
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "demo"
_ids = itertools.count(1)


def text_of(content):
    """The text of a message's content: a string, or a list of parts of several APIs."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))


def last_user_text(messages):
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def answer_to(text):
    return f"You wrote:\n\n{text}" if text else "You wrote nothing."


def pieces(text):
    """The text in pieces of one, two, three words: never the same piece time and again,
    which LiteLLM takes for a model that is stuck and ends."""
    words = re.findall(r"\S+\s*|\s+", text)
    sizes = itertools.cycle((1, 2, 3))
    at = 0
    while at < len(words):
        size = next(sizes)
        yield "".join(words[at : at + size])
        at += size


def tokens(text):
    return len(text) // 4 + 1


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sse(data, event=None):
    line = data if isinstance(data, str) else compact(data)
    return (f"event: {event}\n" if event else "") + f"data: {line}\n\n"


class BadRequest(Exception):
    pass


def messages_of(body, field="messages"):
    messages = body.get(field)
    if not isinstance(messages, list):
        raise BadRequest(f"{field} must be a list")
    return messages


class Chat:
    """POST /v1/chat/completions"""

    def __init__(self, body):
        self.body = body
        messages = messages_of(body)
        self.answer = answer_to(last_user_text(messages))
        told = sum(tokens(text_of(m.get("content"))) for m in messages if isinstance(m, dict))
        said = tokens(self.answer)
        self.usage = {"prompt_tokens": told, "completion_tokens": said, "total_tokens": told + said}
        self.head = {"id": f"chatcmpl-demo{next(_ids)}", "created": int(time.time()), "model": body.get("model", MODEL)}

    def plain(self):
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.answer, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.usage}

    def chunk(self, delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse({**self.head, "object": "chat.completion.chunk", "choices": [choice]})

    def stream(self):
        yield self.chunk({"role": "assistant", "content": "", "refusal": None})
        for piece in pieces(self.answer):
            yield self.chunk({"content": piece})
        yield self.chunk({}, "stop")
        if (self.body.get("stream_options") or {}).get("include_usage"):
            yield sse({**self.head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage})
        yield sse("[DONE]")


class Responses:
    """POST /v1/responses: what LiteLLM uses behind its /v1/messages for OpenAI-like models"""

    def __init__(self, body):
        told = body.get("input")
        if isinstance(told, str):
            told = [{"role": "user", "content": told}]
        self.answer = answer_to(last_user_text(messages_of({"input": told}, "input")))
        self.item = {"id": f"msg_demo{next(_ids)}", "type": "message", "role": "assistant"}
        self.response = {
            "id": f"resp_demo{next(_ids)}",
            "object": "response",
            "created_at": int(time.time()),
            "model": body.get("model", MODEL),
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata") or {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
        }
        said, told = tokens(self.answer), tokens(compact(told))
        self.usage = {
            "input_tokens": told,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": told + said,
        }

    def part(self, text):
        return {"type": "output_text", "text": text, "annotations": []}

    def plain(self):
        item = {**self.item, "status": "completed", "content": [self.part(self.answer)]}
        return {**self.response, "status": "completed", "output": [item], "usage": self.usage}

    def events(self):
        running = {**self.response, "status": "in_progress", "output": [], "usage": None}
        place = {"item_id": self.item["id"], "output_index": 0, "content_index": 0}
        yield "response.created", {"response": running}
        yield "response.in_progress", {"response": running}
        item = {**self.item, "status": "in_progress", "content": []}
        yield "response.output_item.added", {"output_index": 0, "item": item}
        yield "response.content_part.added", {**place, "part": self.part("")}
        for piece in pieces(self.answer):
            yield "response.output_text.delta", {**place, "delta": piece}
        yield "response.output_text.done", {**place, "text": self.answer}
        yield "response.content_part.done", {**place, "part": self.part(self.answer)}
        whole = self.plain()
        yield "response.output_item.done", {"output_index": 0, "item": whole["output"][0]}
        yield "response.completed", {"response": whole}

    def stream(self):
        for number, (name, data) in enumerate(self.events()):
            yield sse({"type": name, "sequence_number": number, **data}, name)


class Messages:
    """POST /v1/messages"""

    def __init__(self, body):
        messages = messages_of(body)
        self.answer = answer_to(last_user_text(messages))
        self.told = tokens(compact(messages))
        self.head = {
            "id": f"msg_demo{next(_ids)}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", MODEL),
        }

    def plain(self):
        return {
            **self.head,
            "content": [{"type": "text", "text": self.answer}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": self.told, "output_tokens": tokens(self.answer)},
        }

    def events(self):
        usage = {"input_tokens": self.told, "output_tokens": 1}
        begun = {**self.head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield "message_start", {"message": begun}
        yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
        yield "ping", {}
        for piece in pieces(self.answer):
            yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}}
        yield "content_block_stop", {"index": 0}
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        yield "message_delta", {"delta": end, "usage": {"output_tokens": tokens(self.answer)}}
        yield "message_stop", {}

    def stream(self):
        for name, data in self.events():
            yield sse({"type": name, **data}, name)


APIS = {"/v1/chat/completions": Chat, "/v1/responses": Responses, "/v1/messages": Messages}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "demo-provider"

    def do_GET(self):
        if self.path.split("?")[0] == "/v1/models":
            model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "demo"}
            self.send_json(200, {"object": "list", "data": [model]})
        else:
            self.send_failure(404, "not_found_error", f"there is no {self.path} here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api = APIS.get(self.path.split("?")[0])
        if api is None:
            self.send_failure(404, "not_found_error", f"there is no {self.path} here")
            return
        try:
            told = json.loads(body)
            if not isinstance(told, dict):
                raise BadRequest("the body must be a JSON object")
            reply = api(told)
        except (ValueError, BadRequest) as e:
            self.send_failure(400, "invalid_request_error", str(e))
            return
        if told.get("stream"):
            self.send_stream(reply.stream())
        else:
            self.send_json(200, reply.plain())

    def send_failure(self, status, kind, message):
        self.send_json(status, {"error": {"message": message, "type": kind, "param": None, "code": None}})

    def send_json(self, status, value):
        body = compact(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_stream(self, events):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format, *args):
        print(format % args, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the client left
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8767, help="0 picks one")
    args = parser.parse_args()
    try:
        server = Server((args.host, args.port), Handler)
    except OSError as e:
        print(f"demo_provider: {args.host}:{args.port}: {e.strerror}", file=sys.stderr)
        return 3 if e.errno == errno.EADDRINUSE else 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on {args.host}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
