"""A guest's virtual disk under construction: one partition, its files, and its states over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from corpus.make import disk, windows
from corpus.make.ntfs import HIDDEN, SYSTEM, Entry, Tree, Volume
from corpus.make.times import TICKS, born, copied, spread, ticks
from corpus.make.windows import Windows

SECTOR = 512
_SHIPPED = {
    "3790": ticks("2007-02-17 14:02:00"),
    "6002": ticks("2009-04-11 06:28:00"),
    "9600": ticks("2013-08-22 11:03:00"),
    "17763": ticks("2018-09-15 07:12:00"),
}
"""When the files on the installation medium of a build were written."""


@dataclass(frozen=True, slots=True)
class State:
    """The disk at one moment: media, and what is on its volume."""

    media: bytes
    windows: Windows | None
    offset: int
    volume_size: int
    serial: int
    entries: Mapping[str, Entry]
    deleted: Mapping[str, Entry]
    boots: tuple[int, ...] = ()
    """When Windows started, as far as its own log tells."""


class GuestDisk:
    """A disk of `megabytes` with one NTFS partition from `start` (sector) to near its end."""

    def __init__(
        self, scratch: Path, name: str, *, megabytes: int, start: int, made: int, label: str = ""
    ) -> None:
        self.name, self.start, self.sectors = name, start, megabytes << 11
        self.signature = spread(f"{name}/signature", 1 << 32) | 1
        self._scratch = scratch / name
        tail = 63 if start == 63 else 2048
        self.volume = Volume(
            self._scratch,
            sectors=(self.sectors - start - tail) // 8 * 8 + (7 if start == 63 else 0),
            start_sector=start,
            serial=spread(f"{name}/serial", 1 << 64),
            made=born(made, key=name),
            label=label,
        )

    def fork(self, name: str) -> GuestDisk:
        """A branch of this disk's history."""
        other = object.__new__(GuestDisk)
        other.name, other.start, other.sectors = self.name, self.start, self.sectors
        other.signature, other._scratch = self.signature, self._scratch / name
        other.volume = self.volume.fork(other._scratch)
        return other

    def state(self, inside: Windows | None, boots: tuple[int, ...] = ()) -> State:
        """The disk as it stands; `inside` is the Windows on it, `boots` what its log tells."""
        part = disk.Partition(self.start, self.volume.image(), active=inside is not None)
        return State(
            disk.assemble(self.sectors, self.signature, [part]),
            inside,
            self.start * SECTOR,
            len(part.content),
            self.volume.serial,
            dict(self.volume.entries),
            dict(self.volume.deleted),
            boots,
        )


def install(tree: Tree, inside: Windows, *, integrated: bool = True) -> None:
    """Puts a small Windows on the volume: loader, system files, profiles, hives.

    integrated  with the integration components of Hyper-V
    """
    at = inside.installed
    old = inside.version < "6"
    shipped = _SHIPPED[inside.build]
    system32 = f"/{inside.root}/{'system32' if old else 'System32'}"
    number = f"{windows.kernel(inside)}.{inside.build}"
    tree.mkdir(f"/{inside.root}", born(at - TICKS * 900, at, key="root"))
    names = ["ntoskrnl.exe", "hal.dll", "kernel32.dll", "ntdll.dll", "user32.dll", "cmd.exe"]
    names += ["services.exe", "lsass.exe", "svchost.exe", "winlogon.exe", "netapi32.dll"]
    names += ["drivers/ntfs.sys", "drivers/tcpip.sys", "drivers/disk.sys"]
    if integrated:
        names += ["drivers/vmbus.sys", "drivers/storvsc.sys"]
        names += ["drivers/netvsc50.sys" if old else "drivers/netvsc60.sys", "vmicsvc.exe"]
    for index, name in enumerate(names):
        stamp = copied(at - TICKS * (800 - 9 * index), shipped - index * 61 * TICKS, key=name)
        tree.write(f"{system32}/{name}", windows.program(name, number, 3000 + 700 * index), stamp)
    _loader(tree, inside, shipped)
    profiles = "/Documents and Settings" if old else "/Users"
    home = f"{profiles}/Administrator"
    for index, name in enumerate(("Desktop", "My Documents" if old else "Documents", "Favorites")):
        tree.mkdir(f"{home}/{name}", born(at + (index + 1) * 41 * TICKS, key=name))
    lines = [f"{number} setup step {step} done" for step in range(400)]
    setup = windows.log("setup", lines)
    tree.write(f"/{inside.root}/setuplog.txt", setup, born(at - 700 * TICKS, at, key="setup"))
    tree.mkdir(f"{system32}/config", born(at - 600 * TICKS, at, key="config"))
    tree.mkdir("/System Volume Information", born(at, key="svi"), HIDDEN | SYSTEM)


