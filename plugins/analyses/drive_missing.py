"""Files that drives of machines name and that nobody found, once for each machine."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DRIVE-MISSING", severity="medium",
    title="A disk or medium that is not there",
    reason="The machine was used with it; it was deleted, renamed or taken away since.",
    false_positives="Media that were ejected, volumes that were not acquired.",
    reference="MITRE ATT&CK T1485, T1486")


@rule(RULE, reads=("vm_drive",))
def drive_missing(tables: Tables) -> Iterator[Record]:
    """Files that drives of machines name and that nobody found, once for each machine."""
    missing = (row for row in tables.rows("vm_drive") if row["state"] == "missing")
    for row in once_each(missing, "vm_id", "path"):
        yield RULE.found(row, f"{row['path']} ({row['medium']}) is not in the evidence",
                         f"derived: {row['state_basis'] or 'no such file'}")
