"""What can be read of a torn XML file: the tree before the first damage and after the last.

A parser that "recovers" closes what was cut and passes half a value off as a whole one, or hangs
what follows a hole under the wrong element. So the text is cut into tokens and read twice: from
the front to the first damage, and, where the file still ends with its root's end tag, from the
end back to the last damage. In both directions the path of each element is certain. A leaf
counts only with its start tag, its whole text and its end tag; between the two damages nothing
counts. Containers that are open on both sides of a hole and have one name are taken for one:
only `devicetype`, `metric` and the like repeat, and there the numbers in keys may be off.

Bounds: one pass over the text; at most MOST_TOKENS tokens; DEEPEST levels.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from analyzer.formats.vm_settings import Node

MOST_TOKENS: Final = 200_000
"""A configuration with 64 devices and all metrics has some 5000."""
DEEPEST: Final = 128
_LONGEST_TAG: Final = 4096
_START = re.compile(
    r"""<([\w.:-]+)((?:\s+[^\s<>="'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>"""
)
_ATTRIBUTE = re.compile(r"""\s([^\s<>="'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FIRST_TAG = re.compile(r"<(?![?!/])([^\s<>/]*)(.?)", re.DOTALL)
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_PROLOG: Final = 4096
"""Characters in which the root's start tag is looked for."""
_END = re.compile(r"</([\w.:-]+)\s*>")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_NO_REFERENCE = re.compile(rf"&(?!{_REFERENCE.pattern.removeprefix('&')})")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from `start` to `end`; `kind` is start, end, empty, text or bad."""

    kind: str
    start: int
    end: int
    name: str = ""
    """Of an element; of a bad token, what is bad."""
    value: str = ""
    """Of a tag, its `type`; of a text, itself with references resolved."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Of a tag, those other than `type`."""


@dataclass(slots=True)
class Salvage:
    """What was read. `root` is None where nothing was."""

    root: Node | None
    damage: str = ""
    """What stopped the reading from the front, "" where nothing did."""
    lost_from: int = 0
    lost_to: int = 0
    """Index range of the text that was not read."""


@dataclass(slots=True)
class _Side:
    """One direction of reading: the root and the elements still open, outermost first."""

    root: Node | None = None
    open: list[Node] = field(default_factory=list)
    damage: str = ""
    count: int = 0
    """Tokens read."""


def salvage(text: str, name: str = "") -> Salvage:
    """Reads what is certain of `text`; never raises.

    `name` is that of the root element, where it is known: then a start tag of the root that
    says otherwise is damage, and the file is read from its end.
    """
    tokens = list(_tokens(text))
    front, back = _sides(tokens, name)
    if not front.damage and not front.open:
        return Salvage(front.root)
    end = len(tokens) - back.count
    lost_from = tokens[front.count].start if front.count < len(tokens) else len(text)
    lost_to = tokens[end].start if back.count else len(text)
    inside = "/".join(node.name for node in front.open)
    for side in (front, back):
        _drop_open_leaves(side)
    damage = front.damage or "ends early"
    if inside:
        damage += f", inside {inside[:300]}"
    return Salvage(_join(front.root, back.root), damage, lost_from, lost_to)


def _sides(tokens: list[Token], name: str) -> tuple[_Side, _Side]:
    """What is certain from the front, and from the end.

    One bad tag can stop each of them far behind itself: an end tag that became a start tag goes
    unnoticed up to the end of the file. What both claim is believed where exchanging that one
    tag makes the whole file well-formed, and else neither's.
    """
    front = _forward(tokens)
    if name and front.root is not None and front.root.name != name:
        return _Side(damage=f"its root is <{front.root.name[:80]}>, not <{name}>"), \
            _backward(tokens)
    back = _backward(tokens)
    first, last = len(tokens) - back.count, front.count
    if not front.damage or front.root is None or back.root is None \
            or back.root.name != front.root.name:
        return front, _backward(tokens[last:])
    if first >= last:
        return front, back
    before = _forward(tokens[: max(first - 1, 0)])
    if before.open and _is_whole(tokens, first - 1, Token("end", 0, 0, before.open[-1].name)):
        before.damage = front.damage
        return before, back
    rest = _backward(tokens[last + 1 :])
    if rest.open and _is_whole(tokens, last, Token("start", 0, 0, rest.open[-1].name)):
        return front, rest
    before = _forward(tokens[:first])
    before.damage = front.damage
    return before, rest


def _is_whole(tokens: list[Token], at: int, instead: Token) -> bool:
    """Whether the file is well-formed with another tag at one place."""
    side = _forward([*tokens[:at], instead, *tokens[at + 1 :]])
    return not side.damage and not side.open


def _tokens(text: str) -> Iterator[Token]:
    at, count = 0, 0
    while at < len(text):
        tag = text.find("<", at)
        end = len(text) if tag < 0 else tag
        if end > at:
            yield _text(text, at, end)
        if tag < 0:
            return
        if (count := count + 1) > MOST_TOKENS:
            yield Token("bad", tag, len(text), f"more than {MOST_TOKENS} tags")
            return
        token = _tag(text, tag)
        if token.kind:
            yield token
        at = token.end


def _text(text: str, start: int, end: int) -> Token:
    value = resolve(text[start:end])
    if value is None:
        return Token("bad", start, end, "characters that XML does not allow, or entities")
    return Token("text", start, end, value=value)


def resolve(raw: str) -> str | None:
    """Text with its character references resolved; None where it is not plain text."""
    if _NO_TEXT.search(raw) or _NO_REFERENCE.search(raw):
        return None
    raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if "&" not in raw:
        return raw
    resolved = _REFERENCE.sub(_character, raw)
    return None if _NO_TEXT.search(resolved) else resolved


def _character(match: re.Match[str]) -> str:
    """What a reference stands for; NUL, which is no text, where it is no character."""
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1]) if match[1] else int(match[2], 16)
    return chr(code) if code < 0x110000 else "\0"


def _tag(text: str, at: int) -> Token:
    """The tag, comment, instruction or declaration at `at`; kind "" for what says nothing."""
    for opening, closing in (("<!--", "-->"), ("<?", "?>"), ("<!DOCTYPE", ">")):
        if text.startswith(opening, at):
            end = _doctype_end(text, at) if opening == "<!DOCTYPE" else text.find(
                closing, at, at + _LONGEST_TAG if opening == "<?" else len(text))
            if end < 0:
                following = text.find("<", at + 1) if opening == "<?" else -1
                return Token("bad", at, following if following > 0 else len(text),
                             f"{opening} without end")
            return Token("", at, end + len(closing))
    end = text.find(">", at, at + _LONGEST_TAG)
    tag = text[at : end + 1] if end >= 0 else ""
    if _NO_TEXT.search(tag):
        tag = ""
    if match := _END.fullmatch(tag):
        return Token("end", at, end + 1, match[1])
    attributes = _attributes(match[2]) if (match := _START.fullmatch(tag)) else None
    if match and attributes is not None:
        return Token("empty" if match[3] else "start", at, end + 1, match[1],
                     attributes.pop("type", ""), attributes)
    following = text.find("<", at + 1)
    return Token("bad", at, len(text) if following < 0 else following, "a broken tag")


def _attributes(text: str) -> dict[str, str] | None:
    """Those of a start tag; None where one is given twice or holds what is no plain text."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = resolve(match[2] if match[3] is None else match[3])
        if value is None or match[1] in found:
            return None
        found[match[1]] = value
    return found


def first_tag(text: str) -> tuple[str | None, bool]:
    """(name of the first element, whether that name is whole); None where there is none."""
    match = _FIRST_TAG.search(_COMMENT.sub("", text[:_PROLOG]))
    return (None, False) if match is None else (match[1], bool(match[2]))


def _doctype_end(text: str, at: int) -> int:
    """Index of the `>` that ends a document type with or without internal subset; -1 for none."""
    end = text.find(">", at)
    subset = text.find("[", at, max(end, at))
    if subset < 0:
        return end
    close = re.compile(r"\]\s{0,80}>").search(text, subset)
    return close.end() - 1 if close else -1


def _forward(tokens: list[Token]) -> _Side:
    side = _Side()
    for token in tokens:
        side.damage = _forward_one(side, token)
        if side.damage:
            break
        side.count += 1
    return side


def _forward_one(side: _Side, token: Token) -> str:
    """Takes one token; returns what is wrong with it, "" for nothing."""
    top = side.open[-1] if side.open else None
    if token.kind == "bad":
        return token.name
    if token.kind == "text":
        if top is None or top.children:
            return "text between elements" if token.value.strip() else ""
        top.text += token.value
    elif token.kind == "end":
        if top is None or top.name != token.name:
            return f"</{token.name}> closes nothing"
        side.open.pop()
    else:
        if top is None and side.root is not None:
            return "a second root"
        if (top is not None and top.text.strip()) or len(side.open) >= DEEPEST:
            return "text between elements" if len(side.open) < DEEPEST else "nested too deep"
        node = Node(token.name, token.value, attributes=token.attributes)
        if top is None:
            side.root = node
        else:
            top.text = ""
            top.children.append(node)
        if token.kind == "start":
            side.open.append(node)
    return ""


def _backward(tokens: list[Token]) -> _Side:
    """Reads `tokens` from the last one; `count` of them were taken at the end."""
    side = _Side()
    for token in reversed(tokens):
        if not _backward_one(side, token):
            break
        side.count += 1
    pending = [side.root] if side.root else []
    while pending:
        node = pending.pop()
        node.children.reverse()
        pending += node.children
    return side


def _backward_one(side: _Side, token: Token) -> bool:
    """Takes one token; False where it does not fit."""
    top = side.open[-1] if side.open else None
    if token.kind == "bad":
        return False
    if token.kind == "text":
        if top is None or top.children:
            return not token.value.strip()
        top.text = token.value + top.text
    elif token.kind == "start":
        if top is None or top.name != token.name:
            return False
        top.type, top.attributes = token.value, token.attributes
        side.open.pop()
    else:
        misplaced = side.root is not None if top is None else bool(top.text.strip())
        if misplaced or len(side.open) >= DEEPEST or (top is None and token.kind == "empty"):
            return False
        node = Node(token.name, token.value, attributes=token.attributes)
        if top is None:
            side.root = node
        else:
            top.text = ""
            top.children.append(node)
        if token.kind == "end":
            side.open.append(node)
    return True


def _drop_open_leaves(side: _Side) -> None:
    """Marks open containers as not whole and takes out open elements that hold nothing."""
    for depth in range(len(side.open) - 1, -1, -1):
        node = side.open[depth]
        node.whole = False
        node.text = ""
        if not node.children and depth > 0:
            side.open[depth - 1].children = [
                child for child in side.open[depth - 1].children if child is not node
            ]


def _join(front: Node | None, back: Node | None) -> Node | None:
    """One tree of both sides."""
    if front is None or back is None or front.name != back.name:
        return front or back
    left, right = front, back
    while True:
        first = right.children[0] if right.children else None
        last = left.children[-1] if left.children else None
        if first is None or last is None or first.whole or last.whole or first.name != last.name:
            left.children += right.children
            return front
        left.children += right.children[1:]
        left, right = last, first
