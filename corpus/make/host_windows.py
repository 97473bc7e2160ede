"""The Windows of the hosts: what the role leaves in the registry and on the system volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corpus.make import hive, hive_log, windows
from corpus.make.ntfs import HIDDEN, SYSTEM, Tree
from corpus.make.times import DAY, TICKS, Stamp, born, copied, iso, spread, ticks
from corpus.make.windows import Adapter, Windows

SHIPPED = {
    "6002": ticks("2009-04-11 06:28:23"),
    "9600": ticks("2013-08-22 11:03:52"),
    "16299": ticks("2017-09-29 13:41:08"),
    "17763": ticks("2018-09-15 07:12:36"),
}
"""When the files of a build were written."""
HYPERV = "/ProgramData/Microsoft/Windows/Hyper-V"
_VIRTUALIZATION = "Microsoft\\Windows NT\\CurrentVersion\\Virtualization"
_SVCHOST = "%systemroot%\\system32\\svchost.exe -k vs"
_STORE = "msxml://C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\InitialStore.xml"
ROLE_SERVICES = {
    "vmms": ("Hyper-V Virtual Machine Management", "%systemroot%\\system32\\vmms.exe", 2, 16),
    "vhdsvc": (
        "Hyper-V Image Management Service",
        _SVCHOST,
        2,
        32,
    ),
    "nvspwmi": (
        "Hyper-V Networking Management Service",
        _SVCHOST,
        2,
        32,
    ),
    "hvboot": ("Hypervisor/Virtual Machine Support Driver", "system32\\drivers\\hvboot.sys", 0, 1),
}
_VMSWITCH = "system32\\DRIVERS\\vmswitch.sys"
HYPERVISOR_SERVICES = {
    "vmbus": ("VMBus", "system32\\DRIVERS\\vmbus.sys", 0, 1),
    "VMSMP": (
        "Microsoft Virtual Network Switch Adapter Driver",
        "system32\\DRIVERS\\vmswitch.sys",
        3,
        1,
    ),
    "VMSP": ("Virtual Network Switch Protocol", "system32\\DRIVERS\\vmswitch.sys", 2, 1),
    "storvsp": ("storvsp", "system32\\DRIVERS\\storvsp.sys", 3, 1),
    "Vid": ("Vid", "system32\\DRIVERS\\Vid.sys", 3, 1),
    "vhdparser": ("vhdparser", "system32\\DRIVERS\\vhdparser.sys", 3, 1),
    "passthruparser": ("passthruparser", "system32\\DRIVERS\\passthruparser.sys", 3, 1),
}
LATER_SERVICES = {
    "storvsp": ("Microsoft Hyper-V Storage VSP", "System32\\drivers\\storvsp.sys", 3, 1),
    "Vid": ("Vid", "\\SystemRoot\\System32\\drivers\\Vid.sys", 1, 1),
    "vmbusr": ("Virtual Machine Bus Provider", "System32\\drivers\\vmbusr.sys", 3, 1),
    "VMSP": ("VMSP", "\\SystemRoot\\system32\\drivers\\vmswitch.sys", 1, 1),
    "vmsmp": ("vmsmp", "\\SystemRoot\\system32\\drivers\\vmswitch.sys", 3, 1),
}
"""Services of the hypervisor since 2012, on clients too."""
LATEST_SERVICES = {
    **LATER_SERVICES,
    "vmcompute": ("Hyper-V Host Compute Service", "%systemroot%\\system32\\vmcompute.exe", 3, 16),
    "HvHost": ("HV Host Service", "%systemroot%\\system32\\svchost.exe -k LocalSystem", 3, 32),
}
"""The same since 2016."""
FIRST_LATER_BUILD = 9200
"""Server 2012: no more services of its own for disks and networks."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A virtual switch of the host; `adapter` is the GUID of what the NIC list binds to it."""

    guid: str
    name: str
    kind: str
    adapter: str
    made: int
    ports: Sequence[tuple[str, str]] = ()
    """Port GUID and friendly name."""


def add_switches(system: hive.Key, switches: Sequence[Switch]) -> None:
    """SwitchList and NicList under VMSMP, in both control sets."""
    for control_set in ("ControlSet001", "ControlSet002"):
        parameters = system.key(f"{control_set}\\Services\\VMSMP\\Parameters")
        parameters.key("SwitchList")
        parameters.key("NicList")
        for switch in switches:
            key = parameters.key(f"SwitchList\\{switch.guid}", switch.made)
            key.set(hive.sz("FriendlyName", switch.name), hive.dword("Flags", 0))
            for port, title in switch.ports:
                at = switch.made + spread(port, 30 * DAY)
                key.key(port, at).set(hive.sz("FriendlyName", title))
            if switch.adapter:
                nic = parameters.key(f"NicList\\/DEVICE/{{{switch.adapter}}}", switch.made)
                nic.set(hive.sz("SwitchName", switch.guid), hive.sz("FriendlyName", switch.name))


