"""Event logs that were cleared."""

from collections.abc import Iterator

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record


@analysis("log_event", yields=(Finding,))
def log_cleared(tables: Tables) -> Iterator[Record]:
    """Events that say a log was cleared.

    Reason: what the log had before is gone, and someone with rights over it did that.
    False positives: administrators clear logs that are full, and images are prepared so.
    Reference: MITRE ATT&CK T1070.001; meanings in event_meanings.csv.
    """
    for row in tables.matching("log_event", "meaning", {"log cleared"}):
        yield Finding.about(row, "LOG-CLEARED", f"{row['concerns'] or row['channel']} was cleared",
                            f"direct: {row['provider']} {row['event_id']}, record "
                            f"{row['event_record_id']}")
