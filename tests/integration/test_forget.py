"""Forgotten means gone: from recall, from other proxies, from what is on its way, from files."""

import os
import subprocess
import threading

import pytest
from conftest import CONFIG
from env.api import Api, part
from env.apis import Chat, Conversation
from env.chat import chat, status_of
from env.postgres import BIN, Postgres, as_its_user
from env.programs import wait_until
from env.redis import Redis
from env.upstream import chat_plain, say

FACT = "My cat is called Biscuit and hates thunderstorms."
OTHER = "My boat lies in Kiel harbour."
QUESTION = "What is the name of my cat, and where does my boat lie?"
SECRET = "Biscuit"
USER = "/memory/api/users/anna"


class SqliteFile:
    def __init__(self, directory):
        self.path = directory / "log.db"
        self.url = f"sqlite:{self.path}"

    def holds(self, text):
        return any(text.encode() in p.read_bytes() for p in self.path.parent.glob("log.db*"))

    def close(self):
        pass


class RedisFiles(Redis):
    def __init__(self, directory):
        super().__init__(directory / "redis")

    def holds(self, text):
        return any(text.encode() in p.read_bytes() for p in self.directory.rglob("*") if p.is_file() and p.name != "redis.log")


class PostgresDump(Postgres):
    def __init__(self, _):
        super().__init__()

    def holds(self, text):
        """As text and as PostgreSQL writes bytes: in hexadecimal."""
        command = [*as_its_user(), BIN / "pg_dump", "-h", self.directory, "-U", "memproxy", "postgres"]
        dump = subprocess.run(command, check=True, capture_output=True, cwd="/").stdout
        return text.encode() in dump or text.encode().hex().encode() in dump


STORES = {"sqlite": SqliteFile, "redis": RedisFiles, "postgresql": PostgresDump}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def two(launch, upstream, store):
    """Two proxies on one store, in which anna has said two things."""
    programs = [launch(upstream.url, flags=["--store", store.url]) for _ in range(2)]
    chat(programs[0], FACT, name="anna", session="cats")
    chat(programs[0], OTHER, name="anna", session="boats")
    for program in programs:
        wait_until(lambda p=program: SECRET in recalled(p, upstream), what="the fact everywhere")
    assert store.holds(SECRET) or isinstance(store, RedisFiles)
    return programs


def recalled(program, upstream):
    chat(program, QUESTION, name="anna", headers={"x-memory": "read"})
    return upstream.last.body.decode()


def the_exchange(program):
    exchanges = Api(program).get(f"{USER}/exchanges").json()["exchanges"]
    return next(x["id"] for x in exchanges if SECRET in x["user"])


FORGETS = {
    "an exchange": lambda program: Api(program).delete(f"{USER}/exchanges/{the_exchange(program)}"),
    "a session": lambda program: Api(program).delete(f"{USER}/sessions/{part('cats')}"),
    "a user": lambda program: Api(program).delete(USER),
    "a session, by its old path": lambda program: Api(program).call("DELETE", "/v1/sessions/cats", query={"user_id": "anna"}),
    "the words, by an edit": lambda program: Api(program).call(
        "PATCH", f"{USER}/exchanges/{the_exchange(program)}", {"user": "My cat has a name.", "reply": "Yes."}
    ),
}


@pytest.mark.parametrize("what", FORGETS)
def test_what_is_forgotten_is_gone_everywhere(two, upstream, store, what):
    assert FORGETS[what](two[0]).status == 200
    for program in two:
        assert SECRET not in recalled(program, upstream)
        assert SECRET not in Api(program).get(f"{USER}/exchanges").body.decode()
        assert SECRET not in Api(program).get(f"{USER}/search", q="cat name").body.decode()
        assert SECRET not in Api(program).get(f"{USER}/explain", q=QUESTION).body.decode()
        assert SECRET not in Api(program).get(f"{USER}/export").body.decode()
    for program in two:
        program.restart()
        assert SECRET not in recalled(program, upstream)
    if what != "a user":
        assert "Kiel" in recalled(two[0], upstream)
    wait_until(lambda: not store.holds(SECRET), 60, "files without the text")
    assert not files_of(two, SECRET)


def files_of(programs, text):
    """Files in the programs' own directories that hold it: stores, spools. Not the tests' logs."""
    found = []
    for program in programs:
        for path in program.directory.rglob("*"):
            if path.is_file() and os.path.basename(path) != program.log.name and text.encode() in path.read_bytes():
                found.append(path)
    return found


@pytest.mark.parametrize("what", ["a session", "a user"])
def test_a_request_in_flight_brings_nothing_back(two, upstream, store, what):
    """It began before the forget, on the other proxy, and ends after it."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(request):
        request.read()
        begun.set()
        assert may_end.wait(20)
        request.answer(200, chat_plain("A cat called Biscuit, again."))

    upstream.behaviour = slow
    asking = threading.Thread(
        target=chat, args=(two[1], "My cat Biscuit is grey."), kwargs={"name": "anna", "session": "cats"}, daemon=True
    )
    asking.start()
    assert begun.wait(20)
    assert FORGETS[what](two[0]).status == 200
    may_end.set()
    asking.join(20)
    upstream.behaviour = say("I see.")
    for program in two:
        assert SECRET not in recalled(program, upstream)
    wait_until(lambda: not store.holds(SECRET), 60, "files without the text")


def test_a_forgotten_source_leaves_the_blocks_it_was_in(two, upstream):
    conversation = Conversation(Chat, session="talk", name="anna").user(QUESTION)
    upstream.behaviour = say("It is fine.")
    reply = conversation.send(two[0])
    assert status_of(reply) == ["injected"]
    assert SECRET in upstream.last.body.decode() and "Kiel" in upstream.last.body.decode()
    assert FORGETS["a session"](two[0]).status == 200
    conversation.assistant("It is fine.").user("And now?")
    for program in two:
        conversation.send(program)
        assert SECRET not in upstream.last.body.decode()
        assert "Kiel" in upstream.last.body.decode()  # the other source stays where it was


def test_who_says_it_again_is_remembered_again(two, upstream):
    assert FORGETS["a user"](two[0]).status == 200
    chat(two[1], FACT, name="anna", session="cats")
    wait_until(lambda: SECRET in recalled(two[0], upstream), what="the fact on the other proxy")