def _loader(tree: Tree, inside: Windows, shipped: int) -> None:
    at = inside.installed
    flags = HIDDEN | SYSTEM
    if inside.version < "6":
        boot = windows.log(
            "boot loader",
            ["timeout=30", "default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS"],
        )
        tree.write("/boot.ini", boot, born(at - 650 * TICKS, at, key="boot.ini"), flags)
        for name in ("ntldr", "NTDETECT.COM"):
            data = windows.program(name, "5.2", 9000)
            tree.write(f"/{name}", data, copied(at - 640 * TICKS, shipped, key=name), flags)
    else:
        data = windows.program("bootmgr", "6.0", 12000)
        tree.write("/bootmgr", data, copied(at - 640 * TICKS, shipped, key="bootmgr"), flags)
        tree.mkdir("/ProgramData", born(at - 630 * TICKS, key="programdata"), HIDDEN)
        tree.junction(
            "/Documents and Settings", "C:\\Users", born(at - 620 * TICKS, key="das"), flags
        )


def write_hives(tree: Tree, inside: Windows, hives: Mapping[str, bytes], *, first: int) -> None:
    """Writes SYSTEM and SOFTWARE, made at `first`, last written when the tree was."""
    folder = f"/{inside.root}/{'system32' if inside.version < '6' else 'System32'}/config"
    for name, data in hives.items():
        at = inside.last_written + spread(name, 30 * TICKS)
        tree.write(f"{folder}/{name}", data, born(first, at, key=inside.host_name + name))


def plain_hives(inside: Windows) -> Mapping[str, bytes]:
    """Hives with nothing beyond the common content."""
    return windows.hives(inside, windows.system_tree(inside), windows.software_tree(inside))


def guest_services(version: str) -> dict[str, tuple[str, str, int, int]]:
    """Services of a guest with integration components."""
    net = "netvsc50.sys" if version < "6" else "netvsc60.sys"
    rows = {
        "vmbus": ("Virtual Machine Bus", "system32\\DRIVERS\\vmbus.sys", 0, 1),
        "storvsc": ("storvsc", "system32\\DRIVERS\\storvsc.sys", 0, 1),
        "netvsc": ("netvsc", f"system32\\DRIVERS\\{net}", 3, 1),
        "VMBusHID": ("VMBusHID", "system32\\DRIVERS\\VMBusHID.sys", 3, 1),
    }
    for name, text in (
        ("vmicheartbeat", "Heartbeat"),
        ("vmickvpexchange", "Data Exchange"),
        ("vmicshutdown", "Guest Shutdown"),
        ("vmictimesync", "Time Synchronization"),
        ("vmicvss", "Volume Shadow Copy Requestor"),
    ):
        image = f"%SystemRoot%\\system32\\vmicsvc.exe -feature {text.split()[0]}"
        rows[name] = (f"Hyper-V {text} Service", image, 2, 16)
    return rows


def table(name: str, rows: int, generation: int) -> bytes:
    """A CSV of `rows` people; a later `generation` changes every seventh row."""
    lines = [f"{name};row;value"]
    for row in range(rows):
        changed = generation if row % 7 == generation % 7 else 0
        lines.append(f"{name}{row:05};{row};{spread(f'{name}{row}{changed}', 10**9):09}")
    return "\r\n".join([*lines, ""]).encode()
