"""What is wrong is said clearly, with an exit code; and a saved edit is used at once."""

import contextlib
import os
import re
import socket
import subprocess
import threading
import time

import pytest
from env.chat import chat
from env.programs import MEMPROXY, SANITIZERS, clean_environment, wait_until
from env.wire import Client, call


def run(*flags, cwd, **env):
    """memproxy to its end: exit code and what it said."""
    done = subprocess.run(
        [MEMPROXY, *map(str, flags)],
        env=clean_environment(**SANITIZERS, **env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def config_file(directory, text):
    path = directory / "config.yaml"
    path.write_text(text)
    return path


# --- exit codes -----------------------------------------------------------------------------


BAD = {
    "YAML": ("proxy:\n  host: [127.0.0.1\n", 3, ""),
    "a tab": ("proxy:\n\thost: a\n", 2, ""),
    "a port": ("proxy:\n  host: 127.0.0.1\n  port: eighty\n", 3, "proxy.port"),
    "a port out of range": ("proxy:\n  port: 70000\n", 2, "proxy.port"),
    "a duration": ("proxy:\n  head_timeout: 10 parsecs\n", 2, "proxy.head_timeout"),
    "a choice": ("session:\n  when_unknown: perhaps\n", 2, "session.when_unknown"),
    "a list for a mapping": ("proxy:\n  - a\n", 2, "proxy"),
    "a regular expression": (
        "user_id_mappings:\n  header_patterns:\n    - header: user-agent\n      pattern: '(['\n      user_id: u\n",
        3,
        "pattern",
    ),
    "a rule without a user": ("user_id_mappings:\n  header_patterns:\n    - {header: a, pattern: b}\n", 3, "user_id"),
    "a network": ("metrics:\n  allow: [10.0.0.0/99]\n", 2, "metrics.allow"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_configuration_names_file_line_and_key(tmp_path, name):
    text, line, key = BAD[name]
    path = config_file(tmp_path, text)
    for check in ((), ("--check-config",)):
        code, _, said = run("--config", path, "--port", 0, *check, cwd=tmp_path)
        assert code == 2, said
        found = re.search(r"config\.yaml:(\d+): error: (.*)", said)
        assert found, said
        assert abs(int(found[1]) - line) <= (1 if not key else 0), said
        assert key in found[2]


def test_a_bad_store_in_the_file_is_2(tmp_path):
    path = config_file(tmp_path, "store:\n  url: floppy:disk\n")
    code, _, said = run("--config", path, "--port", 0, cwd=tmp_path)
    assert code == 2
    assert "floppy" in said


def test_every_error_is_reported(tmp_path):
    path = config_file(tmp_path, "proxy:\n  port: x\n  workers: 0\nlog:\n  level: loud\n")
    code, _, said = run("--config", path, "--check-config", cwd=tmp_path)
    assert code == 2
    assert [int(n) for n in re.findall(r"config\.yaml:(\d+): error", said)] == [2, 3, 5]


def test_an_unknown_key_is_a_warning_with_a_suggestion(tmp_path):
    path = config_file(tmp_path, "memory:\n  budget_token: 500\nlitellm_settings:\n  whatever: 1\n")
    code, _, said = run("--config", path, "--check-config", cwd=tmp_path)
    assert code == 0
    assert re.search(r"config\.yaml:2: warning: .*budget_tokens", said), said
    assert "whatever" not in said


def test_the_most_headers_that_may_be_allowed_are_allowed(tmp_path, launch, upstream):
    path = config_file(tmp_path, "proxy:\n  max_headers: 1001\n")
    code, _, said = run("--config", path, "--check-config", cwd=tmp_path)
    assert code == 2
    most = int(re.search(r"max_headers: .* to (\d+)", said)[1])
    program = launch(upstream.url, config={"proxy": {"max_headers": most}})
    with Client(program.port) as client:
        client.request("GET", "/v1/models", [(f"x-{n}", "v") for n in range(most - 1)])
        assert client.reply().status == 200


@pytest.mark.parametrize(
    "flags",
    [["--nonsense"], ["--port"], ["--port", "x"], ["--port", "99999"], ["--store", "floppy:disk"], ["argument"]],
)
def test_wrong_usage_is_2(tmp_path, flags):
    code, _, said = run(*flags, cwd=tmp_path)
    assert code == 2
    assert flags[0].lstrip("-") in said


@pytest.mark.parametrize("scheme", ["rediss", "redis+sentinel", "redis+cluster"])
def test_a_store_of_a_later_day_is_named(tmp_path, scheme):
    code, _, said = run("--store", f"{scheme}://127.0.0.1/0", "--port", 0, cwd=tmp_path)
    assert code == 2
    assert scheme in said


@pytest.mark.parametrize("url", ["redis://:hidden@h/x", "redis://:hidden@h:99999", "redis://h/1?ssl=1"])
def test_a_redis_that_cannot_be_one_is_2(tmp_path, url):
    code, _, said = run("--store", url, "--port", 0, cwd=tmp_path)
    assert code == 2
    assert "redis" in said
    assert "hidden" not in said


def test_a_missing_file_is_2(tmp_path):
    code, _, said = run("--config", tmp_path / "none.yaml", cwd=tmp_path)
    assert code == 2
    assert "none.yaml" in said


def test_a_missing_variable_is_an_error_at_its_line(tmp_path):
    path = config_file(tmp_path, "proxy:\n  admin_key: os.environ/NOT_SET_ANYWHERE\n")
    code, _, said = run("--config", path, "--check-config", cwd=tmp_path)
    assert code == 2
    assert re.search(r"config\.yaml:2: error: .*NOT_SET_ANYWHERE", said), said


def test_a_port_in_use_is_3(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, said = run("--port", port, "--store", "memory:", cwd=tmp_path)
    assert code == 3
    assert str(port) in said and "in use" in said


def test_a_store_that_cannot_be_opened_is_1(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    code, _, said = run("--port", 0, "--store", f"sqlite:{tmp_path}/file/memory.db", cwd=tmp_path)
    assert code == 1
    assert "file/memory.db" in said


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    other = tmp_path / "memory.db"
    other.write_text("the only copy of a novel\n" * 100)
    before = other.read_bytes()
    code, _, said = run("--port", 0, "--store", f"sqlite:{other}", cwd=tmp_path)
    assert code == 1
    assert "memory.db" in said
    assert other.read_bytes() == before


def test_version_and_help(tmp_path):
    code, said, _ = run("--version", cwd=tmp_path)
    assert (code, said.split()[0]) == (0, "memproxy")
    code, said, _ = run("--help", cwd=tmp_path)
    assert code == 0
    for flag in ("--config", "--host", "--port", "--litellm-url", "--workers", "--store", "--port-file"):
        assert flag in said


# --- what goes before what ----------------------------------------------------------------------


def printed(tmp_path, *flags, **env):
    code, said, err = run("--print-config", *flags, cwd=tmp_path, **env)
    assert code == 0, err
    return said


def test_flags_go_before_environment_before_file_before_defaults(tmp_path):
    def port_line(text):
        return re.search(r"^ *port: *(\d+)", text, re.MULTILINE)[1]

    assert port_line(printed(tmp_path)) == "8764"
    config_file(tmp_path, "proxy:\n  port: 1001\n")
    assert port_line(printed(tmp_path)) == "1001"
    assert port_line(printed(tmp_path, PROXY_PORT="1002")) == "1002"
    assert port_line(printed(tmp_path, "--port", 1003, PROXY_PORT="1002")) == "1003"


def test_print_config_masks_secrets(tmp_path):
    config_file(tmp_path, "proxy:\n  admin_key: key-of-the-admin\n")
    said = printed(tmp_path, LITELLM_MASTER_KEY="sk-very-secret", MEMORY_STORE="redis://:hidden@h:1/0")
    for secret in ("key-of-the-admin", "sk-very-secret", "hidden"):
        assert secret not in said


def test_references_to_the_environment_are_resolved(tmp_path):
    config_file(tmp_path, "proxy:\n  host: os.environ/WHERE\n")
    assert "127.0.0.7" in printed(tmp_path, WHERE="127.0.0.7")


# --- live reload -----------------------------------------------------------------------------------


RULES = """\
user_id_mappings:
  default_user_id: nobody
  header_patterns:
    - header: user-agent
      pattern: "{pattern}"
      user_id: found
"""


def user_of(program):
    reply = call(program.port, "GET", "/memory-routing/info", [("User-Agent", "SomeClient/1.0")])
    return reply.json()["routing"]["user_id"]


@pytest.mark.parametrize("how", ["renamed into place", "written in place"])
def test_a_saved_pattern_is_used_by_requests_500_ms_later(launch, upstream, how):
    program = launch(upstream.url, config=RULES.format(pattern="^Other/"))
    assert user_of(program) == "nobody"
    for pattern, user in (("^SomeClient/", "found"), ("^Different/", "nobody")):
        text = RULES.format(pattern=pattern)
        if how == "written in place":
            program.config.write_text(text)
        else:
            program.configure(text)
        time.sleep(0.5)  # the promise itself
        assert user_of(program) == user


def test_a_broken_edit_changes_nothing_and_is_told(launch, upstream):
    program = launch(upstream.url, config=RULES.format(pattern="^SomeClient/"))
    assert user_of(program) == "found"
    for n, broken in enumerate((RULES.format(pattern="(["), "user_id_mappings: [", "proxy:\n  port: x\n"), 1):
        program.configure(broken)
        wait_until(lambda n=n: program.output().count("not reloaded") == n, what="the refusal in the log")
        assert user_of(program) == "found"
    for said in (r"config\.yaml:4: .*pattern", r"config\.yaml:2: .*proxy\.port"):
        assert re.search(said, program.output()), "file and line are not in the log"
    program.configure(RULES.format(pattern="^Different/"))
    wait_until(lambda: user_of(program) == "nobody", 5, "the next good edit")


def test_a_request_under_way_keeps_its_configuration(launch, upstream):
    go = threading.Event()

    def waits(request):
        request.read()
        assert go.wait(15)
        request.answer(200, {})

    upstream.behaviour = waits
    program = launch(upstream.url, config={"user_id_mappings": {"default_user_id": "old"}})
    replies = []
    thread = threading.Thread(target=lambda: replies.append(chat(program, "Hello there")))
    thread.start()
    upstream.nth(1)
    program.configure({"user_id_mappings": {"default_user_id": "new"}})
    wait_until(lambda: user_of(program) == "new", 5, "the new configuration")
    go.set()
    thread.join()
    assert replies[0].get("x-memory-user") == "old"


def test_a_file_that_is_gone_is_told_without_a_line(launch, upstream):
    program = launch(upstream.url, config=RULES.format(pattern="^Other/"))
    program.config.unlink()
    wait_until(lambda: "the old one stays" in program.output(), 5, "the refusal")
    wait_until(lambda: re.search(r"error proxy \S+config\.yaml: cannot be read: No such file", program.output()), 5)
    assert user_of(program) == "nobody"


def test_sighup_reloads_too(launch, upstream):
    program = launch(upstream.url, config=RULES.format(pattern="^Other/"))
    program.process.send_signal(1)
    wait_until(lambda: user_of(program) == "nobody", 5, "an answer after SIGHUP")


def test_an_edit_that_needs_a_restart_says_so(launch, upstream):
    program = launch(upstream.url, config={"proxy": {"workers": 1}})
    program.configure({"proxy": {"workers": 2}})
    wait_until(lambda: re.search(r"proxy\.workers", program.output()), what="the log's word on workers")
    program.configure({"model_list": [{"model_name": "x", "litellm_params": {"model": "openai/x"}}]})
    wait_until(lambda: re.search(r"model_list", program.output()), what="the log's word on model_list")


def test_and_until_the_restart_it_changes_nothing(launch, upstream):
    """Connections are shared out among the workers that run, not among those to come."""
    program = launch(upstream.url, config={"proxy": {"workers": 1, "max_connections": 4}})
    edit = {"proxy": {"workers": 4, "max_connections": 4}, "user_id_mappings": {"default_user_id": "new"}}
    program.configure(edit)
    wait_until(lambda: user_of(program) == "new", 5, "the edit")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(Client(program.port))
            client.request("GET", "/v1/models")
            assert client.reply().status == 200


def test_included_files_are_watched_and_ours_are_refused_there(launch, upstream, tmp_path):
    """LiteLLM's half may come from other files, as it reads them; ours is in one."""
    extra = tmp_path / "memproxy0" / "models.yaml"
    extra.parent.mkdir()
    extra.write_text("model_list: []\n")
    program = launch(upstream.url, config="include: [models.yaml]\n")
    wait_until(lambda: user_of(program) is None, what="an answer")
    extra.write_text("model_list: []\nuser_id_mappings:\n  default_user_id: u\n")
    wait_until(lambda: re.search(r"models\.yaml:2: user_id_mappings: ignored", program.output()), 5, "the warning")
    assert user_of(program) is None


def test_an_included_file_that_made_an_edit_refused_is_watched(launch, upstream):
    """Nothing of config.yaml is at fault, and it is not saved again."""
    program = launch(upstream.url, config="user_id_mappings:\n  default_user_id: old\n")
    extra = program.directory / "models.yaml"
    extra.write_text("model_list: [\n")
    program.configure("include: [models.yaml]\nuser_id_mappings:\n  default_user_id: new\n")
    wait_until(lambda: "the old one stays" in program.output(), 5, "the refusal")
    assert re.search(r"models\.yaml:2: column", program.output())
    extra.write_text("model_list: []\n")
    wait_until(lambda: user_of(program) == "new", 5, "the edit")


def test_it_runs_without_any_configuration(tmp_path, launch, upstream):
    program = launch(upstream.url, config={})
    assert call(program.port, "GET", "/health").status == 200


def test_only_what_is_asked_for_is_written(tmp_path, launch, upstream):
    program = launch(upstream.url)
    chat(program, "My cat is called Biscuit.")
    files = {p.name for p in program.directory.iterdir()}
    assert files <= {"config.yaml", "memproxy.log", "port1", "memory.db", "memory.db-wal", "memory.db-shm"}
    assert (program.directory / "memory.db").stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path) == [program.directory.name]
