"""Files of saved states, tied to the machine or snapshot whose state they are.

    <GUID>\\<GUID>.bin  contents of memory (2008 to 2012 R2); made at full size at each start
    <GUID>\\<GUID>.vsv  devices and processors (2008 to 2012 R2)
    <GUID>.vmrs        both (2016 and later); of a machine that is off it holds neither
    <GUID>.vmgs        guest state: firmware variables, TPM (2019 and later)
    <machine>.vsv      Virtual Server 2005: both; from R2 on made at full size when it starts

So neither presence nor size of a file proves that a machine was saved: what is there and what a
configuration names is stated, and what is missing. Contents of .bin and .vsv are not decoded;
no description of them is public. Sources: FIELD-GUIDE 13 and 14; runtimes.py for VMRS.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer.errors import EvidenceError, NotInEvidence
from analyzer.formats import vmgs
from analyzer.formats.vm_saved_state import RAM_BLOCK
from analyzer.machines.configurations import GUID
from analyzer.machines.model import Configured, Node
from analyzer.machines.runtimes import Runtime
from analyzer.system import WindowsSystem
from analyzer.volume import Item

KINDS = {".bin": "memory", ".vsv": "devices and processors", ".vmrs": "run-time state",
         ".vmgs": "guest state"}
BOTH = "saved state of Virtual Server"
VMC_KEY = "settings/configuration/saved_state/path"
MB = 1 << 20


@dataclass(eq=False)
class StateFile:
    """One file, found or only named; `item` None where it is missing.

    named_by  keys of the configuration that name it, "" for none
    state_id  GUID in its name, upper case; "" for none
    why       for a missing file, what the look-up met
    """

    path: str
    kind: str
    item: Item | None
    state_id: str
    owner: Configured | None
    named_by: str = ""
    why: str = ""
    runtime: Runtime | None = None


def is_state_file(item: Item) -> bool:
    """Whether a file's name, and for .bin its folder's, say that it is one; deleted ones too."""
    suffix = _suffix(item.name)
    if suffix not in KINDS or item.entry.is_directory:
        return False
    match = GUID.fullmatch(item.name)
    if suffix == ".bin":
        return match is not None and item.folder.strip("{}").lower() == match[1].lower()
    return match is not None or suffix == ".vsv"


def state_files(system: WindowsSystem, items: Iterable[Item], configured: Iterable[Configured],
                runtimes: Iterable[Runtime]) -> list[StateFile]:
    """Every file, in order of its path, the missing ones too."""
    owners: dict[str, Configured] = {}
    found: dict[object, StateFile] = {}
    owned = list(configured)
    for one in owned:
        owners.setdefault(one.snapshot_id if isinstance(one, Node) else one.vm_id, one)
    for item in items:
        found[_place(item)] = _file(item, owners)
    for one in owned:
        for item in one.saved_state:
            found.setdefault(_place(item), _file(item, owners)).owner = one
        for key, path in _named(one):
            _refer(system, one, key, path, found)
    for runtime in runtimes:
        found.setdefault(_place(runtime.item), _file(runtime.item, owners)).runtime = runtime
    return sorted(found.values(), key=lambda file: (file.path, file.state_id))


def completeness(file: StateFile) -> str:
    """How much of the state is there, as far as that can be told without decoding it."""
    if file.item is None:
        return ""
    size = file.item.entry.size
    if size == 0:
        return "empty"
    if file.kind == KINDS[".vmgs"]:
        return _of_guest_state(file.item)
    if file.runtime is not None:
        return _of_runtime(file.runtime)
    memory = file.owner.configuration.memory.size_mb if file.owner is not None else None
    if file.kind == KINDS[".bin"] and memory is not None:
        return (f"{size // MB} MB of {memory} MB of memory" if size < memory * MB
                else f"size of the whole memory, {memory} MB")
    return ""


def _of_guest_state(item: Item) -> str:
    try:
        return str(vmgs.parse(item.blocks()))
    except EvidenceError as error:
        return f"not decoded: {error.what}"


def memory_in(file: StateFile) -> tuple[bool | None, str]:
    """(whether it holds memory of the guest, what that rests on)."""
    if file.item is None or file.kind == KINDS[".vmgs"]:
        return None, ""
    if file.runtime is not None:
        facts = file.runtime.facts
        return facts is not None and facts.ram_blocks > 0, "direct: keys of the file"
    if file.item.entry.size == 0:
        return False, "direct: it is empty"
    if file.kind == KINDS[".vmrs"] and file.item.entry.size > 8 * MB:
        return True, "inferred: from its size only"
    if file.kind in (KINDS[".bin"], BOTH):
        return None, "not known: it is made at full size when a machine starts"
    return None, ""


def _of_runtime(runtime: Runtime) -> str:
    facts = runtime.facts
    if facts is None:
        return "no saved state in it"
    wanted = -(-facts.memory_size // RAM_BLOCK)
    said = [f"{facts.ram_blocks} of {wanted} MB of memory"]
    said += [] if facts.partition_state_size else ["no state of processors and devices"]
    return "; ".join(said + (["the file is damaged"] if runtime.partial else []))


def _refer(system: WindowsSystem, owner: Configured, key: str, path: str,
           found: dict[object, StateFile]) -> None:
    item, why = None, "there is no such file"
    try:
        item = system.find(path)
    except NotInEvidence as error:
        why = error.what
    except EvidenceError as error:
        why = str(error)
        system.problem(error, owner.file.source,
                       f"whether the saved state {path} is there is not known")
    place = _place(item) if item is not None else path.lower()
    if place not in found:
        found[place] = StateFile(path, _kind(path), item, _id_in(path), owner,
                                 why=why if item is None else "")
    file = found[place]
    file.owner = file.owner or owner
    file.named_by = ", ".join(filter(None, (file.named_by, key)))


def _named(owner: Configured) -> Iterator[tuple[str, str]]:
    """(key, path) of every state file that a configuration names."""
    saved = owner.configuration.saved_state
    if saved is not None and saved.memory_path:
        yield "savedstate/memlocation", saved.memory_path
    if saved is not None and saved.state_path not in ("", saved.memory_path):
        yield (VMC_KEY if owner.format == "vmc" else "savedstate/vsvlocation"), saved.state_path
    for device in owner.configuration.devices:
        if device.state_file:
            yield "StateFilePath", device.state_file


def _file(item: Item, owners: dict[str, Configured]) -> StateFile:
    state_id = _id_in(item.path)
    return StateFile(item.path, _kind(item.path), item, state_id, owners.get(state_id))


def _kind(path: str) -> str:
    kind = KINDS.get(_suffix(path), "unknown")
    return BOTH if kind == KINDS[".vsv"] and not _id_in(path) else kind


def _id_in(path: str) -> str:
    match = GUID.fullmatch(path.rpartition("\\")[2])
    return match[1].upper() if match else ""


def _suffix(path: str) -> str:
    return f".{path.lower().rpartition('.')[2]}"


def _place(item: Item) -> tuple[str, int]:
    return item.volume.source.address, item.entry.inode
