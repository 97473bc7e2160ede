"""The host's pool of MAC addresses and those that its machines have: two rules on one look."""

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Finding, Record, Rule

POOL = Rule(
    code="MAC-POOL", severity="info",
    title="How many addresses of the pool are with machines",
    reason="Many fewer machines than addresses given out would speak of machines that are gone.",
    false_positives="How many were given out before is not recorded.",
    reference="Microsoft, Hyper-V dynamic MAC addresses")
FOREIGN = Rule(
    code="MAC-FOREIGN", severity="medium",
    title="A dynamic MAC address that is not of this host's pool",
    reason="The machine got it on another host: it was moved, imported or copied here.",
    false_positives="The pool of the host was changed since; migrations keep the address.",
    reference="Microsoft, Hyper-V dynamic MAC addresses")
Row = Mapping[str, Any]


@rule(POOL, FOREIGN, reads=("host_setting", "vm_network_adapter"))
def mac_pool(tables: Tables) -> Iterator[Record]:
    """How many of the pool are in use, and dynamic addresses from elsewhere."""
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


def _pool(setting: Row, first: str, last: str, used: Mapping[str, Row]) -> Iterator[Finding]:
    if not len(first) == len(last) == 12:
        return
    low, high = int(first, 16), int(last, 16)
    own = {key: _number(row) for key, row in used.items() if not row["mac_is_static"]}
    inside = {number for number in own.values() if low <= number <= high}
    yield POOL.found(setting, f"{len(inside)} of the {max(0, high - low + 1)} MAC addresses "
                     f"{_mac(low)} to {_mac(high)} are with known machines; how many were given "
                     "out before is not recorded",
                     "derived: the pool in the registry, adapters of all configurations")
    for key, number in own.items():
        if not low <= number <= high:
            yield FOREIGN.found(used[key], f"the dynamic MAC address {_mac(number)} is not of this "
                                "host's pool: the machine came from another host, or the pool was "
                                "changed", "derived: the pool in the registry")


def _number(row: Row) -> int:
    digits = row["mac"].replace("-", "").replace(":", "")
    try:
        return int(digits, 16)
    except ValueError:  # no address: outside of every pool
        return -1


def _mac(number: int) -> str:
    text = f"{number:012X}" if number >= 0 else "unknown"
    return "-".join(text[at:at + 2] for at in range(0, 12, 2)) if number >= 0 else text
