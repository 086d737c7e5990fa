"""What an SDK asks, for each feature that must survive the way through memproxy.

A scenario is the keyword arguments of chat.completions.create(); node/chat.mjs gets the
same ones as JSON.
"""

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(text):
    return [{"role": "user", "content": text}]


CALLS = [
    {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
    {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
]

SCENARIOS = {
    "text": {"model": "extra", "messages": ask("Say something with many letters.")},
    "demo": {"model": "demo", "messages": ask('Quote this: Grüße, 日本, 😀 and "quotes".')},
    "tools": {"model": "tools", "messages": ask("How is the weather?"), "tools": [TOOL], "parallel_tool_calls": True},
    "tool_results": {
        "model": "tools",
        "tools": [TOOL],
        "messages": ask("How is the weather?")
        + [
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_a", "content": "rain"},
            {"role": "tool", "tool_call_id": "call_b", "content": "sun"},
        ],
    },
    "several": {"model": "several", "n": 3, "messages": ask("Give me three answers.")},
    "logprobs": {"model": "logprobs", "logprobs": True, "top_logprobs": 1, "messages": ask("How sure are you?")},
    "image": {
        "model": "vision",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in this picture?"},
                    {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                ],
            }
        ],
    },
    "unknown_fields": {
        "model": "extra",
        "messages": ask("Do you mind a field of the future?"),
        "extra_body": {"field_of_the_future": {"deep": [1, 2.50, 1e2, "ü"]}},
    },
}

TEXT = 'Grüße aus the provider: 日本 😀"quoted"\n\\ and end.'

# What must be in the reply, so that two equal failures do not pass for a success.
EXPECTED_TEXT = {
    "text": TEXT,
    "tool_results": TEXT,
    "logprobs": TEXT,
    "unknown_fields": TEXT,
    "image": "saw image_url",
    "demo": 'You wrote:\n\nQuote this: Grüße, 日本, 😀 and "quotes".',
}
