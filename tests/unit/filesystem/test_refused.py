"""A directory whose index killed a process: refused, its names come from the files themselves."""

from collections.abc import Iterator
from mmap import mmap

import pytest

from analyzer import attention
from analyzer.blocks import Memory
from analyzer.engine.tasks import Limits
from analyzer.engine.watch import PAGE_SIZE, ChildWatch, Noted, read_note
from analyzer.errors import Refused
from analyzer.filesystem.ntfs import Ntfs
from tests.unit.filesystem.mft_writer import DATA, TinyVolume, file_name_value, non_resident

VOLUME = "x.dd!/p1"


@pytest.fixture
def refuse() -> Iterator[None]:
    attention.watch(ChildWatch(mmap(-1, PAGE_SIZE), [f"directory {VOLUME}/a"], Limits()))
    yield
    attention.watch(None)


def looping() -> bytes:
    """/a/b, with an index in /a that also leads to the root."""
    volume = TinyVolume()
    volume.add_directory(30, "a", [(31, 1, file_name_value("b", 30, 1)),
                                   (5, 5, file_name_value("up", 30, 1))])
    volume.add(31, "b", parent=30, parent_sequence=1)
    return bytes(volume.build())


def test_a_sound_reading_tells_both() -> None:
    assert {e.path for e in Ntfs.open(Memory(looping()), VOLUME).walk()} == {
        "/a", "/a/b", "/a/up"}


@pytest.mark.usefixtures("refuse")
def test_what_only_the_index_says_is_what_is_lost() -> None:
    ntfs = Ntfs.open(Memory(looping()), VOLUME)
    assert {e.path for e in ntfs.walk()} == {"/a", "/a/b"}
    with pytest.raises(Refused), attention.on("directory", f"{VOLUME}/a"):
        raise AssertionError("was read")


def test_the_sleuth_kit_opens_the_volume_with_attention_on_it_and_may_fail(
        monkeypatch: pytest.MonkeyPatch) -> None:
    page = mmap(-1, PAGE_SIZE)
    noted: list[Noted | None] = []

    def fail(*_: object) -> None:
        noted.append(read_note(page[:]))
        raise MemoryError

    monkeypatch.setattr("pytsk3.FS_Info", fail)
    attention.watch(ChildWatch(page, (), Limits()))
    try:
        ntfs = Ntfs.open(Memory(looping()), VOLUME)
        assert {e.path for e in ntfs.walk()} == {"/a", "/a/b", "/a/up"}
    finally:
        attention.watch(None)
    assert noted == [Noted(f"volume {VOLUME}", in_use=False)]
    assert "NTFS-TSK" in {notice.code for notice in ntfs.notices}


def test_a_compressed_file_is_what_is_read_whenever_its_bytes_are_asked_for() -> None:
    volume = TinyVolume()
    volume.add(30, "packed", [non_resident(DATA, [(200, 2), (None, 14)], 9000, flags=1, unit=4)])
    ntfs = Ntfs.open(Memory(bytes(volume.build())), VOLUME)
    entry = ntfs.find("/packed")
    assert entry is not None
    blocks = ntfs.open_file(entry).blocks
    attention.watch(ChildWatch(mmap(-1, PAGE_SIZE), [f"file {VOLUME}/packed"], Limits()))
    try:
        with pytest.raises(Refused):
            blocks.read_at(0, 512)
    finally:
        attention.watch(None)
