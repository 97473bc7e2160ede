"""What the summary says of places that were looked at."""

from pathlib import Path

from analyzer.case.folder import Case
from analyzer.case.overview import _coverage
from analyzer.case.query import CaseTables
from analyzer.case.store import PartitionWriter
from analyzer.records import Coverage
from analyzer.source import Source


def test_what_was_not_read_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    said = [("a", "C:\\BCD", "not decoded"), ("b", "C:\\BCD", "not decoded"),
            ("a", "C:\\SAM", "unreadable"), ("a", "C:\\x", "absent"), ("b", "C:\\y", "read")]
    with PartitionWriter(tmp_path / "tables", "t") as writer:
        writer.extend(Coverage(source=Source(system), system_id=system, place=place, state=state)
                      for system, place, state in said)
    assert list(_coverage(CaseTables(Case(tmp_path)))) == [
        "", "Looked at: 1 absent, 2 not decoded, 1 read, 1 unreadable",
        "  not decoded: C:\\BCD (in 2 systems)", "  unreadable: C:\\SAM"]
