"""memproxy's own paths: what they say, and to whom."""

import re

import pytest
from env.chat import chat
from env.programs import wait_until
from env.wire import call

ROUTING = {
    "user_id_mappings": {
        "custom_header": "x-memory-user-id",
        "default_user_id": "default",
        "header_patterns": [
            {"header": "user-agent", "pattern": "^OpenAIClientImpl/Java", "user_id": "secretary"},
            {"header": "User-Agent", "pattern": "java", "user_id": "any-java"},
            {"header": "x-team", "present": True, "user_id": "team"},
        ],
    },
    "client_patterns": [{"header": "user-agent", "pattern": "Java", "client": "java"}],
}


def info(program, *headers):
    reply = call(program.port, "GET", "/memory-routing/info", headers)
    assert reply.status == 200
    return reply.json()


# --- /health ---------------------------------------------------------------------------------------


def test_health_says_what_it_always_said(memproxy, upstream):
    told = call(memproxy.port, "GET", "/health").json()
    assert told["status"] == "healthy"
    assert told["memory_router"] is True
    assert told["litellm_base_url"] == upstream.url
    assert told["components"]["store"] == {"name": "sqlite", "up": True}
    assert told["components"]["litellm"]["up"] is True


def test_health_asks_litellm_for_its_cheap_sign_of_life_alone(memproxy, upstream):
    for _ in range(20):
        call(memproxy.port, "GET", "/health")
    assert not upstream.requests  # nothing but /health/liveliness


def test_components_are_for_this_machine_or_the_admin(launch, upstream):
    program = launch(upstream.url, env={"MEMPROXY_ADMIN_KEY": "admin-key"})
    proxied = [("X-Forwarded-For", "203.0.113.7")]
    assert "components" in call(program.port, "GET", "/health").json()
    assert "components" not in call(program.port, "GET", "/health", proxied).json()
    assert "components" not in call(program.port, "GET", "/health", [*proxied, ("Authorization", "Bearer x")]).json()
    admin = [*proxied, ("Authorization", "Bearer admin-key")]
    assert "components" in call(program.port, "GET", "/health", admin).json()


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "127.0.0.1")],
        [("Forwarded", "for=127.0.0.1")],
        [("Via", "1.1 proxy")],
        [("Host", "evil.example")],
        [("Sec-Fetch-Site", "cross-site")],
    ],
    ids=lambda h: h[0][0],
)
def test_who_comes_through_somebody_is_not_this_machine(memproxy, headers):
    assert call(memproxy.port, "GET", "/metrics", headers).status == 403


def test_health_is_200_and_ready_is_503_while_litellm_is_away(launch, upstream):
    program = launch(upstream.url)
    assert call(program.port, "GET", "/health/ready").status == 200
    upstream.close()
    wait_until(lambda: call(program.port, "GET", "/health/ready").status == 503, 10, "503")
    reply = call(program.port, "GET", "/health")
    assert reply.status == 200
    assert reply.json()["components"]["litellm"]["up"] is False


def test_ready_is_503_while_litellm_says_it_is_not_well(memproxy, upstream):
    upstream.healthy = False
    assert call(memproxy.port, "GET", "/health/ready").status == 503


def test_heads_of_our_paths_have_no_body(memproxy):
    reply = call(memproxy.port, "HEAD", "/health")
    assert (reply.status, reply.body) == (200, b"")


def test_other_methods_of_our_paths_are_litellms(memproxy, upstream):
    call(memproxy.port, "POST", "/health", [], b"{}")
    assert (upstream.last.method, upstream.last.target) == ("POST", "/health")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/models", "/v1/models/m", "/model/info"])
def test_litellms_own_are_under_a_prefix(memproxy, upstream, path):
    call(memproxy.port, "GET", f"/litellm{path}?q=1")
    assert upstream.last.target == f"{path}?q=1"


def test_the_prefix_is_nothing_for_other_paths(memproxy, upstream):
    for path in ("/litellm", "/litellm/", "/litellm/v1/chat/completions", "/litellm/healthy", "/healthy", "/"):
        call(memproxy.port, "GET", path)
        assert upstream.last.target == path


# --- /memory-routing/info -------------------------------------------------------------------------------


def test_the_default_user(launch, upstream):
    told = info(launch(upstream.url, config=ROUTING), ("User-Agent", "curl/8"))
    assert told["routing"] == {
        "user_id": "default",
        "matched_pattern": None,
        "custom_header_present": False,
        "is_default": True,
    }


