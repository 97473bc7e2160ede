"""Whose story a row belongs to: by id, by the disk or file it names, by the name alone."""

import re
from collections import defaultdict
from typing import Final

from analyzer.formats.sid import machine_id
from analyzer.plugin import Tables
from plugins.story.happening import SNAPSHOT_DISKS, Row, Teller

_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
File = tuple[str, str]
"""System, path in lower case."""


class Owners:
    """The machines of a case, and what is theirs."""

    def __init__(self, tables: Tables) -> None:
        self.names: dict[str, str] = {}
        self.disks: defaultdict[File, dict[str, Teller]] = defaultdict(dict)
        """Disk files, each with the stories it belongs to."""
        self._chains: dict[str, Teller] = {}
        self._guests = {row["system_id"]: row["vm_id"] for row in tables.rows("system")
                        if row["vm_id"]}
        self._by_name: defaultdict[File, set[str]] = defaultdict(set)
        self.machines = list(tables.rows("virtual_machine"))
        for row in sorted(self.machines, key=lambda row: bool(row["registration_path"]
                                                              or row["state"] == "registered")):
            if row["vm_id"] and (row["name"] or row["vm_id"] not in self.names):
                self.names[row["vm_id"]] = row["name"]  # a registered one's goes before a copy's
            if row["vm_id"]:
                self._by_name[row["system_id"], row["name"].casefold()].add(row["vm_id"])
        self._entitled = _entitled(tables)
        self.layers = list(tables.rows("disk_layer"))
        self._take(tables)

    def _take(self, tables: Tables) -> None:
        guests = {row["system_id"].rpartition("!/")[0]: row["vm_name"]
                  for row in tables.rows("guest_identity") if not row["vm_id"]}
        for row in self.layers:
            if row["vm_id"]:
                self._own(row, self.machine(row["vm_id"]))
        under = {(row["chain"], row["depth"]): row for row in self.layers}
        for row in self.layers:
            below = under.get((row["chain"], row["depth"] + 1))
            if not self.disks.get(_file(row)) and below is not None \
                    and row["path"].lower().endswith(SNAPSHOT_DISKS):
                for teller in list(self.disks.get(_file(below), {}).values()):
                    self._own(row, teller)
            if not self.disks.get(_file(row)):
                inside = guests.get(row["chain"], "")
                self._own(row, self._by_folder(row["path"]) or self._by_right(row)
                          or Teller(f"disk {row['chain']}", "", inside))

    def _own(self, row: Row, teller: Teller) -> None:
        self.disks[_file(row)].setdefault(teller.story, teller)
        if row["depth"] == 0:
            self._chains.setdefault(row["chain"], teller)

    def of_machine(self, row: Row) -> Teller:
        """Of a row of `virtual_machine`; one without an id is called by its configuration."""
        if row["vm_id"]:
            return self.machine(row["vm_id"])
        return Teller(f"configuration {row['configuration_path']}", "", row["name"])

    def machine(self, vm_id: str, name: str = "") -> Teller:
        """The teller of a machine's own story."""
        return Teller(vm_id, vm_id, self.names.get(vm_id) or name)

    def named(self, system_id: str, name: str) -> Teller:
        """A machine known by its name: the only one of that name on the host, else just a name."""
        ids = self._by_name.get((system_id, name.casefold()), set())
        return self.machine(min(ids)) if len(ids) == 1 else Teller(f"name {name}", "", name)

    def _by_folder(self, path: str) -> Teller | None:
        """Snapshot disks lie in a folder that is named after the machine's id."""
        folders = path.upper().split("\\")[:-1]
        found = next((f for f in reversed(folders) if f in self.names), "")
        return self.machine(found) if found else None

    def _by_right(self, row: Row) -> Teller | None:
        """A disk that no configuration names and that lets in one machine alone."""
        found = self._entitled.get(_file(row), set())
        return self.machine(min(found)) if len(found) == 1 else None

    def is_inside(self, row: Row) -> bool:
        """Whether a row comes from within a guest, and is about no machine that this one hosts."""
        return "!/" in row["source_path"] and \
            row["vm_id"] in ("", self._guests.get(row["system_id"], ""))

    def of_guest(self, row: Row) -> Teller | None:
        """The machine that a row from inside a guest is about."""
        if row["vm_id"]:
            return self.machine(row["vm_id"])
        return self._chains.get(row["system_id"].rpartition("!/")[0])

    def of_file(self, system_id: str, path: str) -> list[Teller]:
        """The machines a path belongs to: their disks, else the id in its name."""
        disks = self.disks.get((system_id, path.lower()))
        if disks:
            return list(disks.values())
        ids = [found.upper() for found in _GUID.findall(path) if found.upper() in self.names]
        return [self.machine(ids[-1])] if ids else []


def _file(row: Row) -> File:
    return row["system_id"], row["path"].lower()


def _entitled(tables: Tables) -> dict[File, set[str]]:
    """Disk file -> the machines whose SIDs its access list has."""
    found: defaultdict[File, set[str]] = defaultdict(set)
    for row in tables.rows("file_access"):
        vm_id = machine_id(row["sid"])
        if vm_id and row["subject"] == "virtual disk":
            found[_file(row)].add(vm_id)
    return found
