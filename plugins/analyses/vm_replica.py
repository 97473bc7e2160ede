"""Configurations with settings of Hyper-V Replica."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-REPLICA", severity="info",
    title="A machine that was replicated",
    reason="The same machine, its disks and their past are or were on another host too.",
    false_positives="Replication is a usual precaution.",
    reference="Microsoft, Hyper-V Replica")


@rule(RULE, reads=("virtual_machine",))
def vm_replica(tables: Tables) -> Iterator[Record]:
    """Configurations with settings of Hyper-V Replica."""
    for row in tables.rows("virtual_machine"):
        if row["replication"]:
            yield RULE.found(row, f"{row['name'] or row['vm_id']} is or was replicated "
                             f"({row['replication']}): as the primary or the replica",
                             "direct: global_settings/replication; which of both is not told")
