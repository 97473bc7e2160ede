"""Guests of the later hosts: a Windows with an event log of its own, and a disk of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.make import host_windows, windows
from corpus.make.guest import GuestDisk, State, guest_services, install, table, write_hives
from corpus.make.journal import Journal
from corpus.make.times import Stamp, born, ticks
from corpus.make.windows import W_EUROPE, Adapter, Windows


@dataclass(frozen=True, slots=True)
class Release:
    """What a release of Windows Server calls itself."""

    product: str
    version: str
    build: str
    lab: str


R2012 = Release("Windows Server 2012 R2 Standard", "6.3", "9600",
                "9600.16384.amd64fre.winblue_rtm.130821-1623")
R2019 = Release("Windows Server 2019 Standard", "6.3", "17763",
                "17763.1.amd64fre.rs5_release.180914-1434")


def server(scratch: Path, name: str, of: tuple[Release, str], *, installed: str,
           writes: Mapping[str, str], boots: Mapping[str, str],
           adapters: tuple[Adapter, ...] = ()) -> Mapping[str, State]:
    """The states of a server, by name, each as it was last written at the time given.

    of     release, and name of the host
    boots  name of the state that is the first to know of it -> when Windows started
    """
    release, host = of
    at = ticks(installed)
    disk = GuestDisk(scratch, name, megabytes=32, start=2048, made=at - 18 * 10**9)
    inside = Windows(
        host_name=name, domain="corp.example", product=release.product, version=release.version,
        build=release.build, service_pack="", installed=at, last_written=at,
        edition="ServerStandard", build_lab=release.lab, zone=W_EUROPE,
        services=guest_services(release.version), adapters=adapters,
        mounted={"\\DosDevices\\C:": (disk.signature, disk.start * 512)}, guest_of=(host, name),
    )
    journal = Journal(f"{name}.corp.example", named=True)
    states: dict[str, State] = {}
    for number, (state, written) in enumerate(writes.items()):
        inside = replace(inside, last_written=ticks(written))
        if state in boots:
            journal.boot(ticks(boots[state]))
        with disk.volume.changing() as tree:
            if not states:
                install(tree, inside)
            system, software = windows.system_tree(inside), windows.software_tree(inside)
            if windows.kernel(inside) == "10.0":
                host_windows.later_software(software, 10)
            write_hives(tree, inside, windows.hives(inside, system, software), first=at)
            host_windows.write_logs(tree, inside, journal.logs())
            tree.write("/Data/orders.csv", table("order", 900 + 40 * number, number),
                       _at(installed, written))
        states[state] = disk.state(inside, tuple(row.event.at for row in journal.rows
                                                 if row.meaning == "Windows started"))
    return states


def data_disk(scratch: Path, name: str, made: str, *writes: str) -> list[State]:
    """A disk of data, with no Windows on it, each time it was written."""
    disk = GuestDisk(scratch, name, megabytes=12, start=2048, made=ticks(made), label="Data")
    states = []
    for number, written in enumerate(writes):
        with disk.volume.changing() as tree:
            tree.write("/db/crm.mdf", table("crm", 4000, number + 1), _at(made, written))
        states.append(disk.state(None))
    return states


def _at(created: str, modified: str) -> Stamp:
    return born(ticks(created), ticks(modified), key=created)
