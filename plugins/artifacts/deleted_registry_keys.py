"""Deleted keys in a system's hives."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.formats.hive import Value
from analyzer.formats.hive_deleted import DeletedKey, deleted_keys
from analyzer.plugin import artifact
from analyzer.records import DeletedRegistryKey, Record
from analyzer.system import WindowsSystem

_HIVES = ("SYSTEM", "SOFTWARE")
_WORDS = ("virtualization", "virtual machine", "virtual server", "hyper-v", "vmms", "vmsmp",
          "vhdsvc", "nvspwmi", "switchlist", "niclist", "\\hns")
_LONGEST = 200


@artifact(DeletedRegistryKey)
def deleted_registry_keys(system: WindowsSystem) -> Iterator[Record]:
    """Deleted keys of SYSTEM and SOFTWARE whose path has to do with virtual machines."""
    for name in _HIVES:
        hive = system.registry.hive(name)
        for key in deleted_keys(hive) if hive is not None else ():
            if any(word in key.path.casefold() for word in _WORDS):
                yield system.own(_record(system, name, key))


def _record(system: WindowsSystem, hive: str, key: DeletedKey) -> DeletedRegistryKey:
    source = replace(system.registry.source(hive), detail=key.path, offset=key.offset)
    return DeletedRegistryKey(
        source=source, hive=hive, key=key.path, lost_values=key.lost_values,
        values=tuple(_shown(value) for value in key.values), written_at=key.last_written_at)


def _shown(value: Value) -> str:
    """`ImagePath (REG_SZ) = x`; other data in hex, cut with a mark where it is long."""
    if value.type in (1, 2):
        data = value.text()
    elif value.type == 4 and len(value.data) == 4:
        data = str(value.integer())
    else:
        data = value.data[:_LONGEST].hex()
        data += f"... ({len(value.data)} bytes)" if len(value.data) > _LONGEST else ""
    return f"{value.name or '(default)'} ({value.type_name}) = {data}"
