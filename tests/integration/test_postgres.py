"""A memory in PostgreSQL: two proxies share it, and it outlives each of them and the server's restart."""

import pytest
from env.chat import chat, status_of
from env.postgres import Postgres
from env.programs import wait_until
from env.wire import call

FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"
# What is kept counts here, and not how soon, on a machine that may have other things to do.
PATIENT = {"deadline": "5s", "cold_deadline": "5s", "keep_deadline": "5s"}


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def start(launch, upstream, postgres, mark):
    """Starts a memproxy on the module's PostgreSQL, for a user of the test's own."""

    def start():
        config = {"user_id_mappings": {"default_user_id": mark}, "memory": PATIENT}
        return launch(upstream.url, config=config, flags=["--store", postgres.url])

    return start


def recalls(proxy, upstream):
    reply = chat(proxy, QUESTION)
    assert reply.status == 200
    return "Biscuit" in upstream.last.body.decode()


def test_a_fact_outlives_the_proxy(start, upstream):
    proxy = start()
    assert chat(proxy, FACT).status == 200
    proxy.restart()
    assert recalls(proxy, upstream)


def test_a_fact_told_to_one_proxy_is_known_to_another(start, upstream):
    one, other = start(), start()
    assert not recalls(other, upstream)
    assert chat(one, FACT).status == 200
    wait_until(lambda: recalls(other, upstream), what="the fact at the other")  # it passes the spool first


def test_a_restart_of_the_server_fails_no_request_and_loses_nothing(start, upstream, postgres):
    proxy = start()
    assert chat(proxy, FACT).status == 200
    postgres.stop()
    for _ in range(3):
        reply = chat(proxy, QUESTION)
        assert reply.status == 200
        assert "degraded:store" in status_of(reply)
    postgres.start()
    wait_until(lambda: recalls(proxy, upstream), what="the memory")


def test_health_names_the_store(start):
    proxy = start()
    told = call(proxy.port, "GET", "/health").json()
    assert told["components"]["store"] == {"name": "postgresql", "up": True}
