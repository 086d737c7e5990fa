"""openai-python through memproxy to the real LiteLLM: what comes back is what LiteLLM said."""

import asyncio

import openai
import pytest
from scenarios import EXPECTED_TEXT, SCENARIOS

# Made anew by LiteLLM for each reply.
VOLATILE = {"id", "created"}


def plain(value):
    return {k: v for k, v in value.model_dump(exclude_unset=True).items() if k not in VOLATILE}


def options(scenario, stream):
    asked = dict(SCENARIOS[scenario])
    if stream:
        asked.update(stream=True, stream_options={"include_usage": True})
    return asked


def run_sync(url, key, asked):
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        reply = client.chat.completions.create(**asked)
        return [plain(c) for c in reply] if asked.get("stream") else [plain(reply)]


async def run_async(url, key, asked):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        reply = await client.chat.completions.create(**asked)
        return [plain(c) async for c in reply] if asked.get("stream") else [plain(reply)]


def run(way, url, key, asked):
    return run_sync(url, key, asked) if way == "sync" else asyncio.run(run_async(url, key, asked))


def text_of(reply, stream):
    part = "delta" if stream else "message"
    return "".join(c[part].get("content") or "" for chunk in reply for c in chunk["choices"] if c["index"] == 0)


def usage_of(reply):
    return [c["usage"] for c in reply if c.get("usage")]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_reply_is_litellms_own(proxied, litellm, scenario, way, stream):
    asked = options(scenario, stream)
    direct = run(way, litellm.url, litellm.key, asked)
    through = run(way, proxied.url, litellm.key, asked)

    assert through == direct  # chunk by chunk
    if scenario in EXPECTED_TEXT:
        assert text_of(through, stream) == EXPECTED_TEXT[scenario]
    assert len(usage_of(through)) == 1
    assert usage_of(through)[0]["total_tokens"] > 0
    if stream:
        assert len(through) > 3


def test_tool_calls_arrive_whole(proxied, litellm):
    [reply] = run_sync(proxied.url, litellm.key, options("tools", False))
    [choice] = reply["choices"]
    assert choice["finish_reason"] == "tool_calls"
    called = [(c["function"]["name"], c["function"]["arguments"]) for c in choice["message"]["tool_calls"]]
    assert called == [("weather", '{"city": "Oslo"}'), ("weather", '{"city": "Rome"}')]


def test_each_of_several_answers_arrives(proxied, litellm):
    [reply] = run_sync(proxied.url, litellm.key, options("several", False))
    assert [c["message"]["content"] for c in reply["choices"]] == ["answer 0", "answer 1", "answer 2"]


def test_logprobs_arrive(proxied, litellm):
    [reply] = run_sync(proxied.url, litellm.key, options("logprobs", False))
    assert reply["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.25


@pytest.mark.parametrize("scenario", ["image", "unknown_fields", "tools"])
def test_the_provider_is_told_the_same(proxied, litellm, provider, scenario):
    """Through memproxy and without it, a provider gets the same request."""
    asked = options(scenario, False)
    before = len(provider.requests)
    run_sync(litellm.url, litellm.key, asked)
    run_sync(proxied.url, litellm.key, asked)
    direct, through = (r.json() for r in provider.requests[before:])
    assert through == direct
    if scenario == "unknown_fields":
        assert through["field_of_the_future"] == {"deep": [1, 2.5, 100.0, "ü"]}


def test_errors_are_the_sdks_own(proxied, litellm):
    with openai.OpenAI(base_url=f"{proxied.url}/v1", api_key=litellm.key, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as unknown:
            client.chat.completions.create(model="no-such-model", messages=SCENARIOS["text"]["messages"])
    assert "no-such-model" in unknown.value.message

    with openai.OpenAI(base_url=f"{proxied.url}/v1", api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as refused:
            client.chat.completions.create(**SCENARIOS["text"])
    assert refused.value.status_code in (400, 401)


def test_models_are_listed(proxied, litellm):
    with openai.OpenAI(base_url=f"{proxied.url}/v1", api_key=litellm.key) as client:
        assert {"demo", "echo"} <= {m.id for m in client.models.list()}
