"""file_findings on rows of file_entry."""

from typing import Any

import pytest

from analyzer.records import FileEntry, Finding
from analyzer.source import Source
from plugins.analyses import file_findings as module
from plugins.analyses.file_findings import file_findings
from tests.plugins.reports.tables import FakeTables

PLACE = Source("h.E01", "/p1/x")


def entry(path: str, seen_by: str, note: str = "", **more: Any) -> FileEntry:
    values: dict[str, Any] = {"entry": 40, "sequence": 1, "size": 0, "allocated": True,
                              "is_directory": False, "volume_id": "p1"}
    return FileEntry(source=PLACE, path=path, seen_by=seen_by, note=note, **values | more)


def found(*rows: FileEntry) -> list[tuple[str, str]]:
    return [(row.code, row.what) for row in file_findings(FakeTables(rows))
            if isinstance(row, Finding)]


def test_usual_files_give_nothing() -> None:
    assert found(entry("C:\\a", "index+mft"), entry("C:\\b", "mft", allocated=False),
                 entry("C:\\c", "slack", "former name"), entry("C:\\d", "slack", "entry reused"),
                 entry("C:\\$OrphanFiles\\e", "mft", "orphan", allocated=False)) == []


@pytest.mark.parametrize(("seen_by", "note", "code"), [
    ("mft", "not in the directory index", "FILE-HIDDEN"),
    ("mft", "orphan; no name", "FILE-ORPHAN"),
    ("index", "entry reused", "FILE-SEQUENCE"),
    ("index", "record unreadable; odd name", "FILE-NORECORD"),
    ("index", "bad parent reference", "FILE-PARENT")])
def test_one_for_each_directory(seen_by: str, note: str, code: str) -> None:
    (first, second) = found(entry("C:\\a\\x", seen_by, note), entry("C:\\a\\y", seen_by, note),
                            entry("C:\\b\\z", seen_by, note))
    assert first[0] == second[0] == code
    assert first[1].startswith("2 names in C:\\a are ")
    assert first[1].endswith(": x, y")


def test_salvaged_names_by_volume_machines_first(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [entry(f"C:\\$Salvaged\\{n}\\{n}.txt", "scan", "FILE record") for n in range(8)]
    rows.append(entry("C:\\$Salvaged\\9\\SQL.VHD", "scan", "FILE record"))
    ((code, what),) = found(*rows)
    assert code == "FILE-SALVAGED"
    assert what == ("9 names in C: are known from FILE records outside $MFT alone: SQL.VHD, "
                    "0.txt, 1.txt, 2.txt, 3.txt and 4 more")
    monkeypatch.setattr(module, "MOST", 1)
    assert [code for code, _ in found(*rows, entry("C:\\x", "index", "entry reused"))] == [
        "FILE-SEQUENCE", "FILE-MORE"]
