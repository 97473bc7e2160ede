"""Directories whose index and files agree: the walk states the same with and without knowing."""

import random
import struct

import pytest

from analyzer.blocks import Memory
from analyzer.errors import EvidenceError, Notice
from analyzer.filesystem import agreement
from analyzer.filesystem.agreement import agreeing
from analyzer.filesystem.entries import Entry
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.ntfs import Ntfs
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import (
    CLUSTER,
    DATA,
    DIRECTORY,
    IN_USE,
    TinyVolume,
    file_name,
    file_name_value,
    index_root,
    non_resident,
    protect,
    record,
    reference,
    resident,
    standard,
)

MFT = 16 * CLUSTER
BLOCKS = 200


def index_block(entries: list[tuple[int, int, bytes]], slack: bytes = b"") -> bytes:
    """One INDX block of 4096 bytes."""
    body = b""
    for number, sequence, value in entries:
        length = 16 + len(value) + -len(value) % 8
        body += struct.pack("<QHHI", reference(number, sequence), length, len(value), 0) + value
        body += bytes(-len(body) % 8)
    body += struct.pack("<QHHI", 0, 16, 0, 2)
    head = struct.pack("<4sHHQQIIII", b"INDX", 48, 9, 0, 0, 48, 48 + len(body), 4072, 0)
    return protect((head.ljust(72, b"\0") + body + slack).ljust(4096, b"\0"))


def volume(*, slack: bytes = b"", missing: int = 0, parent: int = 30, sequence: int = 1,
           ) -> TinyVolume:
    """A directory with an index in a block, six files in it, and odd things beside it."""
    made = TinyVolume()
    names = [(number, sequence, file_name_value(f"file {number}", parent, 1))
             for number in range(40, 46) if number != missing]
    made.add(30, "dir", [index_root([]), non_resident(0xA0, [(BLOCKS, 4)], 4096, name="$I30")],
             flags=IN_USE | DIRECTORY)
    made.data[BLOCKS] = index_block(names, slack)
    for number in range(40, 46):
        made.add(number, f"file {number}", [resident(DATA, b"x" * number)], parent=30,
                 parent_sequence=1)
    made.add(46, "gone", [resident(DATA, b"gone")], parent=30, parent_sequence=1, flags=0)
    made.add(47, "stream", [resident(DATA, b"ads", "s")])
    made.add(48, "a/b", [])
    made.records[49] = record(49, [standard(), file_name("lost", 31, 9)])
    return made


def both(image: bytes, bad: tuple[tuple[int, int], ...], monkeypatch: pytest.MonkeyPatch,
         ) -> tuple[list[Entry], list[Entry], set[Notice], set[Notice]]:
    """Entries and notices of a walk that weighs each name, and of the usual one."""
    with monkeypatch.context() as patch:
        patch.setattr(agreement, "agreeing", lambda *_: set())
        slow = Ntfs.open(Faulty(image, bad))
        weighed = list(slow.walk())
    fast = Ntfs.open(Faulty(image, bad))
    return weighed, list(fast.walk()), set(slow.notices), set(fast.notices)


def agreed(image: bytes) -> set[int]:
    ntfs = Ntfs.open(Memory(image))
    return agreeing(NameIndex.build(ntfs._table), [5, 30])


def test_both_sides_say_the_same() -> None:
    image = volume().build()
    assert agreed(image) == {5, 30}
    found = {entry.path: entry.size for entry in Ntfs.open(Memory(image)).walk()}
    assert {path for path in found if path.startswith("/dir/")} == {
        "/dir/gone", *(f"/dir/file {number}" for number in range(40, 46))}
    assert found["/dir/file 41"] == 41


STALE = file_name_value("file 41", 30, 1)
OTHER = file_name_value("former", 30, 1)


def slack_of(number: int, value: bytes) -> bytes:
    return struct.pack("<QHHI", reference(number, 1), 16 + len(value) + -len(value) % 8,
                       len(value), 0) + value


@pytest.mark.parametrize(("changed", "expected"), [
    ({"slack": slack_of(41, STALE)}, True),
    ({"slack": slack_of(41, OTHER)}, False),
    ({"slack": slack_of(42, STALE)}, False),
    ({"slack": STALE}, True),
    ({"slack": OTHER}, False),
    ({"missing": 43}, False),
    ({"parent": 31}, False),
    ({"sequence": 2}, False),
], ids=str)
def test_what_makes_a_directory_one_to_be_weighed(
        changed: dict[str, bytes | int], expected: bool,
        monkeypatch: pytest.MonkeyPatch) -> None:
    image = volume(**changed).build()  # type: ignore[arg-type] # of its own parameters
    assert (30 in agreed(image)) == expected
    weighed, usual, *_ = both(image, (), monkeypatch)
    assert weighed == usual


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_damage_changes_nothing_about_it(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = volume(slack=slack_of(41, STALE)).build()
    for seed in range(start, start + 50):
        chance = random.Random(seed)
        image = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            record_ = MFT + chance.choice([5, 30, *range(40, 50)]) * 1024
            at = chance.choice([record_, BLOCKS * CLUSTER]) + chance.randrange(600)
            value = chance.choice([b"\0", b"\xff", chance.randbytes(2), chance.randbytes(8)])
            image[at:at + len(value)] = value
        bad = ((BLOCKS * CLUSTER + 512 * chance.randrange(8), 512),) if seed % 5 == 0 else ()
        try:
            weighed, usual, said, fast_said = both(bytes(image), bad, monkeypatch)
        except EvidenceError:
            continue
        if any(notice.code in ("NTFS-DIR", "NTFS-TSK") for notice in said):
            # The Sleuth Kit cannot read an index that the other way read by itself
            weighed, usual = ([entry._replace(seen_by="") for entry in side]
                              for side in (weighed, usual))
        assert weighed == usual, seed
        # a header that stops The Sleuth Kit alone costs nothing where both sides still agree
        assert fast_said <= said, seed
        assert {notice.code for notice in said - fast_said} <= {"NTFS-DIR"}, seed
