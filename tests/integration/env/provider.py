"""An OpenAI-compatible provider behind the real LiteLLM: each model is one scenario.

It keeps every request, so that a test can look at what a model would have been told.
"""

import json

from .upstream import FakeUpstream

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
WEATHER = [("call_a", "weather", '{"city": "Oslo"}'), ("call_b", "weather", '{"city": "Rome"}')]
WORDS = ["Grüße", " aus", " the", " provider", ": 日本", " 😀", '"quoted"', "\n\\ and", " end."]


def frame(body, choices, streamed, **more):
    kind = "chat.completion.chunk" if streamed else "chat.completion"
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": 1700000000,
        "model": body["model"],
        "choices": choices,
        **more,
    }


def choice(index, finish, **content):
    return {"index": index, "finish_reason": finish, **content}


def logprob(word):
    top = [{"token": word, "logprob": -0.25, "bytes": list(word.encode())}]
    return {"content": [{**top[0], "top_logprobs": top}], "refusal": None}


# --- each scenario: the plain message(s), and the deltas of the stream -----------------


def plain_choices(body):
    model = body["model"]
    if model == "tools" and body["messages"][-1]["role"] != "tool":
        calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in WEATHER]
        return [choice(0, "tool_calls", message={"role": "assistant", "content": None, "tool_calls": calls})]
    if model == "several":
        n = body.get("n", 1)
        return [choice(i, "stop", message={"role": "assistant", "content": f"answer {i}"}) for i in range(n)]
    message = {"role": "assistant", "content": text_for(body)}
    if model == "logprobs":
        probs = {"content": [logprob(w)["content"][0] for w in WORDS], "refusal": None}
        return [choice(0, "stop", message=message, logprobs=probs)]
    return [choice(0, "stop", message=message)]


def text_for(body):
    if body["model"] == "echo":
        content = body["messages"][-1]["content"]
        return "told: " + (content if isinstance(content, str) else content[0].get("text", ""))
    if body["model"] == "vision":
        kinds = [p["type"] for p in body["messages"][-1]["content"]]
        return "saw " + ", ".join(k for k in kinds if k != "text")
    return "".join(WORDS)


def stream_choices(body):
    model = body["model"]
    if model == "tools" and body["messages"][-1]["role"] != "tool":
        yield choice(0, None, delta={"role": "assistant", "content": None})
        for index, (call, name, arguments) in enumerate(WEATHER):
            begin = {"index": index, "id": call, "type": "function", "function": {"name": name, "arguments": ""}}
            yield choice(0, None, delta={"tool_calls": [begin]})
            for part in (arguments[:5], arguments[5:]):
                yield choice(0, None, delta={"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        yield choice(0, "tool_calls", delta={})
        return
    if model == "several":
        n = body.get("n", 1)
        for i in range(n):
            yield choice(i, None, delta={"role": "assistant", "content": ""})
        for word in ("answer", " "):
            for i in range(n):
                yield choice(i, None, delta={"content": word})
        for i in range(n):
            yield choice(i, None, delta={"content": str(i)})
        for i in range(n):
            yield choice(i, "stop", delta={})
        return
    yield choice(0, None, delta={"role": "assistant", "content": ""})
    words = WORDS if model in ("logprobs", "extra") else text_for(body).split(" ")
    for at, word in enumerate(words):
        more = {"logprobs": logprob(word)} if model == "logprobs" else {}
        text = word if words is WORDS or at == 0 else " " + word
        yield choice(0, None, delta={"content": text}, **more)
    yield choice(0, "stop", delta={})


def serve(request):
    body = json.loads(request.read())
    if request.target != "/v1/chat/completions":
        request.answer(404, {"error": {"message": f"no {request.target}", "type": "not_found", "code": None}})
        return
    if not body.get("stream"):
        request.answer(200, frame(body, plain_choices(body), False, usage=USAGE))
        return
    request.begin_stream()
    for piece in stream_choices(body):
        request.event(frame(body, [piece], True))
    if (body.get("stream_options") or {}).get("include_usage"):
        request.event(frame(body, [], True, usage=USAGE))
    request.event(b"[DONE]")
    request.end_stream()


class FakeProvider(FakeUpstream):
    def __init__(self):
        super().__init__(serve)

    def told(self, mark):
        """The bodies of the requests that hold a mark, in the order they came."""
        return [r.json() for r in self.requests if r.body is not None and mark in r.body.decode()]
