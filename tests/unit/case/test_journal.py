"""The journal says of a task that it is finished, or not; never half."""

import json
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.case.journal import Journal
from analyzer.errors import UsageError

ENTRY = {"end": "done", "label": "DC01 \udc80\n", "steps": ["a"], "summary": {"rows": {}}}


def test_what_is_added_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add("a@p1", ENTRY)
    journal.add("b@p1", ENTRY | {"end": "lost"})
    journal.add("a@p1", ENTRY | {"end": "lost"})
    assert list(Journal(path).tasks.items()) == list(journal.tasks.items()) == [
        ("b@p1", ENTRY | {"end": "lost"}), ("a@p1", ENTRY | {"end": "lost"})]


@given(cut=st.integers(0, 400), junk=st.binary(max_size=20))
def test_a_torn_end_is_dropped_and_written_over(
        tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal, sizes = Journal(path), [0]
    for number in range(4):
        journal.add(f"t{number}", ENTRY)
        sizes.append(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:cut] + junk.replace(b"\n", b""))
    whole = sum(size <= cut for size in sizes) - 1
    again = Journal(path)
    assert list(again.tasks) == [f"t{number}" for number in range(whole)]
    again.add("next", ENTRY)
    assert list(Journal(path).tasks) == [*(f"t{number}" for number in range(whole)), "next"]


@pytest.mark.parametrize("line", [
    b"\0\0\0\n", b"[]\n", b"{}\n", b'{"task": 1, "end": "done", "steps": [], "summary": {}}\n',
    b'{"task": "a", "end": "done", "steps": {}, "summary": {}}\n', b"[" * 100_000 + b"\n"])
def test_a_line_that_nobody_tore_is_not_believed(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(json.dumps({"task": "t", **ENTRY}).encode() + b"\n" + line)
    with pytest.raises(UsageError, match="was changed"):
        Journal(path)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add("a", ENTRY)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OSError, match=r"large|room"):
            journal.add("b", ENTRY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(journal.tasks) == ["a"]
    journal.add("c", ENTRY)
    assert list(Journal(path).tasks) == ["a", "c"]
