"""What an upstream's prompt cache has seen stays as it was: each body begins with the bytes
of the one before it, up to the last message that is sent again."""

import pytest
from conftest import CONFIG
from env.apis import APIS, Chat, Conversation
from env.chat import chat, status_of
from env.upstream import say

TOPICS = "ficus tulip rose cactus orchid lily fern moss ivy basil mint sage thyme dill leek onion carrot beet maize rye".split()
MARK_BYTES = b', "cache_control": {"type": "ephemeral"}'


def grow_a_garden(program, upstream):
    """Facts to recall, too many to go in at once."""
    upstream.behaviour = say("I see.")
    for n, topic in enumerate(TOPICS):
        for what in ("stands in pot", "was watered on day", "flowers in week"):
            chat(program, f"My {topic} {what} {n}, near the window of room {n + 40}.", session=f"garden-{n}")


def assert_prefix(before, after, end):
    """`end`: what closes the list of messages; behind it the body may be another. Clients move
    their marks, which are no part of what is cached."""
    before, after = (body.replace(MARK_BYTES, b"") for body in (before, after))
    kept = before[: before.rindex(end)]
    assert after.startswith(kept), (
        f"bodies part at byte {next(i for i, (a, b) in enumerate(zip(before, after)) if a != b)}:\n{before}\n{after}"
    )


def converse(conversation, programs, upstream, turns=20, tools=False, restart_at=None):
    """Returns how many turns had a new block, and how many requests put one back."""
    new = resent = 0
    before = None
    for n in range(turns):
        topic = TOPICS[n % len(TOPICS)]
        conversation.user(f"Turn {n}: what about my {topic}?")
        steps = 3 if tools and n % 3 == 1 else 1
        for step in range(steps):
            last = step == steps - 1
            upstream.behaviour = conversation.api.answer(f"About the {topic}: it is fine ({n}).", tool=None if last else f"call_{n}_{step}")
            if n == restart_at and step == 0:
                programs[0].restart()
            reply = conversation.send(programs[(n + step) % len(programs)])
            assert reply.status == 200, reply
            new += "injected" in status_of(reply)
            resent += "resent" in status_of(reply)
            body = upstream.last.body
            if before is not None:
                assert_prefix(before, body, conversation.api.end)
            before = body
            if last:
                conversation.assistant(f"About the {topic}: it is fine ({n}).")
            else:
                conversation.tool_call(f"call_{n}_{step}")
    return new, resent


@pytest.mark.parametrize("tools", [False, True], ids=["talk", "tool loops"])
@pytest.mark.parametrize("marks", [False, True], ids=["no marks", "cache marks"])
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_the_prefix_stays_over_twenty_turns(launch, upstream, api, named, marks, tools):
    program = launch(upstream.url, config=budget(300))
    grow_a_garden(program, upstream)
    conversation = Conversation(api, session="the-conversation" if named else None, marks=marks)
    new, resent = converse(conversation, [program], upstream, tools=tools)
    assert new >= 3
    assert resent >= 19


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_the_prefix_stays_through_a_restart_and_another_proxy(launch, upstream, tmp_path, api):
    store = ["--store", f"sqlite:{tmp_path / 'shared.db'}"]
    programs = [launch(upstream.url, config=budget(300), flags=store) for _ in range(2)]
    grow_a_garden(programs[0], upstream)
    new, resent = converse(Conversation(api), programs, upstream, tools=True, restart_at=10)
    assert new >= 3
    assert resent >= 19


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_the_prefix_stays_where_the_user_goes_on_without_a_reply(launch, upstream, api, named):
    program = launch(upstream.url, config=budget(300))
    grow_a_garden(program, upstream)
    conversation = Conversation(api, session="the-conversation" if named else None)
    before, new = None, 0
    for n, topic in enumerate(TOPICS[:6]):
        conversation.user(f"Turn {n}: what about my {topic}?")
        upstream.behaviour = api.answer(f"Fine ({n}).")
        reply = conversation.send(program)
        new += "injected" in status_of(reply)
        if before is not None:
            assert_prefix(before, upstream.last.body, api.end)
        before = upstream.last.body
        if n % 3 == 2:
            conversation.assistant(f"Fine ({n}).")
    assert new >= 3


