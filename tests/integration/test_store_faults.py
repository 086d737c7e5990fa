"""The store is slow, broken or hangs: no request fails for it, and none waits for long."""

import statistics
import time

import pytest
from env.chat import CHAT, ChatStream, chat, chat_body, chat_headers, status_of
from env.upstream import say
from env.wire import Client, call

FACT = "My cat is called Biscuit."
QUESTION = "What is my cat called?"
# With room for a machine that has other things to do: without deadlines it is 10 s.
SOON = 1.0


@pytest.fixture
def faulty(launch, upstream, tmp_path):
    """A memproxy with a store whose faults the test switches: faulty.plan("fail=all")."""
    plan = tmp_path / "plan"

    def switch(text=None):
        if text is None:
            plan.unlink(missing_ok=True)
        else:
            fresh = plan.with_suffix(".new")
            fresh.write_text(text)
            fresh.rename(plan)

    config = {
        "user_id_mappings": {"default_user_id": "u"},
        "memory": {"deadline": "100ms", "cold_deadline": "200ms", "keep_deadline": "100ms"},
    }
    store = f"faulty:file={plan}:sqlite:{tmp_path / 'faulty.db'}"
    program = launch(upstream.url, config=config, flags=["--store", store])
    program.plan = switch
    yield program
    switch()


def timed(program, text, **how):
    began = time.monotonic()
    reply = chat(program, text, **how)
    return reply, time.monotonic() - began


PLANS = ["fail=all", "fail=reads", "fail=append", "hang=all", "hang=reads", "hang=append", "drop=all", "delay=10000"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("plan", PLANS)
def test_no_request_fails_and_none_waits(faulty, upstream, plan, stream):
    chat(faulty, FACT)
    faulty.plan(plan)
    for n in range(3):
        text = f"Is my cat number {n} really called so?"
        reply, took = timed(faulty, text, stream=stream)
        assert reply.status == 200
        assert took < SOON
        if plan.endswith("append"):
            assert "injected" in status_of(reply)
        else:
            assert status_of(reply)[0].startswith("degraded:"), reply.head.raw
            assert upstream.last.body == chat_body(text, stream=stream)  # nothing stale is put in


@pytest.mark.parametrize("plan", ["fail=all", "hang=all", "delay=10000"])
def test_memory_is_back_when_the_store_is(faulty, upstream, plan):
    chat(faulty, FACT)
    faulty.plan(plan)
    assert "injected" not in status_of(chat(faulty, QUESTION))
    faulty.plan()
    until = time.monotonic() + 10
    while "injected" not in status_of(chat(faulty, QUESTION)):
        assert time.monotonic() < until, "memory did not come back"
    assert "Biscuit" in upstream.last.last_text()


def test_the_deadline_is_the_configured_one(launch, upstream, tmp_path):
    config = {
        "user_id_mappings": {"default_user_id": "u"},
        "memory": {"deadline": "400ms", "cold_deadline": "400ms", "keep_deadline": "1ms"},
    }
    store = f"faulty:hang=reads:sqlite:{tmp_path / 'faulty.db'}"
    program = launch(upstream.url, config=config, flags=["--store", store])
    reply, took = timed(program, QUESTION)
    assert status_of(reply) == ["degraded:timeout"]
    assert 0.25 < took < SOON


def test_the_end_of_a_reply_waits_for_what_is_slow_but_not_long(faulty):
    """The finish marker is held until the exchange is kept, at most keep_deadline."""
    chat(faulty, FACT)
    faulty.plan("hang=append")
    with ChatStream(faulty, QUESTION) as client:
        client.head_of_reply()
        client.read_to(b"All")
        began = time.monotonic()
        client.read_to(b"[DONE]")
        held = time.monotonic() - began
        assert client.piece() == b""
    assert 0.05 < held < SOON


def test_other_requests_do_not_wait_for_a_slow_store(faulty, upstream):
    chat(faulty, FACT)
    faulty.plan("delay=10000")
    times = []
    for _ in range(10):
        began = time.monotonic()
        assert call(faulty.port, "GET", "/health/ready").status == 200
        assert chat(faulty, QUESTION, headers={"x-memory": "off"}).status == 200
        times.append(time.monotonic() - began)
    assert statistics.median(times) < 0.2


def test_health_says_that_the_store_is_down(faulty):
    faulty.plan("fail=ping")
    reply = call(faulty.port, "GET", "/health")
    assert reply.status == 200
    assert reply.json()["components"]["store"]["up"] is False
    faulty.plan()
    assert call(faulty.port, "GET", "/health").json()["components"]["store"]["up"] is True


@pytest.mark.parametrize("plan", ["hang=all", "delay=10000"])
def test_a_store_that_hangs_does_not_hold_up_the_end(faulty, plan):
    faulty.plan(plan)
    chat(faulty, FACT)
    began = time.monotonic()
    faulty.stop()
    assert time.monotonic() - began < 15


def test_leaving_while_the_store_hangs_harms_nobody(faulty, upstream):
    faulty.plan("hang=all")
    for _ in range(20):
        with Client(faulty.port) as client:
            client.request("POST", CHAT, chat_headers(), chat_body(QUESTION, stream=True))
    upstream.behaviour = say("Fine.")
    faulty.plan()
    assert chat(faulty, FACT).status == 200
