"""Services without which no machine can be managed, disabled."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="SERVICE-DISABLED", severity="high",
    title="A service of the role is disabled",
    reason=(
        "Without it no machine can be managed or started: a host that was taken out of use, or "
        "sabotaged."),
    false_positives="A host that was retired.",
    reference="MITRE ATT&CK T1489, T1562.001")
NEEDED = ("vmms", "vhdsvc", "nvspwmi", "vmcompute")


@rule(RULE, reads=("host_service",))
def service_disabled(tables: Tables) -> Iterator[Record]:
    """Services without which no machine can be managed, disabled."""
    for row in tables.rows("host_service"):
        if row["is_current"] and row["name"].lower() in NEEDED \
                and row["start_type"].startswith("disabled"):
            yield RULE.found(row, f"the service {row['name']} is disabled: without it no "
                             "machine can be managed", "direct: Start of its key")
