"""The change journal of a volume: whose files, in which folder, and what cannot be read."""

from pathlib import Path

import pytest

from analyzer import change_journal as reader
from analyzer.blocks import Extent, ExtentMap, Kind
from analyzer.errors import Unreadable
from analyzer.evidence.image import open_evidence
from analyzer.formats.usn import PAGE
from analyzer.records import JournalEntry, events
from analyzer.system import WindowsSystem, open_systems
from analyzer.volume import Item
from corpus.make.ntfs import Volume
from corpus.make.times import born
from plugins.artifacts.change_journal import change_journal
from tests.dict_system import Content, host
from tests.plugins.artifacts.test_artifacts import VM, of
from tests.unit.formats.usn_writer import journal, record

T = 130_000_000_000_000_000
FOLDER = "C:/VMs/Virtual Machines"
FILES: dict[str, Content] = {"C:/$Extend/$UsnJrnl": b"", f"{FOLDER}/x": b""}


def number_of(path: str, files: dict[str, Content] | None = None) -> tuple[int, int]:
    item = host({**FILES, **(files or {})}, "C").find(path)
    assert item is not None
    return item.entry.inode, item.entry.sequence


def computer(data: bytes) -> WindowsSystem:
    return host({**FILES, "C:/$Extend/$UsnJrnl:$J": data}, "C")


def test_files_of_machines_with_folder_machine_and_reasons() -> None:
    machines, above = number_of("C:\\VMs\\Virtual Machines"), number_of("C:\\VMs")
    gone = (machines[0], machines[1] + 5)
    system = computer(journal(
        record(0, f"{VM}.xml", "file create", at=T, parent=machines),
        record(1, VM, "file delete", "close", at=T + 1, parent=machines, attributes=0x10),
        record(2, "web.vhd", "file delete", "close", at=T + 2, parent=above),
        record(3, f"{VM}.xml", "close", parent=gone), record(4, "notes.txt", "close"),
        record(5, "settings.xml", "close", parent=above)))
    rows = of(JournalEntry, change_journal(system))
    assert [(r.path, r.subject, r.vm_id, r.reasons) for r in rows] == [
        (f"C:\\VMs\\Virtual Machines\\{VM}.xml", "configuration", VM, ("file create",)),
        (f"C:\\VMs\\Virtual Machines\\{VM}", "folder", VM, ("file delete", "close")),
        ("C:\\VMs\\web.vhd", "virtual disk", "", ("file delete", "close")),
        (f"{VM}.xml", "configuration", "", ("close",))]
    assert [e.at for row in rows for e in events(row)] == [T, T + 1, T + 2]
    assert rows[0].source.path == "/p1/$Extend/$UsnJrnl:$J"
    assert (rows[0].source.offset, rows[0].note) == (0, "")
    assert rows[1].note.startswith("left over")
    assert {c.state for c in system.coverage() if "UsnJrnl" in c.place} == {"read"}


class Torn:
    """A journal with a hole, then a page that can be read, then one that cannot."""

    size = 4 * PAGE

    def extents(self) -> ExtentMap:
        return ExtentMap.build([Extent(0, 2 * PAGE, Kind.ZERO),
                                Extent(2 * PAGE, 2 * PAGE, Kind.DATA, 0)])

    def read_at(self, offset: int, length: int) -> bytes:
        assert offset >= 2 * PAGE  # never the hole
        if offset + length > 3 * PAGE:
            raise Unreadable("sectors", 3 * PAGE, PAGE)
        return journal(record(2 * PAGE, "a.vhdx", "close", at=T))[:length]


def test_a_hole_is_not_read_and_a_lost_page_costs_that_page(
        monkeypatch: pytest.MonkeyPatch) -> None:
    known = Item.blocks
    monkeypatch.setattr(Item, "blocks", lambda item: Torn() if item.stream else known(item))
    system = computer(b"")
    assert [r.path for r in of(JournalEntry, change_journal(system))] == ["a.vhdx"]
    assert [(p.code, p.effect) for p in system.problems() if p.plugin] == [
        ("UNREADABLE", "changes of that time are missing")]
    assert {c.state for c in system.coverage() if "UsnJrnl" in c.place} == {"partial"}


def test_of_a_long_journal_the_newest_part_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LARGEST", PAGE)
    data = b"".join(journal(record(n * PAGE, f"{n}.vhd", "close", at=T)) for n in range(3))
    system = computer(data)
    assert [r.path for r in of(JournalEntry, change_journal(system))] == ["2.vhd"]
    assert {c.state for c in system.coverage() if "UsnJrnl" in c.place} == {"skipped by limit"}


@pytest.mark.needs_ntfs3g
def test_the_journal_of_a_disk_without_windows(tmp_path: Path) -> None:
    """NTFS made by ntfs-3g, under the journal's real name.

    ntfs-3g lets nobody write into `$Extend`: another folder is filled, and their names swapped.
    """
    volume = Volume(tmp_path, sectors=16 << 11, start_sector=2048, serial=7, made=born(T))
    with volume.changing() as tree:
        tree.write("/Xextend/$UsnJrnl", b"", born(T), streams={"$J": journal(
            record(0, "old.vhd", "file delete", "close", at=T, parent=(5, 5)))})
    image = tmp_path / "volume.raw"
    image.write_bytes(swapped(volume.image(), "$Extend", "Xextend"))
    system, = open_systems(open_evidence([image]))
    (row,) = of(JournalEntry, change_journal(system))
    assert (row.path, row.changed_at, row.source.path) == (
        "p1:\\old.vhd", T, "/p1/$Extend/$UsnJrnl:$J")
    assert [(c.place, c.state) for c in system.coverage() if c.plugin] == [
        ("p1:\\$Extend\\$UsnJrnl", "read")]
    assert system.problems() == []


def swapped(image: bytes, *names: str) -> bytes:
    """The volume with two names of one length exchanged, in the MFT and in the index."""
    one, other = (name.encode("utf-16-le") for name in names)
    assert image.count(one) >= 2 <= image.count(other)
    return other.join(part.replace(other, one) for part in image.split(one))


def test_damage_is_said() -> None:
    system = computer(b"\xff" * PAGE + journal(record(PAGE, "a.vhd", "close", at=T)))
    assert [r.path for r in of(JournalEntry, change_journal(system))] == ["a.vhd"]
    assert [p.code for p in system.problems()] == ["USN-RECORD"]
    assert {c.state for c in system.coverage() if "UsnJrnl" in c.place} == {"partial"}
