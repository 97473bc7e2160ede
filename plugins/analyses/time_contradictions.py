"""Times in the story of a machine that contradict each other."""

from collections.abc import Iterator

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record


@analysis("life_event", yields=(Finding,))
def time_contradictions(tables: Tables) -> Iterator[Record]:
    """Lines of the life story that something speaks against, once for each reason.

    Reason: a clock that was wrong or set back, times that a program set, disks changed afterwards.
    False positives: templates and imports are older than their machine; moved files keep times.
    Reference: MITRE ATT&CK T1070.006; docs/how-it-works.md on the story.
    """
    told: set[tuple[str, str]] = set()
    for row in tables.rows("life_event"):
        for doubt in row["contradictions"]:
            if (row["story"], doubt) not in told:
                told.add((row["story"], doubt))
                yield Finding.about(row, "TIME-DOUBT", f"{row['vm_name'] or row['story']}, "
                                    f"{row['what']}: {doubt}", "derived: times compared")