def test_a_conversation_holds_three_budgets_at_most(launch, upstream):
    program = launch(upstream.url, config=budget(200))
    grow_a_garden(program, upstream)
    conversation = Conversation(Chat, session="s")
    statuses = []
    for n in range(12):
        conversation.user(f"Turn {n}: what about my {TOPICS[n]}?")
        upstream.behaviour = say(f"Fine ({n}).")
        reply = conversation.send(program)
        conversation.assistant(f"Fine ({n}).")
        statuses.append(status_of(reply))
        assert int(reply.get("x-memory-tokens", 0)) <= 600
    assert "injected" in statuses[0] and "injected" not in statuses[-1]
    assert "resent" in statuses[-1]


# --- a body that is refused because of what was put in ------------------------------------


def refuse_blocks(error, status=400):
    """Refuses what has a block in it; says Fine otherwise."""

    def behaviour(request):
        if b"<memory-" in request.read():
            request.answer(status, {"error": error})
        else:
            request.answer(200, Chat.reply("Fine."))

    return behaviour


TOO_LONG = {"message": "context window exceeded", "type": "invalid_request_error", "code": "400"}


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_body_goes_again_as_it_came(memproxy, upstream, status):
    chat(memproxy, "My cat is called Biscuit.")
    upstream.behaviour = refuse_blocks(TOO_LONG, status)
    n = len(upstream.requests)
    conversation = Conversation(Chat, session="s").user("What is my cat called?")
    reply = conversation.send(memproxy)
    assert reply.status == 200
    assert status_of(reply) == ["degraded:refused"]
    assert reply.get("x-memory-recalled") is None
    assert len(upstream.requests) == n + 2
    assert upstream.last.body == conversation.body()


def test_what_was_refused_is_not_put_back(launch, upstream):
    program = launch(upstream.url)
    chat(program, "My cat is called Biscuit.")
    conversation = Conversation(Chat, session="s").user("What is my cat called?")
    upstream.behaviour = say("Biscuit.")
    assert status_of(conversation.send(program)) == ["injected"]
    conversation.assistant("Biscuit.").user("Say that again.")
    upstream.behaviour = refuse_blocks(TOO_LONG)
    assert status_of(conversation.send(program)) == ["degraded:refused"]
    n = len(upstream.requests)
    conversation.assistant("Fine.").user("And again.")
    assert "resent" not in status_of(conversation.send(program))
    assert len(upstream.requests) == n + 1


def test_what_is_refused_either_way_is_relayed(memproxy, upstream):
    chat(memproxy, "My cat is called Biscuit.")

    def refuse(request):
        with_block = b"<memory-" in request.read()
        request.answer(400, {"error": {**TOO_LONG, "message": f"with block: {with_block}"}})

    upstream.behaviour = refuse
    reply = chat(memproxy, "What is my cat called?")
    assert reply.status == 400
    assert reply.json()["error"]["message"] == "with block: False"
    assert status_of(reply) == ["degraded:refused"]


@pytest.mark.parametrize("kind", ["no_db_connection", "auth_error", "authentication_error", "budget_exceeded"])
def test_a_refused_key_is_not_tried_twice(memproxy, upstream, kind):
    chat(memproxy, "My cat is called Biscuit.")
    error = {"message": "No connected db.", "type": kind, "param": None, "code": "400"}
    upstream.behaviour = refuse_blocks(error)
    n = len(upstream.requests)
    reply = chat(memproxy, "What is my cat called?")
    assert reply.status == 400
    assert reply.json() == {"error": error}
    assert len(upstream.requests) == n + 1


def test_other_errors_are_relayed_at_once(memproxy, upstream):
    chat(memproxy, "My cat is called Biscuit.")
    for status in (401, 403, 404, 429, 500, 503):
        upstream.behaviour = refuse_blocks(TOO_LONG, status)
        n = len(upstream.requests)
        assert chat(memproxy, "What is my cat called?").status == status
        assert len(upstream.requests) == n + 1


def budget(tokens):
    return {**CONFIG, "memory": {**CONFIG["memory"], "budget_tokens": tokens}}
