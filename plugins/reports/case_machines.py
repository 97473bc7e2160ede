"""Systems, virtual machines, snapshots, virtual disks and adapters of a case as observables."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables
from plugins.reports.case_places import Places
from plugins.reports.case_terms import (
    Node,
    facet,
    name,
    observable,
    reference,
    relationship,
    time,
)
from plugins.reports.hosts import Homes, Machine
from plugins.reports.source_line import address, place

Row = dict[str, Any]


class Machines:
    """Tells each machine, and what belongs to it, once."""

    def __init__(self, tables: Tables, places: Places) -> None:
        self._tables, self._places = tables, places
        self._homes = Homes([Machine(row) for row in tables.rows("virtual_machine")])

    def nodes(self) -> Iterator[Node]:
        """All of them; a parent may come after its children."""
        for table, tell in (("system", self._system), ("virtual_machine", self._machine),
                            ("snapshot", self._snapshot), ("vm_network_adapter", self._adapter)):
            for row in self._tables.rows(table):
                yield from tell(row)
        yield from self._disks()

    def _computer(self, row: Row) -> str:
        """The machine that a row is about; a Windows outside any is a computer of its own."""
        home = self._homes.of(row)
        return self._of_machine(home.row) if home else self._of_system(row["system_id"])

    def _of_machine(self, row: Row) -> str:
        return name("machine", row["vm_id"], row["system_id"], self._places.id(address(row)))

    def _of_system(self, system_id: str) -> str:
        return name("computer", self._places.id(system_id))

    def _state(self, row: Row) -> str:
        """The snapshot that a row was read at, or the machine for its present state."""
        machine = self._computer(row)
        return name("snapshot", machine, row["snapshot_id"]) if row["snapshot_id"] else machine

    def _cited(self, row: Row) -> str:
        return ": ".join(filter(None, (f"read from {address(row)}", place(row))))

    def _system(self, row: Row) -> Iterator[Node]:
        own = name("system", self._places.id(row["system_id"]), row["snapshot_id"])
        if not row["vm_id"]:
            computer = self._of_system(row["system_id"])
            yield observable(computer, ["Computer"], row["host_name"], [row["role"]], [
                facet(computer, "ComputerSpecificationFacet", hostname=row["host_name"],
                      timezoneStandard=row["time_zone"])])
        version = ".".join(filter(None, (row["version"], row["build"])))
        yield observable(own, ["OperatingSystem", "Software"], row["product"],
                         [row["service_pack"], row["role"], self._cited(row)], [
            facet(own, "OperatingSystemFacet", installDate=time(row["installed_at"])),
            facet(own, "SoftwareFacet", version=version)])
        yield relationship(own, "Contained_Within", self._places.id(row["system_id"]))
        yield relationship(own, "Installed_On", self._state(row))

    def _machine(self, row: Row) -> Iterator[Node]:
        own = self._of_machine(row)
        memory = row["memory_mb"]
        yield observable(own, ["Computer"], row["name"] or row["vm_id"],
                         [f"state: {row['state']}", row["notes"], self._cited(row)], [
            facet(own, "DeviceFacet", deviceType="Hyper-V virtual machine",
                  serialNumber=row["bios_serial"]),
            facet(own, "ComputerSpecificationFacet",
                  totalRam=None if memory is None else memory << 20,
                  biosSerialNumber=row["bios_serial"])],
            [reference(own, "Hyper-V virtual machine id", row["vm_id"]),
             reference(own, "BIOS GUID", row["bios_guid"])])
        yield relationship(own, "Hosted_By", self._of_system(row["system_id"]),
                           row["created_at"])
        yield relationship(own, "Characterized_By", self._places.file(row))

    def _snapshot(self, row: Row) -> Iterator[Node]:
        own, machine = self._state(row), self._computer(row)
        yield observable(own, ["ObservableObject"], row["name"], [
            "snapshot of a virtual machine", f"state: {row['state']}", row["notes"],
            self._cited(row)],
            references=[reference(own, "Hyper-V snapshot id", row["snapshot_id"])])
        yield relationship(own, "Snapshot_Of", machine, row["created_at"])
        yield relationship(own, "Characterized_By", self._places.file(row))
        if row["parent_id"] and row["state"] != "dangling parent":
            yield relationship(own, "Child_Of", name("snapshot", machine, row["parent_id"]))

    def _adapter(self, row: Row) -> Iterator[Node]:
        if not row["mac"]:
            return
        state = self._state(row)
        own, mac = name("adapter", state, row["mac"], row["name"]), name("MAC", row["mac"])
        yield observable(mac, ["MACAddress"], "", (), [
            facet(mac, "MACAddressFacet", addressValue=row["mac"])])
        yield observable(own, ["NetworkInterface"], row["name"], [self._cited(row)], [
            facet(own, "NetworkInterfaceFacet", adapterName=row["name"],
                  macAddress={"@id": mac})])
        yield relationship(own, "Contained_Within", state)

    def _disks(self) -> Iterator[Node]:
        """Files of disks, each with its parent in every chain, and whose disk a chain is."""
        chains: dict[tuple[str, str], dict[int, str]] = {}
        for row in self._tables.rows("disk_layer"):
            own, state = self._places.file(row), self._state(row)
            chains.setdefault((row["chain"], state), {})[row["depth"]] = own
            yield observable(own, ["Disk", "StorageMedium"], "", [
                f"chain: {row['verdict']}; {row['unreadable_bytes']} bytes cannot be known"], [
                facet(own, "DiskFacet", diskSize=row["size"],
                      diskType=f"{row['layer']} {row['format']}")],
                [reference(own, "virtual disk id", row["disk_id"])])
            if row["depth"] == 0 and row["vm_id"]:
                yield relationship(own, "Attached_To", state)
        for layers in chains.values():
            for depth, own in layers.items():
                if depth + 1 in layers:
                    yield relationship(own, "Child_Of", layers[depth + 1])
