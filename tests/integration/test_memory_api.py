"""/memory/api/: what is remembered is seen, searched, put right and forgotten."""

import json
import threading

import pytest
from env.api import Api, part
from env.chat import assistant, chat, status_of, user
from env.programs import wait_until
from env.upstream import chat_plain, say
from env.wire import call
from openapi_spec_validator import OpenAPIV31SpecValidator

FACT = "My cat is called Biscuit and hates thunderstorms."
QUESTION = "What is the name of my cat?"


@pytest.fixture
def api(memproxy):
    return Api(memproxy)


def recalled(program, question=QUESTION, name="anna", key="sk-one"):
    """The text that the model gets with a question in a conversation of its own."""
    reply = chat(program, question, name=name, key=key, headers={"x-memory": "read"})
    assert not any(word.startswith("degraded") for word in status_of(reply)), reply.head
    return "injected" in status_of(reply)


# --- the description -----------------------------------------------------------------------------


def test_the_description_is_valid_openapi_and_for_anybody(memproxy):
    reply = call(memproxy.port, "GET", "/memory/api/openapi.json", [("X-Forwarded-For", "203.0.113.7")])
    assert reply.status == 200
    OpenAPIV31SpecValidator(reply.json()).validate()


def test_every_described_call_is_answered_as_described(api):
    """With a memory and without one; bodies that fit and none."""
    chat(api.program, FACT, name="anna", session="s1")
    known = api.exchanges("anna")[0]["id"]
    bodies = {"Edit": {"reply": "x"}, "Pause": {"paused": False}}
    for template, item in api.description()["paths"].items():
        for method, operation in item.items():
            query = {p["name"]: "1" for p in operation["parameters"] if p["in"] == "query" and p["required"]}
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/")[-1]
            body = bodies.get(schema) if content else None
            if content and body is None:
                body = b""
            for ids in ({"user": "anna", "session": "s1", "id": known}, {"user": "ö", "session": "/", "id": "0" * 32}):
                path = template
                for name, value in ids.items():
                    path = path.replace("{%s}" % name, part(value))
                kind = next(iter(content), None)
                reply = api.call(method.upper(), path, body, kind, query)
                assert reply.status in (200, 404), (method, path, reply)


# --- seeing -----------------------------------------------------------------------------------------


def test_an_exchange_is_told_in_full(api, upstream):
    upstream.behaviour = say("A fine name.")
    chat(api.program, FACT, name="anna", session="s1", headers={"User-Agent": "codex_exec/1"})
    [seen] = api.exchanges("anna")
    assert (seen["user"], seen["reply"], seen["session"]) == (FACT, "A fine name.", "s1")
    assert (seen["model"], seen["state"], seen["seq"]) == ("m", "complete", 1)
    assert api.get(api.of("anna", "exchanges", seen["id"])).json() == seen
    [listed] = api.users()
    assert (listed["user_id"], listed["exchanges"], listed["paused"]) == ("anna", 1, False)


@pytest.mark.parametrize("name", ["a b", "a/b", "ü", "..", "100%", "a?b#c", "日本", "a+b"])
def test_names_are_percent_encoded(api, name):
    chat(api.program, FACT, session="x", user=name)
    chat(api.program, FACT, session="with space/slash", user=name)
    assert [u["user_id"] for u in api.users()] == [name]
    assert len(api.exchanges(name)) == 2
    assert len(api.exchanges(name, session="with space/slash")) == 1
    assert api.delete(api.of(name, "sessions", "with space/slash")).json() == {"deleted": 1}
    assert len(api.exchanges(name)) == 1


@pytest.mark.parametrize("raw", ["%", "%4", "%zz", "%ff", "%c3%28", "%00", "%0a", "%7f", "a" * 257])
def test_what_is_no_id_is_refused(api, raw):
    reply = api.call("GET", f"/memory/api/users/{raw}/exchanges", checked=False)
    assert reply.status == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_exchanges_are_paged_newest_first(api):
    for n in range(7):
        chat(api.program, f"Fact number {n}.", name="anna", session=f"s{n % 2}")
    seen, cursor, pages = [], {}, 0
    while cursor is not None:
        page = api.get(api.of("anna", "exchanges"), limit=3, **cursor).json()
        seen += page["exchanges"]
        pages += 1
        cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
    assert [x["user"] for x in seen] == [f"Fact number {n}." for n in reversed(range(7))]
    assert pages == 3
    odd = api.exchanges("anna", session="s1")
    assert [x["user"] for x in odd] == ["Fact number 5.", "Fact number 3.", "Fact number 1."]


