"""MAC addresses that several machines of a host have."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="MAC-TWICE", severity="low",
    title="A MAC address that several machines have",
    reason="One is a copy of the other, and traffic of one may have been taken for the other's.",
    false_positives="Exports and copied configurations keep the address.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("vm_network_adapter",))
def mac_twice(tables: Tables) -> Iterator[Record]:
    """Addresses that adapters of more than one machine have, once each."""
    holders: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in tables.rows("vm_network_adapter"):
        if row["mac"].strip("0-") and not row["snapshot_id"]:
            place = row["system_id"], row["mac"]
            holders.setdefault(place, {}).setdefault(row["vm_id"], row)
    for (_, mac), rows in holders.items():
        if len(rows) > 1:
            yield RULE.found(next(iter(rows.values())), f"{mac} is with several machines: "
                             f"{', '.join(sorted(rows))}",
                             "derived: adapters of all configurations")
