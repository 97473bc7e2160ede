"""Machines that only User Access Logging knows."""

from collections.abc import Iterator

from analyzer import times
from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record


@analysis("access_log_machine", "virtual_machine", yields=(Finding,))
def access_log_findings(tables: Tables) -> Iterator[Record]:
    """Machines that User Access Logging saw on a host and that have no configuration there."""
    known = {(row["system_id"], row["vm_id"]) for row in tables.rows("virtual_machine")
             if row["format"] != "none"}
    told = set()
    for row in tables.rows("access_log_machine"):
        key = row["system_id"], row["vm_id"]
        if not row["vm_id"] or key in known or key in told:
            continue
        told.add(key)
        last = times.iso(row["last_seen_at"]) or "a time that is not known"
        yield Finding.about(row, "VM-UALONLY", f"{row['vm_id']} ran on this host, last seen at "
                            f"{last}, and has no configuration here",
                            "direct: VIRTUALMACHINES of User Access Logging")