def add_virtualization(
    software: hive.Key, written: int, mac_pool: tuple[bytes, bytes], roots: Mapping[str, str]
) -> None:
    """The Virtualization key; `roots` are the changed default folders by value name."""
    key = software.key(_VIRTUALIZATION, written)
    key.set(
        hive.sz(
            "StoreLocation",
            "msxml://C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\InitialStore.xml",
        ),
        hive.sz("ServiceApplication", "Hyper-V services"),
        hive.binary("MinimumMacAddress", mac_pool[0]),
        hive.binary("MaximumMacAddress", mac_pool[1]),
        *(hive.sz(name, folder) for name, folder in roots.items()),
    )
    key.key("Worker", written - DAY)
    key.key("VirtualDeviceDirectory", written - DAY)


def skeleton(tree: Tree, inside: Windows, *, role: bool) -> None:
    """Folders and dummy files of a system volume; with the role, what its set-up adds."""
    at = inside.installed
    flags = HIDDEN | SYSTEM
    tree.mkdir("/Windows", born(at - 1500 * TICKS, at, key="windows"))
    later = int(inside.build) >= FIRST_LATER_BUILD
    for index, name in enumerate(_programs(role=role, later=later)):
        path = f"/Windows/System32/{name}" if "/" not in name or name[0] == "d" else f"/{name}"
        stamp = copied(
            at - TICKS * (1400 - 7 * index), SHIPPED[inside.build] - index * 43 * TICKS, key=name
        )
        data = windows.program(
            path.rpartition("/")[2],
            f"{windows.kernel(inside)}.{inside.build}.18005",
            2500 + 900 * index,
        )
        tree.write(path, data, stamp)
    tree.write(
        "/bootmgr",
        windows.program("bootmgr", "6.0", 12000),
        _copied(inside, 1300, "bootmgr"),
        flags,
    )
    for index, name in enumerate(("Users", "ProgramData", "Program Files", "Program Files (x86)")):
        stamp = born(at - (1200 - 11 * index) * TICKS, at, key=name)
        tree.mkdir(f"/{name}", stamp, HIDDEN if name == "ProgramData" else 0)
    tree.mkdir("/System Volume Information", born(at - 1100 * TICKS, key="svi"), flags)
    tree.mkdir("/$Recycle.Bin", born(at - 1090 * TICKS, key="bin"), flags)
    for index, name in enumerate(("Administrator/Desktop", "Administrator/Documents", "Default")):
        tree.mkdir(f"/Users/{name}", born(at + (60 + 17 * index) * TICKS, key=name))
    _links(tree, at)
    if role:
        at_role = at + DAY + 1200 * TICKS
        for index, name in enumerate(("Virtual Machines", "Snapshots")):
            tree.mkdir(f"{HYPERV}/{name}", born(at_role + 13 * index * TICKS, key=name))
        view = b'<?xml version="1.0" encoding="utf-8"?>\r\n<ViewerConfig></ViewerConfig>\r\n'
        path = "/ProgramData/Microsoft/Event Viewer/Views/ServerRoles/Virtualization.Events.xml"
        tree.write(path, view, born(at_role - 90 * TICKS, key="view"))
    tree.mkdir("/Windows/Logs", born(at - 900 * TICKS, key="logs"), 0x800)
    day = iso(at)[:10]
    lines = [f"{day} {8 + n // 360:02}:{n // 6 % 60:02} CBS session {n}" for n in range(1500)]
    tree.write("/Windows/Logs/CBS.log", windows.log("CBS", lines), _copied(inside, 890, "cbs"))
    tree.mkdir("/Windows/System32/config", born(at - 800 * TICKS, key="config"))


def _programs(*, role: bool, later: bool) -> list[str]:
    names = ["ntoskrnl.exe", "hal.dll", "kernel32.dll", "ntdll.dll", "cmd.exe", "svchost.exe"]
    names += ["services.exe", "drivers/ntfs.sys", "drivers/tcpip.sys", "drivers/vmbus.sys"]
    if not role:
        return names
    names += ["vmms.exe", "vmwp.exe", "vmsp.exe"]
    names += ["hvix64.exe"] if later else ["vhdsvc.dll", "nvspwmi.dll", "hvix64.exe"]
    names += [] if later else ["drivers/hvboot.sys"]
    names += ["drivers/vmswitch.sys", "drivers/storvsp.sys"]
    names += ["drivers/vid.sys", "drivers/vhdparser.sys", "drivers/passthruparser.sys"]
    folder = "" if later else "Program Files/Hyper-V/"
    names += [f"{folder}virtmgmt.msc", f"{folder}vmconnect.exe"]
    return [*names, f"{folder}InspectVhdDialog.exe"]


