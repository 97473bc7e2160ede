"""The case folder is never mixed, never shared, never read as something it is not."""

from pathlib import Path

import pytest

from analyzer.case.folder import Case, clear, existing, prepare
from analyzer.case.lock import CaseInUse, CaseLock
from analyzer.case.manifest import Manifest, load
from analyzer.errors import UsageError


def made(path: Path) -> Case:
    case = prepare(path, resume=False, overwrite=False)
    case.tables.mkdir()
    Manifest("1", ["x"], "2026").save(case.manifest)
    return case


def test_an_existing_case_is_refused_without_a_word(tmp_path: Path) -> None:
    made(tmp_path / "c")
    with pytest.raises(UsageError, match="--resume"):
        prepare(tmp_path / "c", resume=False, overwrite=False)
    prepare(tmp_path / "c", resume=True, overwrite=False)
    prepare(tmp_path / "c", resume=False, overwrite=True)


def test_a_folder_with_other_files_is_refused_whatever_is_said(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"1")
    with pytest.raises(UsageError, match="not a case"):
        prepare(tmp_path, resume=False, overwrite=True)


def test_overwrite_removes_only_what_is_ours(tmp_path: Path) -> None:
    case = made(tmp_path / "c")
    (case.root / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="notes"):
        clear(case)
    assert case.manifest.exists()
    (case.root / "notes.txt").unlink()
    clear(case)
    assert list(case.root.iterdir()) == []


def test_a_file_in_the_way_and_a_missing_case(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file"):
        prepare(tmp_path / "f", resume=False, overwrite=False)
    with pytest.raises(UsageError, match="not a case"):
        existing(tmp_path / "nothing")


def test_partitions_of_unfinished_tasks_are_forgotten(tmp_path: Path) -> None:
    case = made(tmp_path / "c")
    (case.tables / "event").mkdir()
    for name in ("a.parquet", "b.parquet", ".b.parquet.tmp"):
        (case.tables / "event" / name).write_bytes(b"")
    case.forget({"a"})
    assert [p.name for p in case.tables.glob("*/*")] == ["a.parquet"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with CaseLock(tmp_path), pytest.raises(CaseInUse, match=r"process [0-9]+ on"):
        CaseLock(tmp_path).__enter__()
    with CaseLock(tmp_path):
        pass


@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 2}', b"[" * 100_000,
    b'{"format": 2, "tool_version": 3}', b"\xff\xfe"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "case.json").write_bytes(text)
    with pytest.raises(UsageError):
        load(tmp_path / "case.json")


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    manifest = Manifest("1", ["analyze", "\udc80"], "2026", images=[{"name": "a.E01"}])
    manifest.save(tmp_path / "case.json")
    assert load(tmp_path / "case.json") == manifest


def test_what_a_process_left_when_it_died_is_removed(tmp_path: Path) -> None:
    case = made(tmp_path / "c")
    (case.reports / ".report.1.tmp" / "data").mkdir(parents=True)
    (case.reports / ".timeline.csv.2.tmp").write_text("half")
    (case.reports / "timeline.csv").write_text("whole")
    case.tidy()
    assert [p.name for p in case.reports.iterdir()] == ["timeline.csv"]
