"""scripts/start_proxies.sh from its first line to ^C: what a newcomer does."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from env.fake_ollama import FakeOllama
from env.programs import ROOT, Program, clean_environment, free_port, wait_until

pytestmark = [pytest.mark.start_script, pytest.mark.timeout(900)]
SCRIPT = ROOT / "scripts/start_proxies.sh"
ENV_FILE = ROOT / ".env"
READY = re.compile(r"^memproxy answers on (http://\S+?)\.? ", re.MULTILINE)


def master_key():
    return re.search(r"^LITELLM_MASTER_KEY=(\S+)$", ENV_FILE.read_text(), re.MULTILINE)[1]


def started(directory, *flags, env=None, store=None):
    """The script with ports and a store of its own, once everything answers."""
    ports = {n: free_port() for n in ("--port", "--litellm-port", "--demo-port")}
    given = [str(x) for pair in ports.items() if pair[0] not in flags for x in pair]
    store = store or ["--store", f"sqlite:{directory}/memory.db"]
    program = Program("start", [SCRIPT, *given, *store, *flags], directory / "start.log", env or clean_environment())
    program.ports = ports
    wait_until(lambda: READY.search(program.output()) or program.process.poll() is not None, 800, "a start")
    found = READY.search(program.output())
    assert found, program.output()[-3000:]
    program.url = found[1]
    return program


def descendants(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry), *descendants(int(entry))]
    return found


def alive(pids):
    return [p for p in pids if os.path.exists(f"/proc/{p}")]


def ask(url, text, **more):
    body = {"model": "demo", "messages": [{"role": "user", "content": text}]}
    headers = {"Authorization": f"Bearer {master_key()}"}
    reply = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60, **more)
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["message"]["content"]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with FakeOllama() as ollama:
        env = clean_environment(OLLAMA_HOSTS=f"localhost:{ollama.port}, http://127.0.0.1:1/")
        program = started(tmp_path_factory.mktemp("start"), env=env)
        program.ollama = ollama
        yield program
        if program.process.poll() is None:
            program.end(60)


def test_a_newcomer_is_remembered(running, mark):
    """The first request as printed, with the key from .env."""
    ask(running.url, f"My cat {mark} is called Biscuit.")
    assert f"My cat {mark} is called Biscuit." in ask(running.url, f"What is my cat {mark} called?")


def test_the_printed_first_request_works_as_printed(running):
    text = running.output()
    command = text[text.index("    set -a;") : text.index("and the same in Python")]
    done = subprocess.run(
        ["bash", "-ec", command], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "You wrote:" in done.stdout
    python = "\n".join(
        line[4:] for line in text[text.index("    import os, openai") :].splitlines() if line.startswith("    ")
    )
    env = clean_environment(LITELLM_MASTER_KEY=master_key())
    done = subprocess.run([sys.executable, "-c", python], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "You wrote:" in done.stdout


def test_the_key_is_strong_private_and_never_shown(running):
    key = master_key()
    assert len(key) >= 40
    assert ENV_FILE.stat().st_mode & 0o777 == 0o600
    assert (ROOT / "data").stat().st_mode & 0o777 == 0o700
    assert key not in running.output()


def test_every_line_of_a_program_has_its_name_in_front(running):
    lines = running.output().splitlines()
    for name in ("litellm", "memproxy", "demo"):
        assert any(line.startswith(f"[{name}] ") for line in lines)
    assert any(re.match(r"\[litellm\] .*Uvicorn running", line) for line in lines)


def test_an_ollama_that_answers_has_a_route(running):
    reply = httpx.post(
        f"{running.url}/v1/chat/completions",
        json={"model": f"ollama-{running.ollama.port}/tiny:latest", "messages": [{"role": "user", "content": "Hello"}]},
        headers={"Authorization": f"Bearer {master_key()}"},
        timeout=60,
    )
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "I am tiny:latest."


def test_litellm_is_started_again_if_it_dies(running):
    [pid] = [p for p in descendants(running.pid) if f"--port\0{running.ports['--litellm-port']}\0" in cmdline(p)]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "litellm ended with code 137" in running.output(), 20, "the notice")
    wait_until(lambda: "starting litellm again" in running.output(), 20, "the restart")
    reply = httpx.get(f"{running.url}/v1/models", headers={"Authorization": f"Bearer {master_key()}"})
    assert reply.status_code == 502
    wait_until(lambda: httpx.get(f"{running.url}/health/ready").status_code == 200, 180, "LiteLLM's return")
    ask(running.url, "Are you back?")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()
    except OSError:
        return ""


def test_a_second_start_on_the_same_port_says_what_to_do(running):
    done = subprocess.run(
        [SCRIPT, "--port", str(running.ports["--port"])],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert f"port {running.ports['--port']} is in use" in done.stderr


@pytest.fixture
def dotenv_line():
    """Adds a line to .env for one test."""
    before = ENV_FILE.read_bytes() if ENV_FILE.exists() else None

    def add(line):
        ENV_FILE.write_bytes((before or b"") + line.encode() + b"\n")

    yield add
    if before is None:
        ENV_FILE.unlink(missing_ok=True)
    else:
        ENV_FILE.write_bytes(before)


@pytest.mark.parametrize("where", ["config.yaml", ".env"])
def test_the_port_that_counts_is_the_one_that_memproxy_uses(tmp_path, dotenv_line, where):
    """It is in use, and this is said before LiteLLM is waited for; the default port does not matter."""
    config = tmp_path / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as default:
        with contextlib.suppress(OSError):  # in use already: as good
            default.bind(("127.0.0.1", 8764))
            default.listen()
        port = taken.getsockname()[1]
        config.write_text(f"proxy:\n  port: {port}\n" if where == "config.yaml" else "{}\n")
        if where == ".env":
            dotenv_line(f"PROXY_PORT={port}")
        done = subprocess.run(
            [SCRIPT, "--config", config, "--litellm-port", str(free_port()), "--no-demo"],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 3, done.stdout
    assert f"port {port} is in use" in done.stderr
    assert "starting LiteLLM" not in done.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_is_left(tmp_path, how):
    program = started(tmp_path)
    pids = descendants(program.pid)
    assert len(pids) >= 3
    if how == signal.SIGINT:
        os.killpg(program.pid, how)  # as a terminal does
    else:
        program.process.send_signal(how)
    code = program.wait(60)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0)
    wait_until(lambda: not alive(pids), 60, "the end of all")


def test_the_end_of_memproxy_is_the_end_of_all(tmp_path):
    program = started(tmp_path, "--no-litellm", "--no-demo")
    pids = descendants(program.pid)
    [pid] = [p for p in pids if "bin/memproxy\0" in cmdline(p)]
    os.kill(pid, signal.SIGKILL)
    assert program.wait(60) == 137
    wait_until(lambda: not alive(pids), 20, "the end of all")


def test_it_is_small_at_rest(tmp_path):
    program = started(tmp_path, "--no-litellm", "--no-demo")
    [pid] = [p for p in descendants(program.pid) if "bin/memproxy\0" in cmdline(p)]
    with open(f"/proc/{pid}/smaps_rollup") as f:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in f if line.endswith("kB\n")}
    assert kilobytes["Rss"] <= 20 * 1024
    assert kilobytes["Private_Dirty"] <= 6 * 1024
    assert program.end(60) == 0


def test_a_configuration_memproxy_refuses_is_its_exit_code(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("proxy:\n  workers: many\n")
    done = subprocess.run(
        [SCRIPT, "--config", config, "--port", str(free_port()), "--litellm-port", str(free_port())],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 2
    assert "config.yaml:2: error" in done.stderr
    assert "starting LiteLLM" not in done.stdout


def test_a_configuration_is_looked_for_where_the_caller_is(tmp_path):
    (tmp_path / "mine.yaml").write_text("proxy:\n  workers: many\n")
    done = subprocess.run(
        [SCRIPT, "--config", "mine.yaml", "--port", str(free_port()), "--no-litellm", "--no-demo"],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 2
    assert f"{tmp_path}/mine.yaml:2: error" in done.stderr


def test_litellm_that_cannot_start_says_why(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("model_list: []\ngeneral_settings:\n  master_key: sk-1234\n")
    began = time.monotonic()
    done = subprocess.run(
        [SCRIPT, "--config", config, "--port", str(free_port()), "--litellm-port", str(free_port()), "--no-demo"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 1
    assert "litellm ended before it was ready. Its last lines:" in done.stdout
    assert time.monotonic() - began < 170


def test_a_second_run_installs_nothing(tmp_path):
    """Whatever would install is made to fail."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "apt", "pip", "pip3", "npm", "sudo"):
        trap = tools / name
        trap.write_text(f"#!/bin/sh\necho called {name} >> {tmp_path}/called\nexit 97\n")
        trap.chmod(0o755)
    env = clean_environment(
        PATH=f"{tools}:{os.environ['PATH']}", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_NO_CACHE_DIR="1"
    )
    program = started(tmp_path, "--no-litellm", env=env)
    assert "ninja: no work to do." in program.output()
    assert program.end(60) == 0
    assert not (tmp_path / "called").exists()


def test_a_redis_of_its_own_runs_with_it_and_ends_with_it(tmp_path):
    program = started(tmp_path, "--no-litellm", "--no-demo", store=["--redis"])
    told = httpx.get(f"{program.url}/health").json()
    assert told["components"]["store"] == {"name": "redis", "up": True}
    [pid] = [p for p in descendants(program.pid) if "redis-server" in cmdline(p)]
    assert (ROOT / "data/redis").stat().st_mode & 0o777 == 0o700
    assert list((ROOT / "data/redis").rglob("*.aof"))
    assert program.end(60) == 0
    assert not alive([pid])


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--nonsense"], "unknown option"),
        (["--port"], "needs a value"),
        (["--port", "x"], "not a port"),
        (["--config", "no-such.yaml"], "no-such.yaml"),
        (["--redis", "--store", "memory:"], "leave --store out"),
        (["--registry-port", "1"], "memproxy-registry"),
    ],
)
def test_wrong_usage_is_2(flags, words):
    done = subprocess.run([SCRIPT, *flags], env=clean_environment(), capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert words in done.stderr