def _links(tree: Tree, at: int) -> None:
    """Junctions and directory links as set-up makes them, one of them a loop."""
    flags = HIDDEN | SYSTEM
    rows = (
        ("/Documents and Settings", "C:\\Users"),
        ("/ProgramData/Application Data", "C:\\ProgramData"),
        ("/ProgramData/Desktop", "C:\\Users\\Public\\Desktop"),
        ("/ProgramData/Documents", "C:\\Users\\Public\\Documents"),
        ("/Users/Default User", "C:\\Users\\Default"),
    )
    tree.mkdir("/Users/Public/Desktop", born(at - 1000 * TICKS, key="pd"))
    tree.mkdir("/Users/Public/Documents", born(at - 999 * TICKS, key="pdoc"))
    for index, (path, target) in enumerate(rows):
        tree.junction(path, target, born(at - (990 - index) * TICKS, key=path), flags)
    tree.symlink(
        "/Users/All Users", "C:\\ProgramData", born(at - 980 * TICKS, key="au"), folder=True
    )


def write_host_hives(
    tree: Tree,
    inside: Windows,
    system: hive.Key,
    software: hive.Key,
    others: Mapping[str, hive.Key] | None = None,
) -> None:
    """SYSTEM, SOFTWARE and `others` by name in their place, last written when the trees were."""
    rest = {
        name: hive.build(root, file_name=f"\\SystemRoot\\System32\\Config\\{name}")
        for name, root in (others or {}).items()
    }
    for name, data in {**windows.hives(inside, system, software), **rest}.items():
        written = inside.last_written + spread(name, 40 * TICKS)
        stamp = born(inside.installed - 700 * TICKS, written, key=inside.host_name + name)
        tree.write(f"/Windows/System32/config/{name}", data, stamp)


def physical_adapter(number: int, address: str) -> Adapter:
    """An Intel server adapter of the host."""
    return Adapter(
        f"{number:04}",
        windows.guid(f"adapter {number} {address}"),
        "Intel(R) PRO/1000 EB Network Connection with I/O Acceleration",
        "pci\\ven_8086&dev_1096",
        address,
    )


def virtual_adapter(number: int, name: str, address: str) -> Adapter:
    """The host's own adapter on a virtual switch."""
    return Adapter(f"{number:04}", windows.guid(f"vnic {name}"), name, "vms_mp", address)


def _copied(inside: Windows, before: int, key: str) -> Stamp:
    return copied(inside.installed - before * TICKS, SHIPPED[inside.build], key=key)


def write_dirty(tree: Tree, inside: Windows, name: str, before: bytes, after: bytes) -> None:
    """A hive as a crash leaves it, with the two logs whose entries lead from it to `after`."""
    sequence = int.from_bytes(before[8:12], "little")
    whole = hive_log.new_log(before, after, sequence)
    entries = [at for at in range(512, len(whole), 512) if whole[at:at + 4] == b"HvLE"]
    cut = entries[len(entries) // 2]
    parts = {"": hive_log.dirty(before), ".LOG1": whole[:cut], ".LOG2": whole[:512] + whole[cut:]}
    for suffix, data in parts.items():
        stamp = born(inside.installed - 700 * TICKS, inside.last_written, key=name + suffix)
        tree.write(f"/Windows/System32/config/{name}{suffix}", data, stamp)


def write_logs(tree: Tree, inside: Windows, logs: Mapping[str, bytes]) -> None:
    """Event logs by channel, made when their host was, last written when its hives were."""
    for channel, data in logs.items():
        stamp = born(inside.installed + spread(channel, 90 * TICKS), inside.last_written,
                     key=inside.host_name + channel)
        name = channel.replace("/", "%4")
        tree.write(f"/{inside.root}/System32/winevt/Logs/{name}.evtx", data, stamp)


def later_software(software: hive.Key, major: int) -> None:
    """What CurrentVersion says of Windows since version 10, where its own value stays at 6.3."""
    software.key("Microsoft\\Windows NT\\CurrentVersion").set(
        hive.dword("CurrentMajorVersionNumber", major), hive.dword("CurrentMinorVersionNumber", 0))