def test_sessions_are_paged_by_their_last_exchange(api):
    for n, session in enumerate(["s0", "s1", "s2", "s1", "s0"]):
        chat(api.program, f"Fact number {n}.", name="anna", session=session)
    first = api.get(api.of("anna", "sessions"), limit=2).json()
    second = api.get(api.of("anna", "sessions"), limit=2, cursor=first["next_cursor"]).json()
    assert [s["session"] for s in first["sessions"] + second["sessions"]] == ["s0", "s1", "s2"]
    assert second["next_cursor"] is None
    assert [s["exchanges"] for s in first["sessions"] + second["sessions"]] == [2, 2, 1]


def test_users_are_paged(api):
    for name in ("anna", "ben", "ä/b", "cem"):
        chat(api.program, FACT, user=name)
    seen, query = [], {"limit": 1}
    while query.get("cursor", "") is not None:
        page = api.get("/memory/api/users", **query).json()
        seen += [u["user_id"] for u in page["users"]]
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(["anna", "ben", "ä/b", "cem"])


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"cursor": "x"}])
def test_a_query_that_is_not_valid_is_refused(api, query):
    for path in (api.of("anna", "exchanges"), api.of("anna", "sessions"), "/memory/api/users"):
        assert api.get(path, **query).status == 400


def test_a_memory_that_is_not_there_is_empty(api):
    assert api.users() == []
    assert api.exchanges("nobody") == []
    assert api.export("nobody") == b""
    assert api.search("nobody", "cat") == []
    assert api.delete(api.of("nobody")).json() == {"deleted": 0}
    assert api.get(api.of("nobody", "exchanges", "0" * 32)).status == 404
    assert api.delete(api.of("nobody", "exchanges", "0" * 32)).status == 404
    assert api.edit("nobody", "0" * 32, reply="x").status == 404
    assert api.get(api.of("nobody", "exchanges", "xyz")).status == 404


# --- searching ----------------------------------------------------------------------------------------


def test_search_finds_by_words_best_first(api):
    for n in range(5):
        chat(api.program, f"Lecture {n} was about canals and harbour dues.", name="anna")
    chat(api.program, FACT, name="anna")
    hits = api.search("anna", "the cat and thunderstorms")
    assert hits[0]["user"] == FACT
    assert hits == sorted(hits, key=lambda h: -h["score"])
    assert len(api.search("anna", "canals", limit=2)) == 2
    assert api.get(api.of("anna", "search")).status == 400


def test_explain_says_what_a_request_gets_and_why(api, upstream):
    for n in range(40):
        chat(api.program, f"Lecture {n}: the parliament of province {n} voted on canals and bridges.", name="anna")
    chat(api.program, FACT, name="anna")
    told = api.explain("anna", QUESTION)
    assert told["status"] == "injected"
    assert FACT in told["block"] and 0 < told["tokens"] <= 1000
    assert {"term": "cat", "texts": 1} in told["terms"]
    assert told["hits"][0]["user"] == FACT
    assert told["hits"][0]["in_block"]
    assert FACT in [s["user"] for s in told["sources"]]

    chat(api.program, QUESTION, name="anna")
    block = upstream.last.last_text()
    for line in FACT, "Excerpts of earlier conversations":
        assert line in block and line in told["block"]
    assert api.explain("anna", "hi")["status"] == "none:no-terms"
    assert api.explain("ben", QUESTION)["status"] == "none:no-hit"


# --- putting right, and forgetting ------------------------------------------------------------------------


@pytest.fixture(params=["the same proxy", "another proxy"])
def pair(request, launch, upstream, tmp_path):
    """Two proxies, or twice the same, on one store: who is told, and who is asked."""
    store = ["--store", f"sqlite:{tmp_path / 'shared.db'}"]
    first = launch(upstream.url, flags=store)
    second = first if request.param == "the same proxy" else launch(upstream.url, flags=store)
    return first, second


def test_an_edit_counts_from_the_next_request_on(pair, upstream):
    told, asked = pair
    chat(told, FACT, name="anna")
    assert recalled(asked)
    api = Api(told)
    [seen] = api.exchanges("anna")
    reply = api.edit("anna", seen["id"], user="My dog is called Rex.")
    assert reply.status == 200
    assert reply.json() == {**seen, "user": "My dog is called Rex."}
    chat(asked, "What is the name of my dog?", name="anna", headers={"x-memory": "read"})
    assert "Rex" in upstream.last.last_text()
    assert "Biscuit" not in upstream.last.last_text()
    assert Api(asked).search("anna", "Biscuit") == []
    assert Api(asked).search("anna", "Rex")[0]["id"] == seen["id"]


