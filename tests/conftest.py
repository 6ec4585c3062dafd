"""Shared fixtures."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from knowledge.load import library as packaged
from knowledge.types import Library
from storage.sql import SqlStore
from tests.postgres_server import Server, schema
from tests.stores import KINDS, Opener


@pytest.fixture(scope="session")
def library() -> Library:
    """The packaged programmes."""
    return packaged()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server that a test may stop and start again; it is to run when the test ends."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="yizhan-", dir=memory if memory.is_dir() else None) as folder:
        server = Server(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes fresh databases in PostgreSQL, of a server of our own or the one that YIZHAN_TEST_POSTGRES names; gives their addresses."""
    url = os.environ.get("YIZHAN_TEST_POSTGRES") or request.getfixturevalue("postgres_server").url
    with ExitStack() as schemas:
        yield lambda: schemas.enter_context(schema(url))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens a store over one fresh database, of each kind in turn."""
    address = request.param.address(tmp_path, lambda: request.getfixturevalue("postgres")())
    made = Opener(request.param, address)
    yield made
    made.close()


@pytest.fixture
def store(opener: Opener) -> SqlStore:
    """A store over a fresh database, of each kind in turn."""
    return opener()
