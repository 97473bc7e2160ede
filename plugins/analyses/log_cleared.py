"""Event logs that were cleared."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, event_cited

RULE = Rule(
    code="LOG-CLEARED", severity="high",
    title="An event log was cleared",
    reason="What the log had before is gone, and someone with rights over it did that.",
    false_positives="Administrators clear logs that are full, and images are prepared so.",
    reference="MITRE ATT&CK T1070.001; docs/formats/evtx.md")


@rule(RULE, reads=("log_event",))
def log_cleared(tables: Tables) -> Iterator[Record]:
    """Events that say a log was cleared."""
    for row in tables.matching("log_event", "meaning", {"log cleared"}):
        yield RULE.found(row, f"{row['concerns'] or row['channel']} was cleared",
                         f"direct: {event_cited(row)}")
