"""Machines that User Access Logging saw on a host and that have no configuration there."""

from collections.abc import Iterator

from analyzer import times
from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="VM-UALONLY", severity="medium",
    title="A machine known from User Access Logging alone",
    reason="The counter keeps machines that ran on the host after they were deleted.",
    false_positives="Machines that were migrated away; rows stay up to three years.",
    reference="docs/formats/access-log.md")


@rule(RULE, reads=("access_log_machine", "virtual_machine"))
def vm_ualonly(tables: Tables) -> Iterator[Record]:
    """Machines that User Access Logging saw on a host and that have no configuration there."""
    known = {(row["system_id"], row["vm_id"]) for row in tables.rows("virtual_machine")
             if row["format"] != "none"}
    gone = (row for row in tables.rows("access_log_machine")
            if row["vm_id"] and (row["system_id"], row["vm_id"]) not in known)
    for row in once_each(gone, "system_id", "vm_id"):
        last = times.iso(row["last_seen_at"]) or "a time that is not known"
        yield RULE.found(row, f"{row['vm_id']} ran on this host, last seen at {last}, and has no "
                         "configuration here", "direct: VIRTUALMACHINES of User Access Logging")
