"""The programs under test, and those around them, as processes of a test."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]
LITELLM = os.environ.get("LITELLM_BIN", str(ROOT / ".venv/bin/litellm"))
MEMPROXY = os.environ.get("MEMPROXY_BIN", str(ROOT / "build/asan/bin/memproxy"))

# A sanitizer's finding ends the program with a code of its own.
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": "exitcode=99",
}
REPORT = re.compile(r"(ERROR: (Address|Leak|Undefined)\w*Sanitizer|runtime error:)")


def wait_until(condition, seconds=20.0, what="the condition"):
    """Asks again until it is true; returns what it gave."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.005)
    return value


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**more):
    """The caller's, without what would configure a program under test."""
    ours = re.compile(r"^(PROXY|LITELLM|MEMPROXY|MEMORY|REDIS|SUPERMEMORY|OPENAI|ENABLE_RATE|MAX_|LOG_|JSON_|DEMO_)")
    kept = {k: v for k, v in os.environ.items() if not ours.match(k)}
    return {**kept, **more}


class Program:
    """A process whose output goes to a file, which is shown where a test fails."""

    running = []

    def __init__(self, name, command, log, env=None, cwd=None):
        self.name = name
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._out = open(self.log, "ab")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],  # no orphans of a killed test
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env=env or clean_environment(),
            cwd=cwd or self.log.parent,
            start_new_session=True,
        )
        Program.running.append(self)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def wait(self, seconds=20.0):
        """Its exit code."""
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is not None and self in Program.running:
                Program.running.remove(self)
                self._out.close()

    def end(self, seconds=20.0):
        """SIGTERM and its exit code; killed if it does not go."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM") from None

    def memory(self, field):
        """A field of /proc/PID/status in bytes: VmRSS, VmHWM."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(field)


class Memproxy(Program):
    """memproxy on a free port, with a configuration and a store of its own."""

    def __init__(self, directory, upstream, config=None, flags=(), env=None, sanitizers="", default_store=False):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "config.yaml"
        self.configure(config if config is not None else {})
        self._args = ["--config", self.config, "--litellm-url", upstream, "--port", "0"]
        if "--store" not in flags and not default_store:
            self._args += ["--store", f"sqlite:{self.directory / 'memory.db'}"]
        self._args += flags
        self._env = clean_environment(**SANITIZERS, **(env or {}))
        if sanitizers:
            self._env["ASAN_OPTIONS"] += ":" + sanitizers
        self._starts = 0
        self._checked = False
        self.start()

    def configure(self, config):
        """Writes the configuration as an editor does: a whole new file in the old one's place."""
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.config)

    def start(self):
        self._starts += 1
        port_file = self.directory / f"port{self._starts}"
        command = [MEMPROXY, *self._args, "--port-file", port_file]
        super().__init__("memproxy", command, self.directory / "memproxy.log", self._env)
        wait_until(lambda: port_file.exists() or self.process.poll() is not None, what="memproxy's port file")
        if not port_file.exists():
            code = self.wait()
            raise AssertionError(f"memproxy ended with {code} before it listened:\n{self.output()}")
        self.port = int(port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        """Ends it and holds it to a clean end."""
        if self._checked:
            return
        self._checked = True
        code = self.end()
        report = REPORT.search(self.output())
        assert not report, self.output()[report.start() - 200 :]
        assert code == 0, f"memproxy ended with {code}:\n{self.output()[-4000:]}"

    def restart(self):
        self.stop()
        self._checked = False
        self.start()

    def kill(self):
        self._checked = True
        self.process.kill()
        self.wait()

    def revive(self):
        self._checked = False
        self.start()


class DemoProvider(Program):
    def __init__(self, directory):
        command = [sys.executable, "-u", ROOT / "examples/demo_provider.py", "--port", "0"]
        super().__init__("demo", command, Path(directory) / "demo.log")
        found = wait_until(lambda: re.search(r"listening on [\d.]+:(\d+)", self.output()), what="the demo provider")
        self.url = f"http://127.0.0.1:{found[1]}"


class Litellm(Program):
    """The real LiteLLM; it takes a quarter of a minute and more to come up."""

    def __init__(self, directory, provider, demo):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.key = "sk-test-" + secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = self.directory / "litellm.yaml"
        config.write_text(json.dumps(self._config(provider, demo)))
        env = clean_environment(
            LITELLM_MASTER_KEY=self.key,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            AIOHTTP_CONNECTOR_LIMIT="20000",
            AIOHTTP_CONNECTOR_LIMIT_PER_HOST="20000",
            PYTHONUNBUFFERED="1",
        )
        command = [LITELLM, "--config", config, "--host", "127.0.0.1", "--port", self.port]
        super().__init__("litellm", command, self.directory / "litellm.log", env)

    @staticmethod
    def _config(provider, demo):
        def route(name, base):
            params = {"model": f"openai/{name}", "api_base": f"{base}/v1", "api_key": "sk-provider", "max_retries": 0}
            return {"model_name": name, "litellm_params": params}

        return {
            "model_list": [route("demo", demo)] + [route(m, provider) for m in PROVIDER_MODELS],
            "litellm_settings": {"drop_params": True, "request_timeout": 60, "num_retries": 0},
            "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }

    def wait_ready(self, seconds=180.0):
        def alive():
            if self.process.poll() is not None:
                raise AssertionError(f"litellm ended with {self.wait()}:\n{self.output()[-3000:]}")
            try:
                return httpx.get(f"{self.url}/health/liveliness", timeout=5).status_code == 200
            except httpx.HTTPError:
                time.sleep(0.2)
                return False

        wait_until(alive, seconds, "LiteLLM's /health/liveliness")
        return self

    @property
    def auth(self):
        return {"Authorization": f"Bearer {self.key}"}


# What env/provider.py serves.
PROVIDER_MODELS = ["echo", "tools", "several", "logprobs", "vision", "extra"]
