"""Which look saw a name: the index of its directory, the file's own record, or both."""

import pytest

from analyzer.blocks import Memory
from analyzer.filesystem.entries import BOTH, INDEX, MFT, SLACK
from analyzer.filesystem.ntfs import Ntfs
from tests.unit.filesystem.mft_writer import (
    DATA,
    TinyVolume,
    file_name,
    file_name_value,
    record,
    resident,
    standard,
)
from tests.unit.filesystem.test_agreement import OTHER, slack_of, volume


def seen(image: bytes) -> dict[str, tuple[str, bool, str]]:
    return {e.path: (e.seen_by, e.allocated, e.note)
            for e in Ntfs.open(Memory(image)).walk() if e.inode >= 24}


def test_names_in_both_and_deleted_ones() -> None:
    found = seen(volume().build())
    assert found["/dir/file 41"] == (BOTH, True, "")
    assert found["/dir"] == found["/stream"] == (BOTH, True, "")
    assert found["/dir/gone"] == (MFT, False, "")
    assert found["/$OrphanFiles/lost"] == (MFT, True, "orphan")


def test_a_file_that_was_taken_out_of_the_index() -> None:
    found = seen(volume(missing=43).build())
    assert found["/dir/file 43"] == (MFT, True, "not in the directory index")
    assert found["/dir/file 42"] == (BOTH, True, "")


def test_a_former_name_in_slack() -> None:
    found = seen(volume(slack=slack_of(42, OTHER)).build())
    assert found["/dir/former"] == (SLACK, False, "former name")


@pytest.mark.parametrize(("held", "expected"), [
    (record(40, [standard(), file_name("other")], sequence=7), (False, "entry reused")),
    (record(40, [standard(), file_name("other")]), (True, "bad parent reference")),
    (b"\xff" * 1024, (True, "record unreadable")),
], ids=["sequence", "name", "noise"])
def test_a_name_that_only_the_index_has(held: bytes, expected: tuple[bool, str]) -> None:
    made = TinyVolume()
    made.names.append((40, 1, file_name_value("listed")))
    made.records[40] = held
    assert seen(made.build())["/listed"] == (INDEX, *expected)


def test_a_deleted_file_that_the_index_still_lists() -> None:
    """A crash between two writes leaves it so; the index is weighed, not taken as agreeing."""
    made = TinyVolume()
    made.names.append((40, 1, file_name_value("half gone")))
    made.records[40] = record(40, [standard(), file_name("half gone"), resident(DATA, b"x")],
                              sequence=2, flags=0)
    assert seen(made.build())["/half gone"] == (BOTH, False, "")