def test_the_first_matching_pattern_in_the_files_order(launch, upstream):
    program = launch(upstream.url, config=ROUTING)
    told = info(program, ("user-AGENT", "openaiclientimpl/JAVA 1.2"))
    assert told["routing"]["user_id"] == "secretary"
    assert told["routing"]["matched_pattern"] == {
        "header": "user-agent",
        "value": "openaiclientimpl/JAVA 1.2",
        "pattern": "^OpenAIClientImpl/Java",
        "user_id": "secretary",
    }
    assert told["client"] == "java"
    assert info(program, ("User-Agent", "Some Java thing"))["routing"]["user_id"] == "any-java"
    assert info(program, ("X-Team", ""))["routing"]["user_id"] == "team"


def test_the_custom_header_goes_before_patterns(launch, upstream):
    told = info(launch(upstream.url, config=ROUTING), ("User-Agent", "java"), ("X-Memory-User-Id", "anna"))
    routing = told["routing"]
    assert (routing["user_id"], routing["custom_header_present"], routing["is_default"]) == ("anna", True, False)
    assert routing["matched_pattern"]["user_id"] == "any-java"  # told all the same


def test_the_session_is_told(launch, upstream):
    told = info(launch(upstream.url, config=ROUTING), ("x-session-id", "conversation-1"))
    assert told["session"] == "conversation-1"


def test_secrets_are_masked(memproxy):
    secret = "sk-0123456789abcdef"
    names = [
        "Authorization",
        "x-api-key",
        "API-Key",
        "x-litellm-api-key",
        "x-goog-api-key",
        "Cookie",
        "Proxy-Authorization",
    ]
    reply = call(
        memproxy.port, "GET", "/memory-routing/info", [(n, f"Bearer {secret}") for n in names] + [("X-A", "b")]
    )
    assert secret not in reply.body.decode()
    shown = {n.lower(): v for n, v in reply.json()["request_headers"].items()}
    assert shown["x-a"] == "b"
    assert set(map(str.lower, names)) <= set(shown)


@pytest.mark.parametrize("value", ["Zo\xeb", "\xff\xfe", "日本".encode().decode("latin-1"), "x" * 8000])
def test_odd_header_values_do_no_harm(memproxy, value):
    told = info(memproxy, ("x-memory-user-id", value), ("X-Odd", value))
    assert told["routing"]["custom_header_present"] is True


# --- /metrics --------------------------------------------------------------------------------------------------


SAMPLE = re.compile(r'^[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+$')


def test_metrics_are_prometheus_text(memproxy):
    chat(memproxy, "My cat is called Biscuit.")
    chat(memproxy, "What is my cat called?")
    reply = call(memproxy.port, "GET", "/metrics")
    assert reply.get("content-type").startswith("text/plain; version=0.0.4")
    lines = reply.body.decode().splitlines()
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        assert line.startswith("# ") or SAMPLE.match(line), line
        if not line.startswith("#"):
            name = re.split(r"[ {]", line)[0]
            assert name in typed or re.sub(r"_(bucket|sum|count)$", "", name) in typed, line
    assert len(typed) > 5
    assert "Biscuit" not in reply.body.decode()


def test_metrics_count(memproxy):
    def total():
        text = call(memproxy.port, "GET", "/metrics").body.decode()
        return {m[0]: float(m[1]) for m in re.findall(r"^(\S+) ([0-9.e+-]+)$", text, re.MULTILINE)}

    before = total()
    chat(memproxy, "My cat is called Biscuit.")
    chat(memproxy, "What is my cat called?")
    after = total()
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert any("injected" in name for name in grown)
    assert any("request" in name for name in grown)


def test_metrics_need_this_machine_the_key_or_leave(launch, upstream):
    far = [("X-Forwarded-For", "203.0.113.7")]
    program = launch(upstream.url, env={"LITELLM_MASTER_KEY": "sk-master"})
    assert call(program.port, "GET", "/metrics").status == 200
    refused = call(program.port, "GET", "/metrics", far)
    assert refused.status == 403
    assert refused.json()["error"]["type"] == "permission_error"
    assert call(program.port, "GET", "/metrics", [*far, ("Authorization", "Bearer sk-master")]).status == 200

    allowed = launch(upstream.url, config={"metrics": {"allow": ["127.0.0.0/8"]}})
    assert call(allowed.port, "GET", "/metrics", far).status == 200
