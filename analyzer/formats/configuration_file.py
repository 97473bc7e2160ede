"""Which kind of configuration a file is, by its content; and any of them as a tree.

The one place that tells them apart: names choose which files are looked into, never what they
are. `.vmcx` is HyperVStorage on Server 2016 and XML in Windows Virtual PC.
"""

import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from analyzer import times
from analyzer.errors import EvidenceError, Notice, NotThisFormat, Unsupported
from analyzer.formats import shell_link, virtual_server, vm_xml, vmc, vmcx, vmgs, xml_tree
from analyzer.formats.readable import Readable
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_settings import Setting
from analyzer.formats.vmcx_history import FormerValue

HEAD: Final = 8192 + 4
"""Bytes that `kind_of` wants."""
_SECOND_HEADER: Final = 4096
"""Offset of the other header of a VMCX, where the first is damaged."""
_OBJECTS: Final = 8192
"""Offset of its first object table, where both are."""
_SHORTCUT: Final = b"L\0\0\0"
_OTHER_FILES: Final = (
    (b"vhdxfile", "a virtual disk (VHDX)", "vmtrail disk info tells what it is"),
    (b"conectix", "a virtual disk (VHD, VUD)", "vmtrail disk info tells what it is"),
    (b"regf", "a registry hive", "vmtrail analyze reads it in its system"),
    (b"ElfFile", "an event log", "vmtrail analyze reads it in its system"),
    (b"EVF", "an acquired image", "vmtrail analyze reads it, vmtrail ls IMAGE!/C:/ lists it"),
)
"""Beginning -> what it is, and who reads it."""
_STORAGE: Final = {"Configurations": "register of machines (data.vmcx)",
                   "savedstate": "saved state (VMRS)"}
