"""Services and drivers of virtualisation, of hosts and of guests."""

import re
from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats import service_entry
from analyzer.formats.hive import Key
from analyzer.plugin import artifact
from analyzer.records import HostService, Record
from analyzer.system import WindowsSystem

PARTS = {
    "role": "vmms vhdsvc nvspwmi",
    "component": "vmcompute hvhost hns hvboot hvservice vmsmp vmsp vmsproxy storvsp vid vmbusr "
                 "vpcivsp vhdparser pvhdparser passthruparser",
    "guest": "vmbus storvsc netvsc storflt vmbushid hyperkbd s3cap dmvsc gencounter vmgid vpci",
    "Virtual Server": "virtual|server",
}
"""Names in lower case; source: FIELD-GUIDE 9.1, and Microsoft dd578337 for 2008."""
PART = {name.replace("|", " "): part for part, names in PARTS.items() for name in names.split()}
INTEGRATION = re.compile("vmic[a-z]+")


@artifact(HostService)
def host_services(system: WindowsSystem) -> Iterator[Record]:
    """Start type, program and account of each, in every control set, and is the program there."""
    registry = system.registry
    for control_set in registry.control_sets:
        services = registry.key("SYSTEM", f"{control_set}\\Services")
        for key in services.subkeys() if services is not None else ():
            name = key.name.lower()
            part = "guest" if INTEGRATION.fullmatch(name) else PART.get(name)
            if part is not None:
                yield system.own(_service(system, key, control_set, part))


def _service(system: WindowsSystem, key: Key, control_set: str, part: str) -> HostService:
    registry, path = system.registry, key.path

    def text(name: str, below: str = "") -> str:
        return registry.text("SYSTEM", path + below, name)

    image_path = text("ImagePath")
    binary, state = _binary(system, image_path, path)
    return HostService(
        source=registry.source("SYSTEM").at(path, key.offset), name=key.name, part=part,
        control_set=control_set, is_current=control_set.lower() == registry.control_set.lower(),
        display_name=text("DisplayName"), account_name=text("ObjectName"), image_path=image_path,
        start_type=service_entry.in_words(
            service_entry.START, registry.integer("SYSTEM", path, "Start")),
        service_type=service_entry.in_words(
            service_entry.TYPE, registry.integer("SYSTEM", path, "Type")),
        service_dll=text("ServiceDll", "\\Parameters") or text("ServiceDll"),
        binary_path=binary, binary_state=state, written_at=key.last_written_at)


def _binary(system: WindowsSystem, image_path: str, place: str) -> tuple[str, str]:
    assert system.windows is not None  # its hives were read
    path = service_entry.program_path(image_path, system.windows.path)
    if not path:
        return "", ""
    try:
        item = system.find(path)
        return path, "missing" if item is None else \
            "present" if item.entry.allocated else "deleted"
    except EvidenceError as error:
        system.problem(error, system.registry.source("SYSTEM").at(place),
                       f"whether {path} is there is not known")
        return path, "unknown"
