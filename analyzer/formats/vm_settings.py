"""The tree of settings that every machine configuration holds, XML or not.

    configuration / properties / name : string = "web"

Siblings of one name are normal (`devicetype`, `metric`) and all kept; where a name repeats,
the key of each carries its number in the manner of XPath: `devicetype[2]`.

Source: FIELD-GUIDE 2.1 (types), 0.6 (siblings), 0.8 (creation time).
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from analyzer import times
from analyzer.errors import Corrupt, Notice
from analyzer.formats import guid

MOST_NOTICES: Final = 1000
MOST_KEY_TEXT: Final = 64 * 2**20
"""Characters in all keys together: long names, deeply nested, would multiply."""
_MOST_TOLD: Final = 1000
"""Characters of all leaves of a container in one text."""

Encoding = Literal["base64", "hex"]
"""Of bytes as text: Hyper-V writes base64, Virtual Server and Virtual PC hexadecimal digits."""
Decoded = str | int | bool | bytes | None
_ID = re.compile("[0-9]{1,4}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")


@dataclass(slots=True)
class Node:
    """One element: a leaf with a type and a text, or a container with children."""

    name: str
    type: str = ""
    text: str = ""
    """As it stands in the file, entities resolved, line ends as `\\n`."""
    children: list["Node"] = field(default_factory=list)
    key: str = ""
    """Path from the root, `configuration/manifest/vdev001/name`; set by `number`."""
    whole: bool = True
    """False where the file is torn inside this container."""
    headless: bool = False
    """True where its start tag is lost, and with it its attributes."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Those of an XML element other than `type`."""
    understood: bool = False
    """True once a field of the model was taken from here."""
    at: int | None = None
    """Byte offset in the file, where the format has one for each key."""

    def child(self, path: str) -> "Node | None":
        """The first element at `path` below this one."""
        node: Node | None = self
        for name in path.split("/"):
            node = next((c for c in node.children if c.name == name), None) if node else None
        return node

    def text_at(self, path: str) -> str:
        """Text of the leaf at `path`, without white space around it; "" where there is none.

        It counts as understood from then on.
        """
        node = self.child(path)
        return node.own_text() if node is not None else ""

    def own_text(self) -> str:
        """The same of this leaf itself."""
        self.understood = True
        return self.text.strip()

    def bool_at(self, path: str) -> bool | None:
        """Truth value of the leaf at `path`; None where it is absent or says neither."""
        return as_bool(self.text_at(path))


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf: where it stands, what it says, what that means."""

    key: str
    type: str
    text: str
    value: Decoded
    """Text without white space around it, int, bool, bytes; None where the text does not fit."""
    at: int | None = None
    """Byte offset in the file, where the format has one for each key."""


def number(root: Node) -> None:
    """Gives every node its key; raises Corrupt where they add up to more than MOST_KEY_TEXT."""
    root.key = root.name
    budget = MOST_KEY_TEXT
    pending = [root]
    while pending:
        node = pending.pop()
        labels = [_label(child) for child in node.children]
        count, seen = Counter(labels), Counter[str]()
        for child, label in zip(node.children, labels, strict=True):
            seen[label] += 1
            child.key = f"{node.key}/{label}"
            if count[label] > 1:
                child.key += f"[{seen[label]}]"
            budget -= len(child.key) * (1 + len(child.attributes))
            if budget < 0:
                raise Corrupt(f"element names add up to more than {MOST_KEY_TEXT} characters")
        pending += (child for child in node.children if child.children)


def _label(node: Node) -> str:
    """Its name; with the number that Virtual Server gives: `ide_controller[@id=0]`."""
    number = node.attributes.get("id", "")
    return f"{node.name}[@id={number}]" if _ID.fullmatch(number) else node.name


def leaves(root: Node, encoding: Encoding = "base64") -> Iterator[Setting]:
    """Every leaf below `root` in order of the file. A container without children is none.

    Attributes are leaves too: `AzRole/@Name`.
    """
    pending = [root]
    while pending:
        node = pending.pop()
        for name, value in node.attributes.items():
            if name == "id" and _ID.fullmatch(value):
                continue  # it is in the key
            yield Setting(f"{node.key}/@{name}", "attribute", value, value)
        if not node.children and (node.type or node.text.strip()):
            yield Setting(node.key, node.type, node.text, decode(node.type, node.text, encoding),
                          node.at)
        pending += reversed(node.children)


def understood(root: Node) -> frozenset[str]:
    """Keys of the leaves that fields of the model were taken from."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        if node.understood:
            found.append(node.key)
        pending += node.children
    return frozenset(found)


def told(root: Node, elsewhere: frozenset[str] = frozenset()) -> str:
    """Leaves below `root` that say something, as `path=value; ...`, for who has no field for each.

    They count as understood; bytes are counted. Children in `elsewhere` are left out; what is
    beyond _MOST_TOLD characters is counted.
    """
    said, length, more = [], 0, 0
    pending = [("", child) for child in reversed(root.children) if child.name not in elsewhere]
    while pending:
        path, leaf = pending.pop()
        if leaf.children:
            pending += [(f"{path}{leaf.name}/", child) for child in reversed(leaf.children)]
        elif text := leaf.text.strip():
            data = as_bytes(text) if leaf.type == "bytes" else None
            shown = f"{path}{leaf.name}={text if data is None else f'{len(data)} bytes'}"
            length += len(shown) + 2
            if length > _MOST_TOLD:
                more += 1
            else:
                leaf.understood = True
                said.append(shown)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def passed_over(root: Node, taken: frozenset[str]) -> Iterator[str]:
    """Keys of what stands beside one of its name from which the facts in `taken` were taken."""
    used = {key[:at] for key in taken for at in _ends(key)}
    pending = [root]
    while pending:
        node = pending.pop()
        first: dict[str, Node] = {}
        for child in node.children:
            other = first.setdefault(_label(child), child)
            if other is not child and other.key in used and child.key not in used:
                yield child.key
        pending += node.children


