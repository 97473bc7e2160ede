"""Times in the story of a machine that contradict each other."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="TIME-DOUBT", severity="medium",
    title="Times that contradict each other",
    reason="A clock that was wrong or set back, times that a program set, disks changed later.",
    false_positives="Templates and imports are older than their machine; moved files keep times.",
    reference="MITRE ATT&CK T1070.006; docs/how-it-works.md on the story")


@rule(RULE, reads=("life_event",))
def time_contradictions(tables: Tables) -> Iterator[Record]:
    """Lines of the life story that something speaks against, once for each reason."""
    told: set[tuple[str, str]] = set()
    for row in tables.rows("life_event"):
        for doubt in row["contradictions"]:
            if (row["story"], doubt) not in told:
                told.add((row["story"], doubt))
                yield RULE.found(row, f"{row['vm_name'] or row['story']}, {row['what']}: {doubt}",
                                 "derived: times compared")
