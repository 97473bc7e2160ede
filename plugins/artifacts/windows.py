"""The Windows installation itself."""

from collections.abc import Iterator

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, Notice
from analyzer.machines import virtual_server
from analyzer.plugin import artifact
from analyzer.records import Record, System
from analyzer.system import WINDOWS_NT, WindowsSystem

ALWAYS = ("ProductName", "CurrentVersion", "CurrentBuildNumber", "InstallDate")


@artifact(System)
def windows(system: WindowsSystem) -> Iterator[Record]:
    """Name, product, build, service pack, time zone, install and shutdown times, and the role."""
    if system.windows is None:
        return
    registry = system.registry
    control = f"{registry.control_set}\\Control"
    role, basis = _role(system)
    registry.expect("SYSTEM", f"{control}\\ComputerName\\ComputerName", "ComputerName")
    registry.expect("SOFTWARE", WINDOWS_NT, *ALWAYS)

    def current(name: str) -> str:
        return registry.text("SOFTWARE", WINDOWS_NT, name)

    yield system.own(System(
        source=system.windows.source,
        host_name=registry.text("SYSTEM", f"{control}\\ComputerName\\ComputerName",
                                "ComputerName"),
        product=current("ProductName"), edition=current("EditionID"),
        service_pack=current("CSDVersion"), version=_version(system),
        build=current("CurrentBuild") or current("CurrentBuildNumber"),
        registered_owner=current("RegisteredOwner"),
        time_zone=_time_zone(system, f"{control}\\TimeZoneInformation"),
        installed_at=times.from_unix(
            registry.integer("SOFTWARE", WINDOWS_NT, "InstallDate") or 0),
        shutdown_at=_shutdown(system, f"{control}\\Windows"), role=role, role_basis=basis))


def _role(system: WindowsSystem) -> tuple[str, str]:
    """Only the management service with its file makes a host; clients carry its drivers too."""
    other = "guest" if system.depth else "Windows"
    registry = system.registry
    is_there = registry.has_key("SYSTEM", f"{registry.control_set}\\Services\\vmms") \
        if registry.control_set else None
    if is_there is None:
        return ("guest" if system.depth else "unknown"), \
            "whether there is a service vmms cannot be read"
    if not is_there:
        for role, proof in (("Virtual Server host", _virtual_server(system)),
                            ("Virtual PC host", _virtual_pc(system))):
            if proof:
                return role, proof
        return other, "no service vmms"
    assert system.windows is not None
    try:
        program = system.windows.child("System32/vmms.exe")
    except EvidenceError as error:
        system.problem(error, system.windows.source, "whether this is a Hyper-V host is not known")
        return "unknown", "whether System32\\vmms.exe is there cannot be read"
    if program is None or not program.entry.allocated:
        return other, "the service vmms is registered, but System32\\vmms.exe is " + (
            "absent" if program is None else "deleted")
    return "Hyper-V host", "service vmms and System32\\vmms.exe"


def _virtual_server(system: WindowsSystem) -> str:
    """What shows that Virtual Server 2005 runs here; "" for nothing.

    The names of the service and its program are unsure, so its own folder proves it too.
    """
    key = f"{system.registry.control_set}\\Services\\Virtual Server"
    program = system.registry.text("SYSTEM", key, "ImagePath").strip('"')
    try:
        item = system.find(program) if program else None
        if item is not None and item.entry.allocated:
            return f"service Virtual Server and {program}"
    except EvidenceError as error:
        system.problem(error, system.registry.source("SYSTEM").at(key),
                       "whether the program of this service is there is not known")
    options = [item.path for folder in virtual_server.folders(system)
               if (item := folder.child("Options.xml")) is not None and item.entry.allocated]
    return f"{options[0]}" if options else ""


def _virtual_pc(system: WindowsSystem) -> str:
    """The program of Virtual PC 2004 or 2007, or those of Windows Virtual PC; "" for neither."""
    assert system.windows is not None
    for folder in ("Program Files", "Program Files (x86)"):
        item = system.windows_volume_item(f"{folder}\\Microsoft Virtual PC\\Virtual PC.exe")
        if item is not None and item.entry.allocated:
            return item.path
    items = [item for name in ("vpc", "VPCWizard") if (item := system.windows.child(
        f"System32/{name}.exe")) is not None and item.entry.allocated]
    return " and ".join(item.path for item in items) if len(items) == 2 else ""


def _version(system: WindowsSystem) -> str:
    """Since Windows 10 two numbers; CurrentVersion stays at 6.3 there."""
    major, minor = (system.registry.integer("SOFTWARE", WINDOWS_NT, f"Current{part}VersionNumber")
                    for part in ("Major", "Minor"))
    if major is not None and minor is not None:
        return f"{major}.{minor}"
    return system.registry.text("SOFTWARE", WINDOWS_NT, "CurrentVersion")


def _time_zone(system: WindowsSystem, key: str) -> str:
    registry = system.registry
    bias = registry.integer("SYSTEM", key, "Bias")
    name = registry.text("SYSTEM", key, "TimeZoneKeyName") \
        or registry.text("SYSTEM", key, "StandardName")
    if bias is None:
        return name
    minutes = -(bias - (1 << 32) if bias >> 31 else bias)
    hours, minutes, sign = abs(minutes) // 60, abs(minutes) % 60, "-" if minutes < 0 else "+"
    return f"{name} (UTC{sign}{hours:02d}:{minutes:02d})".strip()


def _shutdown(system: WindowsSystem, key: str) -> int | None:
    value = system.registry.value("SYSTEM", key, "ShutdownTime")
    if value is None:
        return None
    source, notices = system.registry.source("SYSTEM").at(key), list[Notice]()
    if len(value.data) != 8:
        system.problem(Corrupt(f"ShutdownTime has {len(value.data)} bytes, not 8", value.offset),
                       source, "this time is missing")
        return None
    at = times.stamp(int.from_bytes(value.data, "little"), "ShutdownTime", value.offset, notices)
    system.notices(notices, source)
    return at