def _ends(key: str) -> Iterator[int]:
    """Where the parts of a key end: those of a container are prefixes."""
    yield from (match.start() for match in re.finditer("/", key))
    yield len(key)


def decode(kind: str, text: str, encoding: Encoding = "base64") -> Decoded:
    """Value of a leaf of type `kind`; None where the text is no such value."""
    text = text.strip()
    if kind == "integer":
        return as_integer(text)
    if kind in ("bool", "boolean"):
        return as_bool(text)
    return as_bytes(text, encoding) if kind == "bytes" else text


def as_integer(text: str) -> int | None:
    """Decimal number of at most 64 bits, signed or not."""
    value = int(text) if _INTEGER.fullmatch(text) else None
    return value if value is not None and -(2**63) <= value < 2**64 else None


def as_bool(text: str) -> bool | None:
    """`True` or `False` in any case."""
    return {"true": True, "false": False}.get(text.lower())


def as_bytes(text: str, encoding: Encoding = "base64") -> bytes | None:
    """Base64 or hexadecimal digits, wrapped over lines."""
    plain = "".join(text.split())
    try:
        return bytes.fromhex(plain) if encoding == "hex" \
            else base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        return None


class Reader:
    """Typed look-ups in a tree; what does not fit is noted, never passed off as a value."""

    def __init__(self, root: Node, notices: list[Notice]) -> None:
        self.root = root
        self.notices = notices
        self._never: list[str] = []

    def text(self, path: str) -> str:
        """Text at `path` below the root, "" where absent."""
        return self.root.text_at(path)

    def bool(self, path: str) -> bool | None:
        """Truth value at `path`, None where absent or neither."""
        return self.root.bool_at(path)

    def integer(self, path: str) -> int | None:
        """Number at `path`, None where absent; noted where it is none."""
        text = self.text(path)
        value = as_integer(text)
        if text and value is None:
            self.unfit(path, text, "a number")
        return value

    def count(self, path: str) -> int | None:
        """Number at `path` that cannot be negative."""
        value = self.integer(path)
        if value is not None and value < 0:
            self.unfit(path, str(value), "a count")
            return None
        return value

    def guid(self, path: str) -> str:
        """GUID at `path`, "" where absent; noted where the text is none."""
        text = self.text(path)
        found = guid.normalise(text)
        if text and not found:
            self.unfit(path, text, "a GUID")
        return found

    def filetime(self, path: str) -> int | None:
        """Ticks at `path`: a decimal number, or base64 of 8 bytes little-endian; 0 is "never"."""
        text = self.text(path)
        if not text:
            return None
        node = self.root.child(path)
        if node is None or node.type != "bytes":
            return self._plausible(path, text, self.integer(path))
        data = as_bytes(text)
        if data is None or len(data) != 8:
            self.unfit(path, text, "a FILETIME")
            return None
        return self._plausible(path, data.hex(" "), int.from_bytes(data, "little"))

    def _plausible(self, path: str, text: str, ticks: int | None) -> int | None:
        """`ticks` if a clock can show them; else None, which is noted."""
        if ticks is None:
            return None
        if ticks in times.NEVER:
            self.never(path, text)
            return None
        if ticks in times.CLOCK:
            return ticks
        self.note(times.out_of_range(f"{self._key(path)} is {text!a}", ticks))
        return None

    def never(self, path: str, text: str) -> None:
        """Notes that the time at `path` is there and says that there is none."""
        self._never.append(f"{self._key(path)} is {text}")

    def said(self) -> tuple[Notice, ...]:
        """All notices; the times that say "never" in one of them."""
        if self._never:
            self.note(Notice("TIME-NEVER", f'{"; ".join(self._never)}: "never", or not set',
                             "no time is given there"))
        return tuple(self.notices)

    def unfit(self, path: str, text: str, wanted: str) -> None:
        """Notes a value that is not what its key promises."""
        shown = text if len(text) <= 80 else f"{text[:80]}..."
        self.note(Notice("XML-VALUE", f"{self._key(path)} is {shown!a}, not {wanted}",
                         "left out; the raw text stays in the settings"))

    def _key(self, path: str) -> str:
        """Where the file has what is looked up at `path`."""
        node = self.root.child(path)
        return node.key if node is not None and node.key else f"{self.root.name}/{path}"

    def note(self, notice: Notice) -> None:
        """Adds a notice; after MOST_NOTICES one last that says so."""
        if len(self.notices) < MOST_NOTICES:
            self.notices.append(notice)
        elif len(self.notices) == MOST_NOTICES:
            self.notices.append(Notice(notice.code, "more values that do not fit", notice.effect))
