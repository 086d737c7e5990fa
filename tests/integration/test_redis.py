"""Memory in a Redis: it outlives memproxy and the Redis, and its loss fails no request."""

import time

import pytest
from env.chat import chat, status_of
from env.programs import wait_until
from env.redis import PASSWORD, Redis
from env.wire import call

FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"


@pytest.fixture
def remembering(launch, upstream, redis):
    environment = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": PASSWORD, "LOG_LEVEL": "debug"}
    return launch(upstream.url, env=environment, default_store=True)


def recalls(program, upstream):
    reply = chat(program, QUESTION, name="anna")
    assert reply.status == 200
    return "injected" in status_of(reply)[0] and "Biscuit" in upstream.last.body.decode()


def component(program):
    return call(program.port, "GET", "/health").json()["components"]["store"]


def test_a_fact_outlives_memproxy_and_the_redis(remembering, upstream, redis):
    assert component(remembering) == {"name": "redis", "up": True}
    chat(remembering, FACT, name="anna")
    assert recalls(remembering, upstream)
    remembering.restart()
    assert recalls(remembering, upstream)
    redis.kill()
    redis.start()
    wait_until(lambda: component(remembering)["up"], what="the store's return")
    assert recalls(remembering, upstream)
    assert PASSWORD not in remembering.output()


def test_what_one_proxy_keeps_another_recalls(remembering, launch, upstream, redis):
    url = f"redis://:p%40ss%2Fw%3Ard@127.0.0.1:{redis.port}/0"
    other = launch(upstream.url, flags=["--store", url])
    chat(remembering, FACT, name="anna")
    wait_until(lambda: recalls(other, upstream), what="the fact at the other")  # it passes the spool first


def test_without_its_redis_no_request_fails_or_waits(remembering, upstream, redis):
    chat(remembering, FACT, name="anna")
    redis.kill()
    for n in range(5):
        began = time.monotonic()
        reply = chat(remembering, f"Is my cat number {n} called so?", name="anna")
        assert reply.status == 200
        assert time.monotonic() - began < 2.0
    assert component(remembering) == {"name": "redis", "up": False}
    redis.start()
    wait_until(lambda: recalls(remembering, upstream), what="the memory's return")


def test_a_wrong_password_ends_the_start(launch, upstream, redis):
    with pytest.raises(AssertionError, match="WRONGPASS") as failed:
        launch(upstream.url, flags=["--store", f"redis://:wr0ng-one@127.0.0.1:{redis.port}/0"])
    assert "wr0ng-one" not in str(failed.value)