@pytest.mark.parametrize("what", ["the exchange", "its session", "the user"])
def test_what_is_forgotten_is_not_recalled_any_more(pair, upstream, what):
    told, asked = pair
    chat(told, FACT, name="anna", session="s1")
    chat(told, FACT, name="ben")
    assert recalled(asked)
    api = Api(told)
    paths = {
        "the exchange": api.of("anna", "exchanges", api.exchanges("anna")[0]["id"]),
        "its session": api.of("anna", "sessions", "s1"),
        "the user": api.of("anna"),
    }
    assert api.delete(paths[what]).json() == {"deleted": 1}
    assert not recalled(asked)
    assert api.exchanges("anna") == [] and Api(asked).exchanges("anna") == []
    assert Api(asked).search("anna", "cat") == []
    assert Api(asked).explain("anna", QUESTION)["block"] is None
    assert recalled(asked, name="ben")  # somebody else's stays


def test_a_forget_holds_against_a_request_in_flight(memproxy, upstream):
    at_model, go_on = threading.Event(), threading.Event()

    def slow(request):
        request.read()
        at_model.set()
        assert go_on.wait(20)
        request.answer(200, chat_plain("Noted."))

    api = Api(memproxy)
    chat(memproxy, "I live in Oslo.", name="anna")
    upstream.behaviour = slow
    asking = threading.Thread(target=chat, args=(memproxy, FACT), kwargs={"name": "anna"})
    asking.start()
    assert at_model.wait(20)
    assert api.delete(api.of("anna")).json() == {"deleted": 1}
    go_on.set()
    asking.join()
    assert api.exchanges("anna") == []
    upstream.behaviour = say("Noted.")
    chat(memproxy, FACT, name="anna")  # said again, it is kept again
    assert len(api.exchanges("anna")) == 1


def test_an_edit_may_change_one_text_or_both_and_secrets_stay_out(api):
    chat(api.program, FACT, name="anna")
    [seen] = api.exchanges("anna")
    assert api.edit("anna", seen["id"], reply="Only this.").json()["user"] == FACT
    secret = "sk-" + "a1b2c3d4" * 6
    edited = api.edit("anna", seen["id"], user=f"My key is {secret}.", reply="Aha.").json()
    assert secret not in json.dumps(edited)
    assert (edited["reply"], edited["id"], edited["at"]) == ("Aha.", seen["id"], seen["at"])


@pytest.mark.parametrize("body", [{}, {"user": 1}, {"user": None}, {"user": ""}, {"user": "  "}, [], "x"])
def test_an_edit_that_makes_no_sense_is_refused(api, body):
    chat(api.program, FACT, name="anna")
    [seen] = api.exchanges("anna")
    assert api.call("PATCH", api.of("anna", "exchanges", seen["id"]), body).status == 400
    assert api.exchanges("anna") == [seen]


@pytest.mark.parametrize("body", [b"", b"{", b'{"paused": 1}', b'{"paused": true, "paused": false}', b"[" * 3000])
def test_a_pause_that_makes_no_sense_is_refused(api, body):
    assert api.call("PUT", api.of("anna", "pause"), body).status == 400
    assert api.users() == []


def test_a_paused_memory_keeps_nothing_and_still_recalls(api):
    chat(api.program, FACT, name="anna")
    assert api.pause("anna").json() == {"user_id": "anna", "paused": True}
    chat(api.program, "I live in Oslo.", name="anna")
    assert [x["user"] for x in api.exchanges("anna")] == [FACT]
    assert api.users()[0]["paused"] is True
    assert recalled(api.program)
    assert api.explain("anna", QUESTION)["paused"] is True
    assert api.import_("anna", b"").status == 409
    api.delete(api.of("anna"))
    [left] = api.users()
    assert (left["exchanges"], left["last_at"], left["paused"]) == (0, None, True)
    assert api.pause("anna", False).json()["paused"] is False
    chat(api.program, "I live in Oslo.", name="anna")
    assert len(api.exchanges("anna")) == 1


# --- what a record of the log is to a caller ----------------------------------------------------------------


def test_records_of_blocks_are_nobodys_exchanges(api, upstream):
    """What was put into a request is noted in the log, and is neither listed nor counted."""
    upstream.behaviour = say("Noted.")
    chat(api.program, FACT, name="anna", session="s1")
    for n in range(3):
        asked = f"Question {n}: what is the name of my cat?"
        assert "injected" in status_of(chat(api.program, asked, name="anna", session=f"q{n}"))
    assert len(api.exchanges("anna")) == 4
    assert api.users()[0]["exchanges"] == 4
    assert len(api.export("anna").splitlines()) == 4
    assert sum(s["exchanges"] for s in api.get(api.of("anna", "sessions")).json()["sessions"]) == 4
    assert len(api.get("/v1/sessions/q0").json()["messages"]) == 2
    assert api.delete(api.of("anna")).json() == {"deleted": 4}


# --- methods, paths, browsers ----------------------------------------------------------------------------------


