"""The case, and the same case with every text made hostile."""

from collections.abc import Callable

import pytest

from tests.plugins.reports import case, hostile
from tests.plugins.reports.tables import FakeTables, with_text


@pytest.fixture
def tables() -> FakeTables:
    """A realistic case with twenty files."""
    return FakeTables([*case.records(), *case.files()])


@pytest.fixture(scope="session")
def named() -> Callable[[str], FakeTables]:
    """The same case with a name put before every text."""
    records = [*case.records(), *case.files(4)]

    def make(name: str) -> FakeTables:
        return FakeTables(with_text(record, lambda text: name + text) for record in records)
    return make


@pytest.fixture(params=range(len(hostile.NAMES)))
def hostile_name(request: pytest.FixtureRequest) -> str:
    """Each name that breaks writers."""
    return hostile.NAMES[request.param]
