"""Registry hives and dummy files of the Windows installations of the corpus, host and guests."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from corpus.make import hive
from corpus.make.times import DAY, spread, unix

_NETWORK_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
_ROOT = "CMI-CreateHive{%s}"


def guid(key: str) -> str:
    """A repeatable random-looking GUID for `key`, upper case without braces."""
    digest = hashlib.sha256(f"vmtrail corpus/{key}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4)).upper()


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A zone as `TimeZoneInformation` has it; biases in minutes west of Greenwich."""

    name: str
    daylight_name: str
    bias: int
    daylight_bias: int = -60
    standard_start: tuple[int, ...] = (0, 10, 5, 3, 0, 0, 0, 0)
    daylight_start: tuple[int, ...] = (0, 3, 5, 2, 0, 0, 0, 0)


W_EUROPE = TimeZone("W. Europe Standard Time", "W. Europe Daylight Time", -60)
GMT = TimeZone("GMT Standard Time", "GMT Daylight Time", 0)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One network adapter: class key, GUID, driver description, component, address."""

    key: str
    guid: str
    description: str
    component: str
    address: str = ""
    lease: tuple[str, int] | None = None
    """Server that gave the address out, and when (ticks); it holds for eight days."""


@dataclass(frozen=True, slots=True)
class Windows:
    """What the hives of one installation say."""

    host_name: str
    domain: str
    product: str
    version: str
    build: str
    service_pack: str
    installed: int
    last_written: int
    edition: str = ""
    build_lab: str = ""
    owner: str = "IT"
    root: str = "Windows"
    zone: TimeZone = W_EUROPE
    adapters: tuple[Adapter, ...] = ()
    services: Mapping[str, tuple[str, str, int, int]] = field(default_factory=dict)
    """Name: display name, image path, start, type."""
    mounted: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """MountedDevices: value name to disk signature and partition offset in bytes."""
    guest_of: tuple[str, str] | None = None
    """Host name and machine name for `Virtual Machine\\Guest\\Parameters`."""


def service_pack_number(windows: Windows) -> int:
    """The digits at the end of the service pack's name."""
    return int(windows.service_pack.rpartition(" ")[2] or 0)


def kernel(windows: Windows) -> str:
    """Version of the kernel; since Windows 10 the value CurrentVersion no longer tells it."""
    return "10.0" if int(windows.build) >= 10240 else windows.version


def system_tree(windows: Windows) -> hive.Key:
    """SYSTEM as a tree, for recipes that add to it."""
    root = hive.Key(_ROOT % guid(f"{windows.host_name}/SYSTEM"), windows.last_written)
    for number in (1, 2):
        _control_set(root.key(f"ControlSet{number:03}", windows.installed), windows)
    root.key("Select", windows.installed).set(
        hive.dword("Current", 1),
        hive.dword("Default", 1),
        hive.dword("Failed", 0),
        hive.dword("LastKnownGood", 2),
    )
    mounted = root.key("MountedDevices", windows.installed + DAY)
    for name, (signature, offset) in windows.mounted.items():
        mounted.set(hive.binary(name, struct.pack("<IQ", signature, offset)))
    root.key("Setup", windows.installed).set(
        hive.dword("SystemSetupInProgress", 0),
        hive.sz("SystemPartition", "\\Device\\HarddiskVolume1"),
    )
    return root


def _control_set(control_set: hive.Key, windows: Windows) -> None:
    at = windows.installed
    control = control_set.key("Control", at)
    names = control.key("ComputerName\\ComputerName", at + spread("name", DAY))
    names.set(hive.sz("", "mnmsrvc"), hive.sz("ComputerName", windows.host_name))
    _time_zone(control.key("TimeZoneInformation", at + spread("zone", DAY)), windows)
    control.key("Windows", windows.last_written).set(
        hive.expand_sz("SystemDirectory", "%SystemRoot%\\system32"),
        hive.binary("ShutdownTime", struct.pack("<Q", windows.last_written - 7 * DAY)),
        hive.dword("CSDVersion", service_pack_number(windows) << 8),
    )
    services = control_set.key("Services", at)
    for name, (display, image, start, kind) in windows.services.items():
        services.key(name, at + spread(name, 2 * DAY)).set(
            hive.sz("DisplayName", display),
            hive.expand_sz("ImagePath", image),
            hive.dword("Start", start),
            hive.dword("Type", kind),
            hive.dword("ErrorControl", 1),
        )
    parameters = services.key("Tcpip\\Parameters", at + spread("tcpip", DAY))
    parameters.set(
        hive.sz("Hostname", windows.host_name.lower()), hive.sz("Domain", windows.domain)
    )
    for adapter in windows.adapters:
        _adapter(control, parameters, adapter, at)


