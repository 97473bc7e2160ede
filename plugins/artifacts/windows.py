"""The Windows installation itself."""

from collections.abc import Iterator

from analyzer import times
from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive, Key
from analyzer.plugin import artifact
from analyzer.records import Record, System
from analyzer.system import WindowsSystem

CURRENT_VERSION = "Microsoft\\Windows NT\\CurrentVersion"


@artifact(System)
def windows(system: WindowsSystem) -> Iterator[Record]:
    """Name, product, build, service pack, time zone, install and shutdown times, and the role."""
    if system.windows is None:
        return
    software, hive = system.hive("SOFTWARE"), system.hive("SYSTEM")
    current = software.key(CURRENT_VERSION) if software else None
    control = f"{system.control_set}\\Control"
    major, minor = (_number(current, f"Current{part}VersionNumber") for part in ("Major", "Minor"))
    role, basis = _role(system, hive)
    yield system.own(System(
        source=system.windows.source,
        host_name=_text(hive, f"{control}\\ComputerName\\ComputerName", "ComputerName"),
        product=_value(current, "ProductName"), edition=_value(current, "EditionID"),
        service_pack=_value(current, "CSDVersion"),
        version=f"{major}.{minor}" if major is not None else _value(current, "CurrentVersion"),
        build=_value(current, "CurrentBuild") or _value(current, "CurrentBuildNumber"),
        registered_owner=_value(current, "RegisteredOwner"),
        time_zone=_time_zone(hive, f"{control}\\TimeZoneInformation"),
        installed_at=times.from_unix(_number(current, "InstallDate") or 0),
        shutdown_at=_shutdown(hive, f"{control}\\Windows"), role=role, role_basis=basis))


def _role(system: WindowsSystem, hive: Hive | None) -> tuple[str, str]:
    """Only the management service with its file makes a host; clients carry its drivers too."""
    service = hive.key(f"{system.control_set}\\Services\\vmms") if hive else None
    other = "guest" if system.depth else "Windows"
    if service is None or system.windows is None:
        return other, "no service vmms"
    if system.windows.child("System32/vmms.exe") is None:
        return other, "the service vmms is registered, but System32\\vmms.exe is absent"
    return "Hyper-V host", "service vmms and System32\\vmms.exe"


def _value(key: Key | None, name: str) -> str:
    value = key.value(name) if key is not None else None
    return value.text() if value is not None else ""


def _text(hive: Hive | None, path: str, name: str) -> str:
    return _value(hive.key(path) if hive else None, name)


def _number(key: Key | None, name: str) -> int | None:
    value = key.value(name) if key is not None else None
    return value.integer() if value is not None else None


def _time_zone(hive: Hive | None, path: str) -> str:
    key = hive.key(path) if hive else None
    bias = _number(key, "Bias")
    name = _value(key, "TimeZoneKeyName") or _value(key, "StandardName")
    if bias is None:
        return name
    minutes = -(bias - (1 << 32) if bias >> 31 else bias)
    hours, minutes, sign = abs(minutes) // 60, abs(minutes) % 60, "-" if minutes < 0 else "+"
    return f"{name} (UTC{sign}{hours:02d}:{minutes:02d})".strip()


def _shutdown(hive: Hive | None, path: str) -> int | None:
    key = hive.key(path) if hive else None
    try:
        value = key.value("ShutdownTime") if key is not None else None
    except EvidenceError:
        return None
    return times.from_filetime(int.from_bytes(value.data[:8], "little")) if value else None
