"""Snapshots that are partial, cyclic, or hang on something that is not there."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="SNAP-BROKEN", severity="low",
    title="A snapshot that does not fit its tree",
    reason="Its parent or its machine is not known, so what came before it is not known either.",
    false_positives="Exports bring single snapshots along; deleting one may be interrupted.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("snapshot",))
def snap_broken(tables: Tables) -> Iterator[Record]:
    """Snapshots that are partial, cyclic, or hang on something that is not there."""
    for row in tables.rows("snapshot"):
        if row["state"] != "complete":
            yield RULE.found(row, f"snapshot {row['name'] or row['snapshot_id']}: {row['state']}",
                             "derived: from the configurations")
