import secrets
import shutil
from pathlib import Path

import pytest
from env.programs import LITELLM as LITELLM_PROGRAM
from env.programs import DemoProvider, Litellm, Memproxy, Program
from env.provider import FakeProvider
from env.redis import Redis
from env.recorder import Recorder
from env.upstream import FakeUpstream

LITELLM = pytest.StashKey()
SHOWN = 6000  # characters of each log that a failure shows


class LitellmStack:
    """LiteLLM with what stands behind it; made once, for all tests that need it."""

    def __init__(self, directory):
        self.provider = FakeProvider()
        self.demo = DemoProvider(directory)
        self.litellm = Litellm(directory, self.provider.url, self.demo.url)

    def close(self):
        self.litellm.end()
        self.demo.end()
        self.provider.close()


def needs_litellm(item):
    return "litellm" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items):
    # The slow starter last: it comes up while the others run.
    items.sort(key=lambda item: (item.get_closest_marker("start_script") is not None, needs_litellm(item)))


def pytest_collection_finish(session):
    wanted = any(map(needs_litellm, session.items)) and not session.config.option.collectonly
    if wanted and Path(LITELLM_PROGRAM).exists():
        directory = session.config._tmp_path_factory.mktemp("litellm")
        session.config.stash[LITELLM] = LitellmStack(directory)


def pytest_unconfigure(config):
    if LITELLM in config.stash:
        config.stash[LITELLM].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for program in Program.running:
            if program.name in ("litellm", "demo") and not needs_litellm(item):
                continue
            report.sections.append((f"{program.name} (pid {program.pid})", program.output()[-SHOWN:]))
    return report


@pytest.fixture(scope="session")
def litellm_stack(request):
    stack = request.config.stash.get(LITELLM, None)
    assert stack, f"there is no {LITELLM_PROGRAM}: scripts/test.sh integration installs it"
    stack.litellm.wait_ready()
    return stack


@pytest.fixture(scope="session")
def litellm(litellm_stack):
    return litellm_stack.litellm


@pytest.fixture(scope="session")
def provider(litellm_stack):
    return litellm_stack.provider


@pytest.fixture(scope="session")
def demo(litellm_stack):
    return litellm_stack.demo


@pytest.fixture
def upstream():
    with FakeUpstream() as up:
        yield up
    assert not up.errors


@pytest.fixture
def launch(tmp_path):
    """launch(upstream_url, …): a memproxy, which must end cleanly after the test."""
    made = []

    def launch(url, **how):
        how.setdefault("config", CONFIG)
        made.append(Memproxy(tmp_path / f"memproxy{len(made)}", url, **how))
        return made[-1]

    yield launch
    for program in made:
        program.stop()


@pytest.fixture
def memproxy(launch, upstream):
    """memproxy in front of the fake upstream."""
    return launch(upstream.url)


@pytest.fixture
def proxied(launch, litellm):
    """memproxy in front of the real LiteLLM."""
    return launch(litellm.url)


@pytest.fixture
def recorded(launch, litellm):
    """The same with a recorder between the two."""
    with Recorder(litellm.port) as recorder:
        program = launch(recorder.url)
        program.recorder = recorder
        yield program


@pytest.fixture
def mark():
    """A word that no other test uses."""
    return "z" + secrets.token_hex(8)


# Everybody has memory, under one name for those who give none. The deadlines are long, so
# that a slow machine changes no outcome; tests of deadlines set their own.
CONFIG = {
    "user_id_mappings": {"custom_header": "x-memory-user-id", "default_user_id": "somebody"},
    "memory": {"deadline": "5s", "cold_deadline": "5s", "keep_deadline": "5s"},
}


@pytest.fixture
def redis(tmp_path):
    assert shutil.which("redis-server"), "there is no redis-server: scripts/test.sh integration installs it"
    server = Redis(tmp_path / "redis")
    yield server
    server.program.end()
