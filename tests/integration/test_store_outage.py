"""The Redis goes away under load and comes back: no request fails, and nothing is lost."""

import os
import re
import threading
import time

import pytest
from env.chat import chat
from env.programs import wait_until
from env.redis import PASSWORD
from env.wire import call

# scripts/test.sh soak has it away for 60 s.
AWAY = float(os.environ.get("OUTAGE_SECONDS", "2"))
CALLERS = 8
PAUSE = 0.02  # between two requests of a caller: people are slower still
TALK = re.compile(r"^memproxy_(memory_\w+) ([0-9.]+)$", re.M)

pytestmark = pytest.mark.timeout(90 + 4 * AWAY)


def metrics(program):
    text = call(program.port, "GET", "/metrics").body.decode()
    return {name: float(value) for name, value in TALK.findall(text)}


class Load:
    """Callers who each say one thing after the other, until they are told to stop."""

    def __init__(self, program):
        self.program = program
        self.said = [[] for _ in range(CALLERS)]
        self.failed = []
        self.longest = 0.0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._talk, args=[i]) for i in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _talk(self, i):
        n = 0
        while not self._over.is_set():
            text = f"Caller {i} planted tree number {n} in the garden."
            began = time.monotonic()
            try:
                reply = chat(self.program, text, name=f"caller-{i}", session=f"talk-{i}")
                if reply.status != 200:
                    self.failed.append(reply.head.raw)
            except Exception as error:  # a connection that breaks is a failure of the request
                self.failed.append(error)
            self.longest = max(self.longest, time.monotonic() - began)
            self.said[i].append(text)
            n += 1
            self._over.wait(PAUSE)

    def wait_for(self, more):
        goal = sum(map(len, self.said)) + more
        wait_until(lambda: sum(map(len, self.said)) >= goal, seconds=60, what="the load")

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join()


def remembered(program, i):
    """The user's words, oldest first, as the store has them."""
    headers = [("Authorization", "Bearer sk-one")]
    reply = call(program.port, "GET", f"/memory/api/users/caller-{i}/export", headers)
    assert reply.status == 200, reply.head.raw
    return re.findall(rf"Caller {i} planted tree number \d+ in the garden\.", reply.body.decode())


@pytest.fixture
def remembering(launch, upstream, redis):
    environment = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": PASSWORD}
    return launch(upstream.url, env=environment, default_store=True)


def settled(program):
    wait_until(lambda: metrics(program)["memory_spool_waiting"] == 0, seconds=60 + 3 * AWAY, what="an empty spool")


def assert_all_is_there(program, load):
    for i, said in enumerate(load.said):
        assert remembered(program, i) == said


def test_no_request_fails_and_nothing_is_lost(remembering, redis):
    load = Load(remembering)
    try:
        load.wait_for(40)
        redis.kill()
        until = time.monotonic() + AWAY
        while time.monotonic() < until:
            load.wait_for(10)
        wait_until(lambda: metrics(remembering)["memory_spool_waiting"] > 0, what="something in the spool")
        redis.start()
        load.wait_for(40)
    finally:
        load.end()

    assert not load.failed
    assert load.longest < 5
    settled(remembering)
    numbers = metrics(remembering)
    assert numbers["memory_keep_failures_total"] == 0
    assert numbers["memory_keep_dropped_total"] == 0
    assert numbers["memory_spool_dropped_total"] == 0
    assert numbers["memory_spool_dead_letters"] == 0
    assert_all_is_there(remembering, load)


def test_nothing_is_lost_when_memproxy_dies_meanwhile(remembering, redis):
    load = Load(remembering)
    try:
        load.wait_for(20)
        redis.kill()
        load.wait_for(40)
    finally:
        load.end()
    remembering.kill()
    redis.start()
    remembering.revive()

    assert not load.failed
    settled(remembering)
    assert_all_is_there(remembering, load)


def test_a_forget_while_the_redis_is_away_says_so_and_leaves_nothing_here(remembering, redis):
    headers = [("Authorization", "Bearer sk-one")]
    forget = "/memory/api/users/anna"
    spool = remembering.directory / "data"

    def texts_here():
        return any(b"MARKED-SECRET" in file.read_bytes() for file in spool.glob("spool*"))

    chat(remembering, "The first MARKED-SECRET.", name="anna")
    settled(remembering)
    redis.kill()
    chat(remembering, "Another MARKED-SECRET.", name="anna")
    wait_until(texts_here, what="the text in the spool")
    reply = call(remembering.port, "DELETE", forget, headers)
    assert reply.status == 503, reply.head.raw
    assert not texts_here()
    redis.start()
    wait_until(lambda: call(remembering.port, "DELETE", forget, headers).status == 200, what="the forget")
    assert b"MARKED-SECRET" not in call(remembering.port, "GET", forget + "/export", headers).body