def test_what_is_not_there_is_404_and_not_litellms(api, upstream):
    paths = ["", "users/", "nothing", "users//exchanges", "users/a/exchanges/b/c", "users/a/"]
    for path in ("/memory/api/" + p for p in paths):
        reply = api.call("GET", path, checked=False)
        assert (reply.status, reply.json()["error"]["code"]) == (404, "not_found")
    assert not upstream.requests


def test_another_method_is_405_and_says_which_there_are(api):
    reply = api.call("POST", api.of("anna", "exchanges", "0" * 32), {}, checked=False)
    assert (reply.status, reply.get("allow")) == (405, "GET, PATCH, DELETE")
    assert api.call("OPTIONS", api.of("anna"), checked=False).status == 405


def test_a_head_is_answered_as_a_get_without_a_body(api):
    chat(api.program, FACT, name="anna")
    for path in (api.of("anna", "exchanges"), api.of("anna", "export"), "/v1/sessions"):
        reply = api.call("HEAD", path, checked=False)
        assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_any_page_could_send_is_refused(api, kind):
    line = json.dumps({"session": "s", "user": "planted", "reply": "x"}).encode()
    for method, path in (("POST", api.of("anna", "import")), ("PUT", api.of("anna", "pause"))):
        assert api.call(method, path, line, kind).status == 415
    assert api.users() == []


def test_nobody_is_told_that_other_sites_may_call(api):
    headers = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "DELETE")]
    for method, path in (("OPTIONS", api.of("anna")), ("GET", api.of("anna", "exchanges"))):
        reply = call(api.program.port, method, path, headers)
        assert not [name for name, _ in reply.head.fields if name.lower().startswith("access-control")]


# --- /v1/sessions, as the original had them ------------------------------------------------------------------------


def test_sessions_of_the_original(api, upstream):
    upstream.behaviour = say("Noted.")
    chat(api.program, FACT, name="anna", session="conversation-1")
    history = [user(FACT), assistant("Noted."), user("It is grey.")]
    chat(api.program, history, name="anna", session="conversation-1")
    chat(api.program, "I live in Oslo.", name="ben", session="conversation-2")

    assert api.get("/v1/sessions").json() == {"sessions": ["conversation-1", "conversation-2"], "count": 2}
    assert api.get("/v1/sessions", user_id="ben").json() == {"sessions": ["conversation-2"], "count": 1}
    told = api.get("/v1/sessions/conversation-1").json()
    assert (told["session_id"], told["user_id"], told["metadata"]) == ("conversation-1", "anna", {})
    said = [(m["role"], m["content"]) for m in told["messages"]]
    assert said == [("user", FACT), ("assistant", "Noted."), ("user", "It is grey."), ("assistant", "Noted.")]
    assert told["created_at"] <= told["messages"][0]["timestamp"] <= told["last_accessed"]

    missing = api.get("/v1/sessions/nothing")
    assert (missing.status, missing.json()) == (404, {"detail": "Session not found"})
    assert api.get("/v1/sessions/conversation-1", user_id="ben").status == 404
    for _ in range(2):
        gone = api.delete("/v1/sessions/conversation-1")
        assert (gone.status, gone.json()) == (200, {"status": "deleted", "session_id": "conversation-1"})
    assert api.get("/v1/sessions/conversation-1").status == 404
    assert not recalled(api.program)
    assert api.delete("/v1/sessions/conversation-2", user_id="ben").status == 200
    assert api.get("/v1/sessions").json() == {"sessions": [], "count": 0}


def test_other_methods_of_sessions_are_litellms(memproxy, upstream):
    call(memproxy.port, "POST", "/v1/sessions", [], b"{}")
    call(memproxy.port, "GET", "/v1/sessions/a/b")
    assert [r.target for r in upstream.requests] == ["/v1/sessions", "/v1/sessions/a/b"]


# --- trouble ------------------------------------------------------------------------------------------------------------


def test_a_failing_store_is_a_503_in_openais_shape(launch, upstream):
    program = launch(upstream.url, flags=["--store", "faulty:fail=all:memory:"])
    api = Api(program)
    for path in ("/memory/api/users", api.of("anna", "exchanges"), api.of("anna", "export"), "/v1/sessions"):
        reply = api.get(path)
        assert (reply.status, reply.json()["error"]["code"]) == (503, "store_unavailable")


def test_a_client_that_leaves_does_no_harm(api):
    for n in range(50):
        chat(api.program, f"Fact {n}: " + "word " * 500, name="anna")
    for _ in range(10):
        client = api.stream("GET", api.of("anna", "export"), receive_buffer=4096)
        client.head()
        client.reset()
    wait_until(lambda: len(api.export("anna").splitlines()) >= 50)
