"""A Redis of the test's own."""

import subprocess
from pathlib import Path
from urllib.parse import quote

from .programs import Program, clean_environment, free_port, wait_until

PASSWORD = "p@ss/w:rd"


class Redis:
    """One with an append-only file, on a port of its own, that can be ended and started again."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir()
        self.port = free_port()
        self.start()

    @property
    def url(self):
        return f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/0"

    def start(self):
        flags = ["--port", self.port, "--bind", "127.0.0.1", "--requirepass", PASSWORD]
        files = ["--dir", self.directory, "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.program = Program("redis", ["redis-server", *flags, *files], self.directory / "redis.log")
        wait_until(lambda: "PONG" in self.ask("ping"), what="redis")

    def ask(self, *words):
        env = clean_environment(REDISCLI_AUTH=PASSWORD)
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True).stdout

    def kill(self):
        self.program.process.kill()
        self.program.wait()

    def close(self):
        self.program.end()
