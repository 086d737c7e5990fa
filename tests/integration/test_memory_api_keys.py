"""Whose memory a key opens, and that nothing opens another's."""

import hashlib
import json

import pytest
from conftest import CONFIG
from env.api import Api, part
from env.chat import chat
from env.upstream import say
from env.wire import call

FACT = "My cat is called Biscuit and hates thunderstorms."
SECRET = "Biscuit"
FAR = [("X-Forwarded-For", "203.0.113.7")]
USERS = "/memory/api/users"


def tenant(key):
    return hashlib.sha256(key.encode()).hexdigest()


def litellm_that_knows(*keys, otherwise=401):
    """Answers chats of all, and /v1/models to whoever has one of the keys."""
    chats = say("Noted.")

    def behaviour(request):
        if request.target != "/v1/models":
            return chats(request)
        request.read()
        known = request.head.get("authorization") in [f"Bearer {k}" for k in keys]
        request.answer(200 if known else otherwise, {"data": []})

    return behaviour


# --- which key is good -------------------------------------------------------------------------------


def test_a_key_that_litellm_does_not_know_is_refused(memproxy, upstream):
    upstream.behaviour = litellm_that_knows("sk-one")
    reply = Api(memproxy, "sk-bad").get(USERS)
    assert (reply.status, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.get("www-authenticate") == "Bearer"
    assert Api(memproxy, "sk-one").get(USERS).status == 200


@pytest.mark.parametrize("status, ours", [(400, 401), (403, 401), (404, 401), (429, 503), (500, 503), (503, 503)])
def test_what_litellms_answer_about_a_key_means(memproxy, upstream, status, ours):
    upstream.behaviour = litellm_that_knows(otherwise=status)
    assert Api(memproxy).get(USERS).status == ours


def test_litellm_away_is_a_503_and_a_key_that_was_good_a_while_ago_still_is(memproxy, upstream):
    chat(memproxy, FACT, name="anna", key="sk-one")
    upstream.close()
    assert [u["user_id"] for u in Api(memproxy, "sk-one").users()] == ["anna"]
    reply = Api(memproxy, "sk-two").get(USERS)
    assert (reply.status, reply.json()["error"]["code"]) == (503, "backend_unavailable")


def test_litellm_is_asked_once_and_not_at_all_after_a_chat(memproxy, upstream):
    chat(memproxy, FACT, name="anna", key="sk-one")
    for _ in range(3):
        Api(memproxy, "sk-one").users()
        Api(memproxy, "sk-two").users()
    assert [r.target for r in upstream.requests] == ["/v1/chat/completions", "/v1/models"]
    asked = upstream.last.head
    assert (upstream.last.method, asked.get("authorization")) == ("GET", "Bearer sk-two")


def test_litellm_gets_no_more_than_the_key_to_judge(memproxy, upstream):
    headers = [("Cookie", "a=b"), ("x-memory-user-id", "anna"), ("X-Other", "c"), ("x-api-key", "sk-x")]
    Api(memproxy, "sk-two", headers).users()
    names = {name.lower() for name, _ in upstream.last.head.fields}
    assert names <= {"host", "authorization", "x-api-key", "accept", "user-agent", "accept-encoding"}
    assert b"memory" not in upstream.last.head.raw


def test_a_refused_chat_and_an_open_page_prove_nothing(memproxy, upstream):
    def behaviour(request):
        request.read()
        request.answer(200 if request.target == "/" else 401, {"detail": "x"})

    upstream.behaviour = behaviour
    assert call(memproxy.port, "GET", "/", [("Authorization", "Bearer sk-bad")]).status == 200
    assert chat(memproxy, FACT, name="anna", key="sk-bad").status == 401
    assert Api(memproxy, "sk-bad").get(USERS).status == 401


def test_real_litellm_judges_keys(proxied, litellm, mark):
    chat(proxied, f"My boat {mark} lies in Kiel.", name="anna", key=litellm.key, model="extra")
    for header in ("Authorization", "x-api-key", "x-litellm-api-key", "API-Key"):
        value = f"Bearer {litellm.key}" if header == "Authorization" else litellm.key
        api = Api(proxied, None, [*FAR, (header, value)])
        assert [x["session"] for x in api.exchanges("anna")], header
        reply = Api(proxied, None, [*FAR, (header, value + "x")]).get(Api.of("anna", "exchanges"))
        assert reply.status == 401, header


# --- without a key ----------------------------------------------------------------------------------------


def test_without_a_key_this_machine_sees_what_was_said_without_one(memproxy):
    chat(memproxy, FACT, name="anna", key=None)
    chat(memproxy, "I live in Oslo.", name="ben", key="sk-one")
    assert [(u["tenant"], u["user_id"]) for u in Api(memproxy, None).users()] == [("local", "anna")]


@pytest.mark.parametrize(
    "headers", [FAR, [("Via", "1.1 x")], [("Host", "evil.example")], [("Sec-Fetch-Site", "cross-site")]], ids=str
)
def test_without_a_key_from_elsewhere_is_401(memproxy, headers):
    chat(memproxy, FACT, name="anna", key=None)
    for path in (USERS, Api.of("anna", "exchanges"), Api.of("anna", "export"), "/v1/sessions"):
        reply = Api(memproxy, None, headers).get(path)
        assert reply.status == 401 and SECRET not in reply.body.decode()


# --- the admin ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["MEMPROXY_ADMIN_KEY", "LITELLM_MASTER_KEY"])
def test_the_admin_key_opens_all(launch, upstream, variable):
    program = launch(upstream.url, env={variable: "sk-admin"})
    for key in ("sk-one", "sk-two", None):
        chat(program, FACT, name="anna", key=key, session=f"of {key}")
    asked = len(upstream.requests)
    admin = Api(program, "sk-admin", FAR)
    tenants = {tenant("sk-one"), tenant("sk-two"), "local"}
    assert {u["tenant"] for u in admin.users()} == tenants
    assert admin.get("/v1/sessions").json()["count"] == 3
    assert admin.get("/v1/sessions/of sk-two".replace(" ", "%20")).json()["user_id"] == "anna"
    for name in tenants:
        assert [u["tenant"] for u in admin.users(tenant=name)] == [name]
        assert len(admin.exchanges("anna", tenant=name)) == 1
    assert admin.exchanges("anna") == []  # its own key's
    assert admin.delete(Api.of("anna"), tenant="local").json() == {"deleted": 1}
    assert {u["tenant"] for u in admin.users()} == tenants - {"local"}
    assert len(upstream.requests) == asked


def test_where_there_is_an_admin_key_the_master_key_is_one_of_many(launch, upstream):
    upstream.behaviour = litellm_that_knows("sk-master", "sk-one")
    program = launch(upstream.url, env={"MEMPROXY_ADMIN_KEY": "sk-admin", "LITELLM_MASTER_KEY": "sk-master"})
    chat(program, FACT, name="anna", key="sk-one")
    assert Api(program, "sk-master").users() == []
    assert Api(program, "sk-master").get(USERS, tenant=tenant("sk-one")).status == 403


def test_keys_that_share_by_configuration_share_this_too(launch, upstream):
    upstream.behaviour = litellm_that_knows("sk-one", "sk-two")
    program = launch(upstream.url, config={**CONFIG, "identity": {"share_keys": True}})
    chat(program, FACT, name="anna", key="sk-one")
    assert len(Api(program, "sk-two").exchanges("anna")) == 1
    assert Api(program, "sk-bad").get(USERS).status == 401


# --- two keys, two users, every route ------------------------------------------------------------------------------------


def routes(api):
    for template, item in api.description()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), template, operation


