"""The virtual switches of each host as a drawing, with what is plugged into them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.plugin import Tables
from plugins.reports.branching import Place
from plugins.reports.drawing import Drawing, Node
from plugins.reports.hosts import Row

DRAWN: Final = 2_000
"""Switches and adapters of one host."""
_NAMED: Final = re.compile(r"(.+) \(([0-9A-F-]{36})\)", re.DOTALL)
READ: Final = 200_000
"""Rows of one table that are looked at."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The switches of one host."""

    name: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Plug:
    """A node before it has a place: a switch, or what is on it."""

    key: str
    switch: str
    name: str
    facts: tuple[str, ...]
    mark: str
    row: Row
    """What says so."""


def topologies(tables: Tables) -> list[Topology]:
    """One for each host with switches, in order of its address."""
    names = {row["system_id"]: row["host_name"] for row in _rows(tables, "system")}
    switches: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in _rows(tables, "virtual_switch"):
        if row["is_current"]:
            switches[row["system_id"]].setdefault(row["switch_id"], row)
    plugs = _adapters(tables)
    addresses: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows(tables, "network_interface"):
        addresses[row["system_id"]].append(row)
    return [Topology(names.get(system_id) or system_id, _drawing(
        list(_of_switches(own, addresses[system_id])) +
        [plug for plug in plugs[system_id] if plug.switch in own]))
        for system_id, own in sorted(switches.items())]


def _drawing(plugs: list[Plug]) -> Drawing:
    """Switches in the left lane, each with its plugs below it in the next."""
    shown = plugs[:DRAWN]
    order = {plug.switch: number for number, plug in reversed([*enumerate(shown)])}
    shown.sort(key=lambda plug: order[plug.switch])  # stable: the switch stays first
    lines = {plug.key: line for line, plug in enumerate(shown)}
    nodes = []
    for line, plug in enumerate(shown):
        on = None if plug.key == plug.switch else lines[plug.switch]
        place = Place(line, line, 0 if on is None else 1, 0 if on is None else 1, on, 0, "")
        nodes.append(Node(place, plug.name, "", plug.facts, plug.mark, row=plug.row))
    return Drawing(tuple(nodes), len(plugs) - len(shown))


def _of_switches(switches: dict[str, Row], interfaces: list[Row]) -> Iterator[Plug]:
    for number, (key, row) in enumerate(switches.items()):
        facts = [row["kind"] or row["certainty"], key]
        yield Plug(key, key, row["name"] or "(no name)", tuple(facts), "current", row)
        if row["uplink"]:
            name, *own = _parted(row["uplink"])
            yield Plug(f"{number} uplink", key, name, ("uplink of the host", *own), "plain", row)
        if row["host_adapter"]:
            name, *own = _parted(row["host_adapter"])
            own += [address for one in interfaces if one["interface_id"] in row["host_adapter"]
                    for address in one["addresses"]]
            yield Plug(f"{number} host", key, name, ("adapter of the host", *own), "plain", row)


def _parted(adapter: str) -> list[str]:
    """Name and id of an adapter `name (id)`: together they are longer than a line."""
    found = _NAMED.fullmatch(adapter)
    return list(found.groups()) if found else [adapter]


def _adapters(tables: Tables) -> defaultdict[str, list[Plug]]:
    """Adapters of the machines' present states, by host."""
    machines: dict[tuple[str, str], tuple[str, str]] = {}
    for row in _rows(tables, "virtual_machine"):
        state = "" if row["state"] == "registered" else row["state"]
        machines.setdefault((row["system_id"], row["vm_id"]), (row["name"], state))
    inside: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in _rows(tables, "vm_address"):
        if not row["snapshot_id"]:
            inside[row["vm_id"], row["adapter_name"], row["mac"]] += [
                *row["addresses"], row["basis"].partition(":")[0]] if len(row["addresses"]) else []
    plugs: defaultdict[str, list[Plug]] = defaultdict(list)
    for number, row in enumerate(_rows(tables, "vm_network_adapter")):
        if row["switch_id"] and not row["snapshot_id"]:
            title, state = machines.get((row["system_id"], row["vm_id"]), ("", ""))
            facts = [state, row["name"], row["mac"],
                     *inside[row["vm_id"], row["name"], row["mac"]]]
            plugs[row["system_id"]].append(Plug(
                f"{number} machine", row["switch_id"], title or row["vm_id"],
                tuple(filter(None, facts)), "now", row))
    return plugs


def _rows(tables: Tables, table: str) -> Iterator[Row]:
    for count, row in enumerate(tables.rows(table)):
        if count == READ:
            return
        yield row