"""Root of a HyperVStorage file that holds no machine -> what it is."""
_SAVED: Final = (".vsv", ".bin")
_FIRST = re.compile(r"<(?![?!/])([A-Za-z_][\w.-]*)")
_COMMENT = re.compile("<!--(.*?)-->", re.DOTALL)
_KINDS: Final = {
    vm_xml.ROOT: "xml", vmc.ROOT: "vmc", virtual_server.DESCRIPTION: "vm_description",
    "AzAdminManager": "azman",
}


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A file as a tree: every leaf in order, and which of them the model understands."""

    kind: str
    """In words."""
    settings: tuple[Setting, ...]
    understood: frozenset[str]
    notices: tuple[Notice, ...]
    partial: bool
    former: tuple[FormerValue, ...] = ()
    """Old values that survive in a VMCX."""


def kind_of(head: bytes) -> str:
    """`vmcx`, `xml`, `vmc`, `vm_description`, `azman`, `other xml`, or "" for none of them.

    `head` is the first HEAD bytes.
    """
    if head.startswith(vmcx.MAGIC) or head[_SECOND_HEADER:].startswith(vmcx.MAGIC) \
            or head[_OBJECTS:] == vmcx.OBJECTS:
        return "vmcx"
    text = _plain(head)
    match = _FIRST.search(_COMMENT.sub("", text))
    if match is None or not text.lstrip().startswith("<"):
        return ""
    return _KINDS.get(match[1], "other xml")


def _plain(head: bytes) -> str:
    """ASCII of the first bytes, whatever their encoding: all names that matter are ASCII."""
    return head.replace(b"\0", b"").decode("ascii", "ignore")


def read(blocks: Readable, name: str = "") -> ConfigurationFile:
    """A file as a tree; `name` is only for the words where it is none.

    Raises NotThisFormat with what was found, Corrupt and Unsupported.
    """
    head = blocks.read_at(0, HEAD)
    kind = kind_of(head)
    if kind == "vmcx":
        return _storage(blocks)
    if kind == "" and any(head[at:].startswith(vmgs.MAGIC) for at in (0, 512, 4096)):
        return _guest_state(vmgs.parse(blocks))
    if blocks.size > xml_tree.LARGEST:
        raise _other(head, name) if kind == "" else Unsupported(
            f"{blocks.size} bytes: XML is read up to {xml_tree.LARGEST}")
    data = blocks.read_at(0, blocks.size)
    if head.startswith(_SHORTCUT):
        return _shortcut(shell_link.parse(data))
    try:
        if kind == "vmc":
            return _machine(vmc.parse(data), "machine of Virtual Server or Virtual PC (.vmc)")
        if kind in ("xml", "other xml", ""):
            return _machine(vm_xml.parse(data), "")
    except NotThisFormat as error:
        if kind == "":
            raise _other(head, name) from error
    return _any_xml(data, kind, head)


def _other(head: bytes, name: str) -> NotThisFormat:
    """What a file is that is no configuration, as far as its beginning tells."""
    for beginning, what, reader in _OTHER_FILES:
        if head.startswith(beginning):
            return NotThisFormat(f"no configuration: {what}; {reader}")
    if name.lower().endswith(_SAVED):
        return NotThisFormat("no configuration: by its name a saved state, whose form is not "
                             "public; vmtrail analyze gives its size, times and machine")
    return NotThisFormat("no configuration: it begins with "
                         f"{head[:16].hex(' ') or 'nothing'}", 0)


def _fields(kind: str, thing: object, notices: tuple[Notice, ...] = (), *,
            partial: bool = False) -> ConfigurationFile:
    """The fields of a decoded structure as settings; parts of it one level down."""
    settings: list[Setting] = []
    pending = [("", thing)]
    while pending:
        path, value = pending.pop()
        if is_dataclass(value):
            pending += [(f"{path}/{f.name}".lstrip("/"), getattr(value, f.name))
                        for f in reversed(fields(value)) if f.name != "notices"]
        elif isinstance(value, tuple):
            pending += [(f"{path}[{n + 1}]", part) for n, part in reversed(list(enumerate(value)))]
        elif value not in (None, ""):
            word = "time" if path.endswith("_at") and isinstance(value, int) else \
                type(value).__name__
            text = times.iso(value) if word == "time" and isinstance(value, int) \
                and value in times.CLOCK else str(value)
            settings.append(Setting(path, {"str": "string", "int": "integer"}.get(word, word),
                                    text, text))
    return ConfigurationFile(kind, tuple(settings), frozenset(s.key for s in settings), notices,
                             partial)


def _shortcut(link: shell_link.ShellLink) -> ConfigurationFile:
    return _fields("shortcut (.lnk); of Virtual Server it registers a machine or network", link,
                   link.notices)


def _guest_state(state: vmgs.GuestState) -> ConfigurationFile:
    notices = (Notice("VMGS-HEADER", "a header is lost", "the other was used"),) \
        if state.spare else ()
    return _fields(f"guest state (VMGS), version {state.version}; what its files hold is not "
                   "decoded", state, notices)


def _machine(said: VmConfiguration, kind: str) -> ConfigurationFile:
    what = "snapshot" if said.is_snapshot else "machine"
    kind = kind or f"configuration of a {what} (XML), version {said.version or 'not said'}"
    return ConfigurationFile(kind, said.settings, said.understood, said.notices, said.partial)


def _storage(blocks: Readable) -> ConfigurationFile:
    opened = vmcx.open_vmcx(blocks)
    try:
        said = opened.configuration()
        what, understood, notices = "snapshot" if said.is_snapshot else "machine", \
            said.understood, said.notices
        kind = f"configuration of a {what} (VMCX), version {said.version or 'not said'}"
    except EvidenceError:
        kind, understood, notices = next(
            (words for root, words in _STORAGE.items() if opened.root(root) is not None),
            "run-time state or other HyperVStorage file (VMRS)"), frozenset(), \
            tuple(opened.notices)
    return ConfigurationFile(kind, opened.settings, understood, notices, opened.partial,
                             tuple(opened.former))


def _any_xml(data: bytes, kind: str, head: bytes) -> ConfigurationFile:
    """The same root element without a machine, or another: any tree will do."""
    tree = xml_tree.read(data, encoding="hex" if kind in ("vmc", "vm_description") else "base64")
    comment = _COMMENT.search(_plain(head))
    said = f", which calls itself {comment[1].strip()!a}" if comment else ""
    words = {"azman": "authorization store (AzMan XML)",
             "vm_description": "machine description of Windows Virtual PC (XML)"}
    return ConfigurationFile(words.get(kind, f"XML with root {tree.root.name[:80]!a}{said}"),
                             tree.settings, frozenset(), tuple(tree.notices), tree.partial)