def every_call(api, ids, **more):
    """Each route with these ids; yields what came."""
    line = json.dumps({"session": "planted", "user": "Planted words.", "reply": "x"}).encode()
    bodies = {"Edit": {"reply": "Planted."}, "Pause": {"paused": True}}
    for method, template, operation in routes(api):
        path = template
        for name, value in ids.items():
            path = path.replace("{%s}" % name, part(value))
        names = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
        query = {"q": SECRET} if "q" in names else {}
        query.update({k: v for k, v in more.items() if k in names})
        content = operation.get("requestBody", {}).get("content", {})
        kind = next(iter(content), None)
        schema = content.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/")[-1]
        body = bodies.get(schema, line) if content else None
        yield method, path, api.call(method, path, body, kind, query)


def everything(api):
    """All that one sees of its own memory."""
    seen = {}
    for user in api.users():
        name = user["user_id"]
        seen[name] = (user, api.exchanges(name), api.export(name), api.get(Api.of(name, "sessions")).json())
    return seen


def test_no_route_shows_or_changes_another_keys_memory(memproxy, upstream):
    chat(memproxy, FACT, name="anna", key="sk-one", session="s-secret")
    one = Api(memproxy, "sk-one")
    before = everything(one)
    known = before["anna"][1][0]["id"]
    ids = {"user": "anna", "session": "s-secret", "id": known}
    strangers = [
        Api(memproxy, "sk-two"),
        Api(memproxy, None),
        Api(memproxy, "sk-two", [("x-memory-user-id", "anna"), ("x-memory-session-id", "s-secret")]),
        Api(memproxy, tenant("sk-one")),  # the tenant's name as a key
        Api(memproxy, "SK-ONE"),
        Api(memproxy, "sk-one\x80"),
        Api(memproxy, "local"),
        Api(memproxy, "sk-two", [("x-api-key", "sk-one")]),  # LiteLLM does not look at it
        Api(memproxy, None, [("Authorization", "sk-one")]),  # no key in LiteLLM's eyes
    ]
    for stranger in strangers:
        for method, path, reply in every_call(stranger, ids):
            if not path.endswith("openapi.json"):
                assert SECRET not in reply.body.decode(), (method, path, stranger.headers)
                assert b"s-secret" not in reply.body.replace(b'"session_id":"s-secret"', b""), (method, path)
        assert everything(one) == before, stranger.headers


