"""openai-node through memproxy to the real LiteLLM."""

import json
import subprocess

import pytest
from env.programs import ROOT, clean_environment
from scenarios import EXPECTED_TEXT, SCENARIOS

HERE = ROOT / "tests/integration/node"


def run_node(url, key, asked):
    done = subprocess.run(
        ["node", HERE / "chat.mjs"],
        input=json.dumps(asked),
        env=clean_environment(OPENAI_BASE_URL=f"{url}/v1", OPENAI_API_KEY=key),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    # Made anew by LiteLLM for each reply.
    return [{k: v for k, v in c.items() if k not in ("id", "created")} for c in json.loads(done.stdout)]


def text_of(chunks, part):
    return "".join(c[part].get("content") or "" for k in chunks for c in k["choices"] if c["index"] == 0)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_reply_is_litellms_own(proxied, litellm, scenario, stream):
    asked = dict(SCENARIOS[scenario])
    if stream:
        asked.update(stream=True, stream_options={"include_usage": True})
    direct = run_node(litellm.url, litellm.key, asked)
    through = run_node(proxied.url, litellm.key, asked)

    assert through == direct
    assert [c["usage"]["total_tokens"] > 0 for c in through if c.get("usage")] == [True]
    if scenario in EXPECTED_TEXT:
        assert text_of(through, "delta" if stream else "message") == EXPECTED_TEXT[scenario]
