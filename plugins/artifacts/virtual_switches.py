r"""Virtual switches of a host: `Services\VMSMP\Parameters\SwitchList` and `NicList`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.errors import EvidenceError, Notice
from analyzer.formats import guid
from analyzer.formats.hive import Key
from analyzer.machines import inventory
from analyzer.network_adapters import InstalledAdapter, installed_adapters
from analyzer.plugin import artifact
from analyzer.records import Record, SwitchPort, VirtualSwitch
from analyzer.system import WindowsSystem

LAYOUT = "names of keys seen in a real hive without switches; what is in them is unsure"
ONLY_NAMED = "known from the configuration of a machine only"
IN_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MOST = 5000


@dataclass
class Bound:
    """Adapters of the host that are bound to one switch."""

    uplinks: list[InstalledAdapter] = field(default_factory=list)
    own: list[InstalledAdapter] = field(default_factory=list)


@artifact(VirtualSwitch, SwitchPort)
def virtual_switches(system: WindowsSystem) -> Iterator[Record]:
    """Switches with their ports and adapters in every control set; those that only machines name.

    External: a physical adapter is bound to it. Internal: only one of the host's. Private: none.
    """
    known: set[str] = set()
    for control_set in system.registry.control_sets:
        for record in _control_set(system, control_set):
            if isinstance(record, VirtualSwitch):
                known.add(record.switch_id)
            yield system.own(record)
    for configured in inventory(system).configured():
        for adapter in configured.configuration.adapters:
            if adapter.switch_id and adapter.switch_id not in known:
                known.add(adapter.switch_id)
                yield system.own(VirtualSwitch(
                    source=configured.file.placed(), switch_id=adapter.switch_id,
                    name=adapter.switch_name, kind="", certainty=ONLY_NAMED, is_current=True))


def _control_set(system: WindowsSystem, control_set: str) -> Iterator[Record]:
    registry = system.registry
    place = f"{control_set}\\Services\\VMSMP\\Parameters"
    switches, nics = (registry.key("SYSTEM", f"{place}\\{name}")
                      for name in ("SwitchList", "NicList"))
    if switches is None and nics is None:
        return
    current = control_set.lower() == registry.control_set.lower()
    adapters = installed_adapters(registry, control_set)
    bound: dict[str, Bound] = {}
    for key in _some(system, nics):
        yield _nic(system, key, adapters, bound, control_set, current=current)
    for key in _some(system, switches):
        identity = guid.normalise(key.name) or key.name
        own = bound.get(identity, Bound())
        below = list(_some(system, key))
        yield _switch(system, key, own, adapters, control_set, current=current)
        for port in below:
            yield SwitchPort(
                source=registry.source("SYSTEM").at(port.path, port.offset), switch_id=identity,
                port_id=guid.normalise(port.name) or port.name, kind="port",
                name=registry.text("SYSTEM", port.path, "FriendlyName"),
                control_set=control_set, is_current=current, settings=_raw(port),
                written_at=port.last_written_at)


def _nic(system: WindowsSystem, key: Key, adapters: dict[str, InstalledAdapter],
         bound: dict[str, Bound], control_set: str, *, current: bool) -> SwitchPort:
    registry = system.registry
    said = registry.text("SYSTEM", key.path, "SwitchName")
    switch_id = guid.normalise(said) or said
    ids = [found.upper() for found in IN_NAME.findall(key.name)]
    identity = ids[-1] if ids else key.name
    adapter = adapters.get(identity)
    if adapter is not None and switch_id:
        ends = bound.setdefault(switch_id, Bound())
        (ends.own if adapter.is_host_side else ends.uplinks).append(adapter)
    return SwitchPort(
        source=registry.source("SYSTEM").at(key.path, key.offset), switch_id=switch_id,
        vm_id=ids[0] if len(ids) == 2 and "--" in key.name else "",
        port_id=identity, kind="adapter", name=registry.text("SYSTEM", key.path, "FriendlyName"),
        adapter=adapter.description if adapter is not None else "", control_set=control_set,
        is_current=current, settings=_raw(key), written_at=key.last_written_at)


def _switch(system: WindowsSystem, key: Key, bound: Bound, adapters: dict[str, InstalledAdapter],
            control_set: str, *, current: bool) -> VirtualSwitch:
    registry = system.registry
    name = registry.text("SYSTEM", key.path, "FriendlyName")
    own, basis = bound.own, "adapters in NicList"
    if not own:
        own = [one for one in adapters.values() if one.is_host_side and name
               and one.description == name]
        basis += "; host's adapter by its name only" if own else ""
    kind = "external" if bound.uplinks else "internal" if own else "private"
    return VirtualSwitch(
        source=registry.source("SYSTEM").at(key.path, key.offset), name=name, kind=kind,
        switch_id=guid.normalise(key.name) or key.name, kind_basis=f"derived: {basis}",
        certainty=LAYOUT, control_set=control_set, is_current=current, settings=_raw(key),
        uplink=_named(bound.uplinks), host_adapter=_named(own), written_at=key.last_written_at)


def _named(adapters: list[InstalledAdapter]) -> str:
    return ", ".join(f"{one.description} ({one.interface_id})" for one in adapters)


def _raw(key: Key) -> tuple[str, ...]:
    rows = []
    for value in key.values():
        try:
            text = value.text()
        except EvidenceError:  # no text: its bytes are the value
            text = value.data.hex()
        rows.append(f"{value.name}={text}"[:300])
    return tuple(rows[:100])


def _some(system: WindowsSystem, key: Key | None) -> Iterator[Key]:
    for count, below in enumerate(key.subkeys() if key is not None else ()):
        if count == MOST:
            assert key is not None
            system.notice(Notice("SWITCH-MANY", f"{key.path} has more than {MOST} keys",
                                 "the rest is left out"),
                          system.registry.source("SYSTEM").at(key.path))
            return
        yield below
