"""Settings of a host in its registry."""

import re
from collections.abc import Iterator

from analyzer.errors import EvidenceError, Notice
from analyzer.formats.hive import Key
from analyzer.formats.hive_value import Value
from analyzer.plugin import artifact
from analyzer.records import HostSetting, Record
from analyzer.system import VIRTUALIZATION, WindowsSystem

SERVICES = ("vmms", "vmsmp", "vhdsvc", "nvspwmi", "vmcompute")
NETWORKS = ("switchlist", "niclist")
"""Keys with tables of their own."""
GROUPS = {
    "default folders": "default(external|virtual|data)|dataroot", "MAC pool": "macaddress",
    "live migration": "migration|vml", "replication": "replica", "NUMA spanning": "numa",
    "enhanced session": "session", "resource pools": "pool", "authorization": "store|application",
    "versions": "version"}
"""By words in key and name: what most values mean is not public, so they stay raw."""
MOST, DEEPEST, LONGEST = 5000, 8, 1000


@artifact(HostSetting)
def host_settings(system: WindowsSystem) -> Iterator[Record]:
    """Every value below the Virtualization key and the services' parameters, all control sets."""
    registry = system.registry
    roots = [("SOFTWARE", VIRTUALIZATION, "")]
    roots += [("SYSTEM", f"{control_set}\\Services\\{name}\\Parameters", control_set)
              for control_set in registry.control_sets for name in SERVICES]
    for hive, path, control_set in roots:
        key = registry.key(hive, path)
        if key is None:
            continue
        for count, (below, value) in enumerate(_values(key)):
            if count == MOST:
                system.notice(Notice("SETTINGS-MANY", f"{path} has more than {MOST} values",
                                     "the rest is left out"), registry.source(hive).at(path))
                break
            yield system.own(_record(system, hive, control_set, below, value))


def _values(key: Key, depth: int = 0) -> Iterator[tuple[Key, Value]]:
    for value in key.values():
        yield key, value
    for below in key.subkeys() if depth < DEEPEST else ():
        if below.name.lower() not in NETWORKS:
            yield from _values(below, depth + 1)


def _record(system: WindowsSystem, hive: str, control_set: str, key: Key,
            value: Value) -> HostSetting:
    registry, path = system.registry, key.path
    relative = f"{path}\\{value.name}".lower().partition("virtualization\\")[2] or value.name
    group = next((group for group, words in GROUPS.items()
                  if re.search(words, relative, re.IGNORECASE)), "")
    return HostSetting(
        source=registry.source(hive).at(f"{path}\\{value.name}", value.offset), group=group,
        name=value.name, value_type=value.type_name, value=shown(value)[:LONGEST], key=path,
        control_set=control_set, written_at=key.last_written_at,
        is_current=not control_set or control_set.lower() == registry.control_set.lower())


def shown(value: Value) -> str:
    """A value as text; hexadecimal where it is none."""
    try:
        if value.type_name in ("REG_SZ", "REG_EXPAND_SZ", "REG_LINK"):
            return value.text()
        if value.type_name == "REG_MULTI_SZ":
            return "; ".join(value.strings())
        return str(value.integer())
    except EvidenceError:  # no number: its bytes are the value
        return value.data[:LONGEST].hex()
