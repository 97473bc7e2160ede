"""Jump lists: real ones, made ones of each version, damage."""

from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unsupported
from analyzer.formats.jump_list import Destination, automatic, custom
from corpus.make.virtual_server import shortcut
from tests.unit.formats.damage import outcomes
from tests.unit.formats.shell_files import compound, dest_list

AT = 128_900_000_000_000_000
LINK = shortcut("D:\\VMs\\web.vhd")


def made(version: int = 3) -> bytes:
    return compound({"DestList": dest_list(version, (0x1A, "D:\\VMs\\web.vhd", AT, 4),
                                           (2, "C:\\Windows\\System32\\virtmgmt.msc", AT - 5, 9)),
                     "1a": LINK})


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_automatic_list(version: int) -> None:
    first, second = automatic(made(version))
    assert isinstance(first, Destination)
    assert isinstance(second, Destination)
    assert first.link is not None
    assert first.link.target == first.path == "D:\\VMs\\web.vhd"
    assert (first.computer, first.used_at, first.is_pinned) == ("hv1", AT, False)
    assert first.use_count == (4 if version > 1 else None)
    assert (second.path, second.link) == ("C:\\Windows\\System32\\virtmgmt.msc", None)


def test_a_custom_list() -> None:
    data = b"\2\0\0\0" + bytes(32) + LINK + b"?" * 16 + shortcut("D:\\b.vhd") + LINK[:60]
    first, second, third = custom(data)
    assert isinstance(first, Destination)
    assert isinstance(second, Destination)
    assert first.link is not None
    assert (first.link.target, first.offset) == ("D:\\VMs\\web.vhd", 36)
    assert second.offset == 36 + len(LINK) + 16
    assert isinstance(third, Corrupt)
    assert list(custom(b"")) == []


def test_what_is_none_and_what_is_cut() -> None:
    with pytest.raises(NotThisFormat):
        list(automatic(b"?" * 600))
    with pytest.raises(Corrupt, match="compound"):
        list(automatic(made()[:300]))
    with pytest.raises(Unsupported, match="version 9"):
        list(automatic(compound({"DestList": dest_list(9)})))
    assert list(automatic(compound({"1": LINK}))) == []
    many = bytearray(dest_list(3, (1, "x", AT, 1)))
    many[4] = 200
    cut = list(automatic(compound({"DestList": bytes(many)})))
    assert isinstance(cut[-1], EvidenceError)


def test_real_lists(plaso: Path) -> None:
    folder = plaso / "automaticDestinations-ms"
    found = list(automatic((folder / "1b4dd67f29cb1962.automaticDestinations-ms").read_bytes()))
    assert len(found) == 7
    assert isinstance(found[0], Destination)
    assert found[0].path == "C:\\Users\\bperry\\Downloads"
    assert times.iso(found[0].used_at)[:10] == "2015-08-29"
    assert all(isinstance(row, Destination) and row.link is not None for row in found)
    newer = list(automatic((folder / "9d1f905ce5044aee.automaticDestinations-ms").read_bytes()))
    assert [row.use_count for row in newer if isinstance(row, Destination)] == [1, 1]
    folder = plaso / "customDestinations-ms"
    name = "5afe4de1b92fc382.customDestinations-ms"
    rows = list(custom((folder / name).read_bytes()))
    assert len(rows) == 9
    assert all(isinstance(row, Destination) and row.link is not None
               and row.link.target.endswith("GettingStarted.exe") for row in rows)


def test_damage_ends_in_a_result_or_an_error() -> None:
    assert outcomes(lambda data: list(automatic(data)), made()) <= {
        "result", "NotThisFormat", "Corrupt", "Unsupported"}
    assert outcomes(lambda data: list(custom(data)), LINK * 2) == {"result"}
    structures = made()[:3072]
    rest = made()[3072:]
    assert outcomes(lambda data: list(automatic(data + rest)), structures, 1000) <= {
        "result", "NotThisFormat", "Corrupt", "Unsupported"}
