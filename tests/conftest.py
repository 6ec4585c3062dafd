"""Shared fixtures."""

import pytest

from knowledge.load import library as packaged
from knowledge.types import Library


@pytest.fixture(scope="session")
def library() -> Library:
    """The packaged programmes."""
    return packaged()
