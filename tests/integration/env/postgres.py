"""A PostgreSQL of the test's own: on a Unix socket, as an unprivileged user."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from env.programs import Program, wait_until

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/missing"))


def as_its_user():
    """It refuses to run as root; Debian's package makes a user of its name."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig", "QUIT"]


class Postgres:
    def __init__(self):
        # A socket's path is short, which pytest's own directories are not.
        self.directory = Path(tempfile.mkdtemp(prefix="memproxy-pg-", dir="/tmp"))
        self.directory.chmod(0o777)
        self.url = f"postgresql:///postgres?user=memproxy&host={self.directory}"
        self._run("initdb", "--pgdata", self._data, "--no-sync", "--auth=trust", "--username=memproxy")
        self.start()

    @property
    def _data(self):
        return self.directory / "data"

    def _run(self, program, *args):
        command = [*as_its_user(), BIN / program, *args]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def start(self):
        command = [*as_its_user(), BIN / "postgres", "-D", self._data, "-k", self.directory]
        settings = ["-c", "listen_addresses=", "-c", "fsync=off"]
        self._program = Program("postgres", [*command, *settings], self.directory / "log", cwd="/")
        wait_until(self._answers, what="PostgreSQL's answer")

    def _answers(self):
        return subprocess.run([BIN / "pg_isready", "-q", "-h", self.directory], check=False).returncode == 0

    def stop(self):
        """As an administrator would: whoever is connected is sent away."""
        self._program.process.send_signal(signal.SIGINT)
        self._program.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.directory)
