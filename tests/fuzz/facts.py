"""The main path in one process, and what it states, in the words of corpus/truth.

A fact is a key and a value; `places` are the paths (`/p1/...`) of the artefacts it rests on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from mmap import mmap
from typing import Any

from analyzer import times
from analyzer.blocks import Blocks, Kind
from analyzer.engine.guard import BUG, Place, guarded, problem_of
from analyzer.engine.tasks import Limits
from analyzer.engine.watch import PAGE_SIZE, ChildWatch
from analyzer.errors import EvidenceError, Notice
from analyzer.formats import vm_xml
from analyzer.machines import GuestState, guest_states, open_guest
from analyzer.plugin import discover
from analyzer.records import (
    Batch,
    Coverage,
    DiskLayer,
    FileEntry,
    Problem,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    VmDrive,
    Volume,
)
from analyzer.source import Source
from analyzer.system import WindowsSystem, build_systems
from analyzer.volume import Medium

Key = tuple[Any, ...]
ARTIFACTS = [plugin for plugin in discover() if plugin.kind == "artifact"]
WATCH = ChildWatch(mmap(-1, PAGE_SIZE), (), Limits())
CONFIG = "/p1/Windows/System32/config"


@dataclass(frozen=True)
class Part:
    """What was stated of one guest at one state, and all that it was made from.

    key    the state, and address, size and map of each of its files
    spans  (start, end) of every byte of those files in the image
    """

    key: Key
    spans: tuple[tuple[int, int], ...]
    records: tuple[Record, ...]


@dataclass
class Statement:
    """What one run stated: records by table, and what it said is wrong or was looked at."""

    records: list[Record] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def take(self, record: Record | Batch) -> None:
        self.records += record.records() if isinstance(record, Batch) else [record]

    def of(self, kind: type[Any]) -> Iterator[Any]:
        return (record for record in self.records if isinstance(record, kind))

    @property
    def bugs(self) -> list[str]:
        return [p.what for p in self.of(Problem) if p.code == BUG]


Spared = Callable[[tuple[tuple[int, int], ...]], bool]
"""Whether damage left all of these spans alone."""


def run(blocks: Blocks, name: str = "ws2008.E01", notices: Iterable[Notice] = (),
        known: Sequence[Part] = (), is_spared: Spared = lambda spans: False) -> Statement:
    """Every artifact plugin on the host and on its guests at each state, as the engine does.

    A guest is a function of the bytes of its files and of where they lie: one whose files are
    those of a part in `known`, and were spared, states what it stated there.
    """
    with _decoding_once():
        return _run(blocks, name, notices, known, is_spared)


_decoded = lru_cache(maxsize=64)(vm_xml.parse)


@contextmanager
def _decoding_once() -> Iterator[None]:
    """The same bytes give the same configuration, so a file that was spared is decoded once."""
    decode = vm_xml.parse
    vm_xml.parse = _decoded
    try:
        yield
    finally:
        vm_xml.parse = decode


def _run(blocks: Blocks, name: str, notices: Iterable[Notice], known: Sequence[Part],
         is_spared: Spared) -> Statement:
    said = Statement()
    origin = Place(Source(name, image_offset=0))
    try:
        systems = build_systems([Medium(origin.source, blocks)])
    except EvidenceError as error:
        systems = []
        said.records.append(problem_of(error, "find systems", origin))
    earlier = {part.key: part for part in known if is_spared(part.spans)}
    for system in systems:
        _ask(system, said)
        for state in _states(system, said):
            _guest(system, state, said, earlier)
    said.records += [origin.noticed(notice) for notice in dict.fromkeys(notices)]
    return said


def _states(system: WindowsSystem, said: Statement) -> list[GuestState]:
    states: list[GuestState] = []

    def found() -> Iterator[Record]:
        states.extend(guest_states(system))
        yield from ()

    problem = guarded("guests", Place(system.source, system.system_id), found, (),
                      said.take, WATCH)
    said.records += [problem] if problem else []
    return states


def _guest(system: WindowsSystem, state: GuestState, said: Statement,
           earlier: Mapping[Key, Part]) -> None:
    own = Statement()
    try:
        key, spans = _files(system, state)
        if key in earlier:
            said.records += earlier[key].records
            return
        guests = open_guest(system, state)
    except EvidenceError as error:
        top = state.disks[0][0]
        said.records.append(problem_of(error, state.label, Place(
            Source(system.source.evidence, top.path), system.system_id, state.vm_id,
            state.snapshot_id)))
        return
    for guest in guests:
        _ask(guest, own)
    said.records += own.records
    if spans is not None:
        said.parts.append(Part(key, spans, tuple(own.records)))


def _files(system: WindowsSystem,
           state: GuestState) -> tuple[Key, tuple[tuple[int, int], ...] | None]:
    """`Part.key` and `Part.spans`; None where a file does not say where its bytes lie."""
    key: list[Any] = [repr(state)]
    spans: list[tuple[int, int]] = []
    for chain in state.disks:
        for file in chain:
            item = system.item_at(file.volume, file.entry)
            blocks = item.blocks()
            map_ = blocks.extents()
            if map_ is None:
                return (), None
            rows = [tuple(row) for row in map_]
            key += [item.source, blocks.size, tuple(rows)]
            spans += [(row.at, row.at + row.length) for row in map_ if row.kind == Kind.DATA]
    return tuple(key), tuple(spans)


def _ask(system: WindowsSystem, said: Statement) -> None:
    place = Place(system.source, system.system_id, system.vm_id, system.snapshot_id)
    for plugin in ARTIFACTS:
        problem = guarded(plugin.name, place, partial(plugin.function, system),
                          plugin.yields, said.take, WATCH)
        said.records += [problem] if problem else []
        said.records += [*system.problems(), *system.coverage()]


@dataclass(frozen=True)
class Fact:
    """`value` as the truth has it, and the artefacts it rests on."""

    value: Any
    places: tuple[str, ...]


def place(path: str) -> str:
    """`C:\\x\\y` -> `/p1/x/y`."""
    return {"C": "/p1", "D": "/p2"}.get(path[:1].upper(), path[:2]) + path[2:].replace("\\", "/")


def truth_facts(truth: Any) -> dict[Key, Fact]:
    """The facts of the truth that records state."""
    facts: dict[Key, Fact] = {}
    host = truth["host"]["windows"]
    system, software = f"{CONFIG}/SYSTEM", f"{CONFIG}/SOFTWARE"
    names = ["product", "edition", "service_pack", "build", "version"]
    if int(host["build"]) >= 10_000:
        names.remove("version")  # the truth has CurrentVersion, which stays at 6.3
    for name in names:
        facts["system", "", "", name] = Fact(host[name], (software,))
    facts["system", "", "", "installed_at"] = Fact(times.from_unix(host["installed"]), (software,))
    facts["system", "", "", "host_name"] = Fact(host["host_name"], (system,))
    facts["system", "", "", "role"] = Fact(
        "Hyper-V host" if truth["host"]["is_hyperv_host"] else "Windows",
        (system, "/p1/Windows/System32/vmms.exe"))
    for number, volume in enumerate(truth["volumes"], 1):
        own = f"/p{number}"
        facts["letter", volume["offset"]] = Fact(volume["letter"][:1], (own, system))
        for row in volume["files"]:
            path = volume["letter"] + row["path"].replace("/", "\\")
            facts["file", path] = Fact((row.get("size"), *row["si"], *row["fn"]),
                                       (f"{own}{row['path']}",))
    for machine in truth["machines"]:
        facts |= _machine_facts(machine)
    configs = {row["guid"]: tuple(place(path) for path in (row["config"], row["link"]) if path)
               for machine in truth["machines"]
               for row in (machine, *({**s, "link": ""} for s in machine["snapshots"]))}
    for chain in truth["chains"]:
        owner = chain["machine"] if chain["state"] in ("now", "orphan") else chain["state"]
        facts |= _chain_facts(chain, configs.get(chain["machine"], ()) + configs.get(owner, ()))
    return facts


def _machine_facts(machine: Any) -> dict[Key, Fact]:
    facts: dict[Key, Fact] = {}
    config, vm_id = machine["config"], machine["guid"]
    rests = (place(config), *([place(machine["link"])] if machine["link"] else []))
    if machine["flaw"].startswith("cut"):
        return {("machine", vm_id, "name"): Fact(machine["name"], rests)}
    for name, key in (("name", "name"), ("memory_mb", "memory_mb"),
                      ("processor_count", "processors"), ("created_at", "created"),
                      ("bios_guid", "bios_guid"), ("owner_sid", "owner_sid")):
        facts["machine", vm_id, name] = Fact(machine[key], rests)
    facts["machine", vm_id, "configuration_path"] = Fact(config, rests)
    facts["machine", vm_id, "notes"] = Fact(machine["notes"].replace("\r\n", "\n"), rests)
    for drive in machine["drives"]:
        facts["drive", vm_id, "", *_slot(drive)] = Fact(drive["path"], rests)
    for snapshot in machine["snapshots"]:
        config, key = place(snapshot["config"]), snapshot["guid"]
        for name in ("name", "parent"):
            facts["snapshot", key, name] = Fact(snapshot[name], (config, *rests))
        facts["snapshot", key, "created_at"] = Fact(snapshot["created"], (config,))
        facts["snapshot", key, "is_current"] = Fact(
            key == machine["current_parent"], (config, *rests))
        for drive in snapshot["drives"]:
            facts["drive", vm_id, key, *_slot(drive)] = Fact(drive["path"], (config,))
    return facts


_BUS = {"ide": "IDE", "scsi": "SCSI", "floppy": "floppy"}


def _slot(drive: Any) -> tuple[str, int, int]:
    return _BUS[drive["bus"]], drive["controller"], drive["slot"]


def _chain_facts(chain: Any, configs: tuple[str, ...]) -> dict[Key, Fact]:
    rests = tuple(place(layer["path"]) for layer in chain["layers"])
    guest_rests = (*rests, *configs)
    top = chain["layers"][0]["path"]
    facts: dict[Key, Fact] = {}
    for depth, layer in enumerate(chain["layers"]):
        facts["layer", top, depth] = Fact(
            (layer["path"], layer["kind"], times.from_vhd(layer["created"])), guest_rests)
    facts["media", top] = Fact(
        sum(length for _, length in chain["unreadable"]), guest_rests)
    guest = chain["guest"]
    if guest is None or chain["machine"] == "":
        return facts
    state = "" if chain["state"] == "now" else chain["state"]
    own = chain["machine"], state
    for row in guest["volume"]["files"]:
        facts["guest file", *own, guest["volume"]["serial"], row["path"]] = Fact(
            (row.get("size"), *row["si"], *row["fn"]), guest_rests)
    if guest["windows"]:
        for name in ("host_name", "product", "build"):
            facts["system", *own, name] = Fact(guest["windows"][name], guest_rests)
    return facts


def stated_facts(said: Statement) -> dict[Key, list[Any]]:
    """The same keys out of records; a key may be stated more than once."""
    facts: dict[Key, list[Any]] = {}
    for key, value in (*_of_systems(said), *_of_machines(said), *_of_disks(said),
                       *_of_files(said)):
        facts.setdefault(key, []).append(value)
    return facts


def _of_systems(said: Statement) -> Iterator[tuple[Key, Any]]:
    for row in said.of(System):
        if row.vm_id or "!" not in row.source.path:
            for name in ("product", "edition", "service_pack", "build", "version",
                         "installed_at", "host_name", "role"):
                yield ("system", row.vm_id, row.snapshot_id, name), getattr(row, name)
    for volume in said.of(Volume):
        if not volume.vm_id and "!" not in volume.source.path:
            yield ("letter", volume.offset), volume.drive_letter


def _of_machines(said: Statement) -> Iterator[tuple[Key, Any]]:
    for row in said.of(VirtualMachine):
        for name in ("name", "memory_mb", "processor_count", "created_at", "bios_guid",
                     "owner_sid", "configuration_path", "notes"):
            yield ("machine", row.vm_id, name), getattr(row, name)
    for row in said.of(Snapshot):
        for name, field_name in (("name", "name"), ("parent", "parent_id"),
                                 ("created_at", "created_at"), ("is_current", "is_current")):
            yield ("snapshot", row.snapshot_id, name), getattr(row, field_name)
    for row in said.of(VmDrive):
        yield ("drive", row.vm_id, row.snapshot_id, row.controller, row.controller_number,
               row.slot), row.path


def _of_disks(said: Statement) -> Iterator[tuple[Key, Any]]:
    tops = {row.source.address: row.path for row in said.of(DiskLayer)}
    for row in said.of(DiskLayer):
        top = tops.get(row.chain, row.chain)
        yield ("layer", top, row.depth), (row.path, row.layer, row.created_at)
        if row.depth == 0:
            yield ("media", top), row.unreadable_bytes


def _of_files(said: Statement) -> Iterator[tuple[Key, Any]]:
    serials = {volume.source.address: volume.serial for volume in said.of(Volume)}
    for row in said.of(FileEntry):
        if row.stream or not row.allocated:
            continue
        value = (None if row.is_directory or row.link_target else row.size,
                 row.si_created_at, row.si_modified_at, row.si_changed_at, row.si_accessed_at,
                 row.fn_created_at, row.fn_modified_at, row.fn_changed_at, row.fn_accessed_at)
        outer, _, inner = row.source.address.rpartition("!/")
        volume, _, path = inner.partition("/")
        if "!" not in row.source.path:
            yield ("file", row.path), value
        else:
            yield ("guest file", row.vm_id, row.snapshot_id,
                   serials.get(f"{outer}!/{volume}", ""), f"/{path}"), value


def marks(said: Statement) -> set[Record]:
    """Problems, and coverage that is less than "read"."""
    return {*said.of(Problem), *(row for row in said.of(Coverage) if row.state != "read")}
