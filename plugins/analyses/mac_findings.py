"""The host's pool of MAC addresses and those that its machines have."""

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

Row = Mapping[str, Any]


@analysis("host_setting", "vm_network_adapter", yields=(Finding,))
def mac_findings(tables: Tables) -> Iterator[Record]:
    """How many of the pool are in use, dynamic addresses from elsewhere, doubled addresses."""
    used: dict[str, dict[str, Row]] = {}
    for row in tables.rows("vm_network_adapter"):
        if row["mac"].strip("0-") and not row["snapshot_id"]:
            used.setdefault(row["system_id"], {}).setdefault(f"{row['mac']} {row['vm_id']}", row)
    ends: dict[tuple[str, str], Row] = {}
    for row in tables.rows("host_setting"):
        if row["name"] in ("MinimumMacAddress", "MaximumMacAddress"):
            ends[row["system_id"], row["name"]] = row
    for (system_id, name), first in ends.items():
        last = ends.get((system_id, "MaximumMacAddress"))
        if name == "MinimumMacAddress" and last is not None:
            yield from _pool(first, first["value"], last["value"], used.get(system_id, {}))
    for rows in used.values():
        yield from _doubled(rows)


def _pool(setting: Row, first: str, last: str, used: Mapping[str, Row]) -> Iterator[Finding]:
    if not len(first) == len(last) == 12:
        return
    low, high = int(first, 16), int(last, 16)
    own = {key: _number(row) for key, row in used.items() if not row["mac_is_static"]}
    inside = {number for number in own.values() if low <= number <= high}
    yield Finding.about(setting, "MAC-POOL", f"{len(inside)} of the {max(0, high - low + 1)} MAC "
                        f"addresses {_mac(low)} to {_mac(high)} are with known machines; how many "
                        "were given out before is not recorded",
                        "derived: the pool in the registry, adapters of all configurations")
    for key, number in own.items():
        if not low <= number <= high:
            yield Finding.about(used[key], "MAC-FOREIGN", f"the dynamic MAC address {_mac(number)} "
                                "is not of this host's pool: the machine came from another host, "
                                "or the pool was changed", "derived: the pool in the registry")


def _doubled(rows: Mapping[str, Row]) -> Iterator[Finding]:
    by_mac: dict[str, list[Row]] = {}
    for row in rows.values():
        by_mac.setdefault(row["mac"], []).append(row)
    for mac, both in by_mac.items():
        if len(both) > 1:
            machines = ", ".join(sorted(row["vm_id"] for row in both))
            yield Finding.about(both[0], "MAC-TWICE", f"{mac} is with several machines: {machines}",
                                "derived: adapters of all configurations")


def _number(row: Row) -> int:
    digits = row["mac"].replace("-", "").replace(":", "")
    try:
        return int(digits, 16)
    except ValueError:  # no address: outside of every pool
        return -1


def _mac(number: int) -> str:
    text = f"{number:012X}" if number >= 0 else "unknown"
    return "-".join(text[at:at + 2] for at in range(0, 12, 2)) if number >= 0 else text