def test_no_query_leads_out_of_a_keys_tenant(memproxy):
    chat(memproxy, FACT, name="anna", key="sk-one", session="s-secret")
    one, two = Api(memproxy, "sk-one"), Api(memproxy, "sk-two")
    before = everything(one)
    ids = {"user": "anna", "session": "s-secret", "id": before["anna"][1][0]["id"]}
    for method, path, reply in every_call(two, ids, tenant=tenant("sk-one"), user_id="anna"):
        assert reply.status == (200 if path.endswith("openapi.json") else 403), (method, path)
    assert everything(one) == before
    assert one.get(USERS, tenant=tenant("sk-one")).status == 200

    # A cursor is no way round: here it names the other tenant.
    cursor = tenant("sk-one").encode().hex() + "." + b"a".hex()
    assert two.users(cursor=cursor) == []


def test_no_route_of_one_user_shows_or_changes_anothers(memproxy):
    chat(memproxy, FACT, name="anna", session="s-secret")
    chat(memproxy, "I live in Oslo.", name="ben", session="s-ben")
    api = Api(memproxy)
    before = everything(api)["anna"]
    ids = {"user": "ben", "session": "s-secret", "id": before[1][0]["id"]}
    for method, path, reply in every_call(api, ids):
        if path.startswith(Api.of("ben")):
            assert SECRET not in reply.body.decode(), (method, path)
            if "/exchanges/" in path:
                assert reply.status == 404, (method, path)
    # /v1/sessions/{id} is not of a user, so its DELETE was anna's; the rest was not.
    assert everything(api).get("anna") is None
    chat(memproxy, FACT, name="anna", session="s-secret")
    before = everything(api)["anna"]
    for method, path, reply in every_call(api, ids, user_id="ben"):
        assert SECRET not in reply.body.decode() or path.endswith("openapi.json"), (method, path)
    assert everything(api)["anna"] == before
