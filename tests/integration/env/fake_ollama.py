"""As much of an Ollama as LiteLLM's ollama_chat asks for."""

import json

from .upstream import FakeUpstream


def serve(request):
    body = request.read()
    if request.target == "/api/version":
        request.answer(200, {"version": "0.9.0"})
    elif request.target == "/api/show":
        request.answer(200, {"template": "", "model_info": {}, "capabilities": ["completion"]})
    elif request.target == "/api/chat":
        name = json.loads(body)["model"]
        message = {"role": "assistant", "content": f"I am {name}."}
        counts = {"prompt_eval_count": 3, "eval_count": 4}
        request.answer(200, {"model": name, "message": message, "done": True, "done_reason": "stop", **counts})
    else:
        request.answer(404, {"error": "not found"})


class FakeOllama(FakeUpstream):
    def __init__(self):
        super().__init__(serve)
