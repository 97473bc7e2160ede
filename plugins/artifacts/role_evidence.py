"""What tells that a Windows is a Hyper-V host, which one, and since when."""

from collections.abc import Iterator

from analyzer.boot_settings import launch_types
from analyzer.errors import EvidenceError
from analyzer.formats.hive import Key
from analyzer.formats.program_version import file_version
from analyzer.formats.setup_log import HYPERV
from analyzer.plugin import artifact
from analyzer.records import Record, RoleEvidence
from analyzer.system import WINDOWS_NT, WindowsSystem

PROGRAMS = {"System32/vmms.exe": "management service", "System32/vmwp.exe": "worker process",
            "System32/hvax64.exe": "hypervisor for AMD",
            "System32/hvix64.exe": "hypervisor for Intel",
            "System32/drivers/vid.sys": "infrastructure driver"}
"""Their versions are the update level of Hyper-V; clients may have all but the first."""
SETUP = ("Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages",
         "Microsoft\\ServerManager\\ServicingStorage\\ServerComponentCache")
"""A key for each package or component."""
OPTIONAL = "Microsoft\\Windows\\CurrentVersion\\Setup\\OC Manager\\Subcomponents"
"""A value for each component."""
CORE = ("core", "cor")
"""Ends of the EditionID of an installation without desktop up to 2008 R2 (ServerStandardCore)."""
LAUNCH = {0: "off", 1: "auto"}
MOST = 200


@artifact(RoleEvidence)
def role_evidence(system: WindowsSystem) -> Iterator[Record]:
    """Edition, processor, hypervisor launch, programs with version, service keys, set-up traces."""
    if system.windows is None:
        return
    for record in (*_edition(system), *_processor(system), *_launch(system), *_programs(system),
                   *_service(system), *_setup(system)):
        yield system.own(record)


def _edition(system: WindowsSystem) -> Iterator[RoleEvidence]:
    registry = system.registry
    edition = registry.text("SOFTWARE", WINDOWS_NT, "EditionID")
    kind = registry.text("SOFTWARE", WINDOWS_NT, "InstallationType")
    if edition or kind:
        meaning = "stand-alone Hyper-V Server" if edition.lower().startswith("serverhyper") else \
            "Server Core" if edition.lower().startswith("server") \
            and edition.lower().endswith(CORE) else {
                "server core": "Server Core", "server": "full installation",
                "nano server": "Nano Server",
                "client": "client"}.get(kind.lower(), "")
        yield RoleEvidence(
            source=registry.source("SOFTWARE").at(WINDOWS_NT), group="edition",
            name="EditionID, InstallationType", value=f"{edition}, {kind}", meaning=meaning,
            certainty="direct", is_proof=False)


def _processor(system: WindowsSystem) -> Iterator[RoleEvidence]:
    registry = system.registry
    place = f"{registry.control_set}\\Control\\Session Manager\\Environment"
    text = registry.text("SYSTEM", place, "PROCESSOR_IDENTIFIER") if registry.control_set else ""
    if text:
        yield RoleEvidence(
            source=registry.source("SYSTEM").at(place), group="processor", is_proof=False,
            name="PROCESSOR_IDENTIFIER", value=text, meaning=text.rpartition(", ")[2],
            certainty="direct: as recorded at the last start")


def _launch(system: WindowsSystem) -> Iterator[RoleEvidence]:
    for launch in launch_types(system):
        yield RoleEvidence(
            source=launch.source, group="hypervisor launch",
            name=f"{launch.loader}: hypervisorlaunchtype", value=str(launch.number), is_proof=False,
            meaning=LAUNCH.get(launch.number, ""), certainty="direct: element 250000f0 of the BCD",
            time_basis="last write of its key", traced_at=launch.written_at)


def _programs(system: WindowsSystem) -> Iterator[RoleEvidence]:
    assert system.windows is not None
    for place, meaning in PROGRAMS.items():
        item = system.windows.child(place)
        if item is None:
            continue
        try:
            version, certainty = file_version(item.blocks()), "direct: its version resource"
        except EvidenceError as error:
            version, certainty = "", f"its version cannot be read: {error}"
        certainty += "" if item.entry.allocated else "; the file is deleted"
        yield RoleEvidence(
            source=item.placed(), group="program", name=place.rpartition("/")[2], value=version,
            meaning=meaning, certainty=certainty, is_proof=place.endswith("vmms.exe"),
            time_basis="creation of the file: installation, or the last update of it",
            traced_at=item.entry.times.si_created)


def _service(system: WindowsSystem) -> Iterator[RoleEvidence]:
    for control_set in system.registry.control_sets:
        key = system.registry.key("SYSTEM", f"{control_set}\\Services\\vmms")
        if key is not None:
            yield RoleEvidence(
                source=system.registry.source("SYSTEM").at(key.path, key.offset), group="service",
                name=f"vmms in {control_set}", value="registered", meaning="management service",
                certainty="direct", is_proof=True, time_basis="last write of its key: the role "
                "was installed by then", traced_at=key.last_written_at)


def _setup(system: WindowsSystem) -> Iterator[RoleEvidence]:
    for place in SETUP:
        root = system.registry.key("SOFTWARE", place)
        named = [key for key in (root.subkeys() if root is not None else ())
                 if HYPERV.search(key.name)]
        for key in named[:MOST]:
            states = [f"{name}={number}" for name in ("CurrentState", "InstallState", "Installed")
                      if (number := system.registry.integer("SOFTWARE", key.path, name))
                      is not None]
            yield _set_up(system, key, key.path, key.offset, key.name, ", ".join(states))
    components = system.registry.key("SOFTWARE", OPTIONAL)
    for value in components.values() if components is not None else ():
        if components is not None and HYPERV.search(value.name):
            number = system.registry.integer("SOFTWARE", OPTIONAL, value.name)
            yield _set_up(system, components, f"{OPTIONAL}\\{value.name}", value.offset, value.name,
                          f"{number}" if number is not None else "")


def _set_up(system: WindowsSystem, key: Key, place: str, at: int | None, name: str,
            value: str) -> RoleEvidence:
    return RoleEvidence(
        source=system.registry.source("SOFTWARE").at(place, at), group="set-up",
        name=name, value=value, meaning="", is_proof=False,
        certainty="unsure: not seen on a real host; clients have such packages too",
        time_basis="last write of its key", traced_at=key.last_written_at)