def _adapter(control: hive.Key, parameters: hive.Key, adapter: Adapter, at: int) -> None:
    interface = parameters.key(f"Interfaces\\{{{adapter.guid}}}", at + spread(adapter.guid, DAY))
    interface.set(
        hive.dword("EnableDHCP", 0 if adapter.address and adapter.lease is None else 1),
        hive.multi_sz("IPAddress", ["0.0.0.0" if adapter.lease else adapter.address or "0.0.0.0"]),
        hive.multi_sz("SubnetMask", ["255.255.255.0" if adapter.address and adapter.lease is None
                                     else "0.0.0.0"]),
    )
    if adapter.lease is not None:
        server, given_at = adapter.lease
        interface.set(
            hive.sz("DhcpIPAddress", adapter.address), hive.sz("DhcpServer", server),
            hive.sz("DhcpSubnetMask", "255.255.255.0"),
            hive.dword("LeaseObtainedTime", unix(given_at)),
            hive.dword("LeaseTerminatesTime", unix(given_at + 8 * DAY)),
        )
    control.key(f"Class\\{_NETWORK_CLASS}\\{adapter.key}", at + spread(adapter.key, DAY)).set(
        hive.sz("DriverDesc", adapter.description),
        hive.sz("ComponentId", adapter.component),
        hive.sz("NetCfgInstanceId", f"{{{adapter.guid}}}"),
    )


def _time_zone(key: hive.Key, windows: Windows) -> None:
    zone = windows.zone
    key.set(
        hive.dword("Bias", zone.bias),
        hive.dword("ActiveTimeBias", zone.bias),
        hive.dword("StandardBias", 0),
        hive.dword("DaylightBias", zone.daylight_bias),
        hive.binary("StandardStart", struct.pack("<8H", *zone.standard_start)),
        hive.binary("DaylightStart", struct.pack("<8H", *zone.daylight_start)),
    )
    if windows.version < "6":
        key.set(hive.sz("StandardName", zone.name), hive.sz("DaylightName", zone.daylight_name))
    else:
        key.set(
            hive.sz("StandardName", "@tzres.dll,-322"),
            hive.sz("DaylightName", "@tzres.dll,-321"),
            hive.sz("TimeZoneKeyName", zone.name),
            hive.dword("DynamicDaylightTimeDisabled", 0),
        )


def software_tree(windows: Windows) -> hive.Key:
    """SOFTWARE as a tree, for recipes that add to it."""
    root = hive.Key(_ROOT % guid(f"{windows.host_name}/SOFTWARE"), windows.last_written)
    current = root.key("Microsoft\\Windows NT\\CurrentVersion", windows.installed)
    current.set(
        hive.sz("ProductName", windows.product),
        hive.sz("CurrentVersion", windows.version),
        hive.sz("CurrentBuild", windows.build),
        hive.sz("CurrentBuildNumber", windows.build),
        hive.sz("CSDVersion", windows.service_pack),
        hive.dword("InstallDate", unix(windows.installed)),
        hive.sz("SystemRoot", f"C:\\{windows.root}"),
        hive.sz("RegisteredOwner", windows.owner),
        hive.sz("RegisteredOrganization", "Example GmbH"),
        hive.sz("CurrentType", "Multiprocessor Free"),
        hive.sz("SoftwareType", "System"),
    )
    if windows.edition:
        current.set(hive.sz("EditionID", windows.edition), hive.sz("InstallationType", "Server"))
    if windows.build_lab:
        name = "BuildLab" if windows.version < "6" else "BuildLabEx"
        current.set(hive.sz(name, windows.build_lab))
    root.key("Microsoft\\Windows\\CurrentVersion", windows.installed).set(
        hive.sz("ProgramFilesDir", "C:\\Program Files"),
        hive.sz("CommonFilesDir", "C:\\Program Files\\Common Files"),
    )
    if windows.guest_of is not None:
        host, machine = windows.guest_of
        at = windows.last_written - DAY + spread(machine, DAY)
        root.key("Microsoft\\Virtual Machine\\Guest\\Parameters", at).set(
            hive.sz("HostName", host),
            hive.sz("PhysicalHostName", host),
            hive.sz("PhysicalHostNameFullyQualified", f"{host.lower()}.corp.example"),
            hive.sz("VirtualMachineName", machine),
        )
    return root


def hives(windows: Windows, system: hive.Key, software: hive.Key) -> Mapping[str, bytes]:
    """The hive files by name, in the version the installation writes."""
    minor = 3 if windows.version < "6" else 5
    base = "\\SystemRoot\\System32\\Config\\"
    return {
        "SYSTEM": hive.build(system, file_name=base + "SYSTEM", minor=minor, sequence=1187),
        "SOFTWARE": hive.build(software, file_name=base + "SOFTWARE", minor=5, sequence=2044),
    }


def program(name: str, version: str, size: int) -> bytes:
    """A dummy of an executable: MZ mark, name and version as text, lines that compress well."""
    text = f"\0{name}\0FileVersion {version}\0".encode("utf-16-le")
    lines = b"".join(
        f"{hashlib.sha256(f'{name}{version}{at >> 4}'.encode()).hexdigest()}\n".encode()
        for at in range(size // 65 + 1)
    )
    return (b"MZ\x90\0" + text + lines)[:size]


def log(name: str, lines: Sequence[str]) -> bytes:
    """A text log with CRLF."""
    return "".join(f"{line}\r\n" for line in (f"[{name}]", *lines)).encode("cp1252")
