"""The tags and texts of an XML file, one by one, whatever is wrong between them.

A tag that is none ends where the next one begins, so that damage costs the tags it lies in.
Comments, instructions and document types say nothing and are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

MOST_TOKENS: Final = 200_000
"""A configuration with 64 devices and all metrics has some 5000."""
_LONGEST_TAG: Final = 4096
_START = re.compile(
    r"""<([\w.:-]+)((?:\s+[^\s<>="'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>""",
    re.ASCII,
)
_ATTRIBUTE = re.compile(r"""\s([^\s<>="'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FIRST_TAG = re.compile(r"<(?![?!/])([^\s<>/]*)(.?)", re.DOTALL)
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_DOCTYPE: Final = "<!DOCTYPE"
_PROLOG: Final = 4096
"""Characters in which the root's start tag is looked for."""
_END = re.compile(r"</([\w.:-]+)\s*>", re.ASCII)
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


def tokens(text: str) -> list[Token]:
    """All of `text`, in order; texts on both sides of a comment are one."""
    found: list[Token] = []
    for token in _tokens(text):
        last = found[-1] if found else None
        if token.kind == "text" and last is not None and last.kind == "text":
            found[-1] = Token("text", last.start, token.end, value=last.value + token.value)
        else:
            found.append(token)
    return found


def _tokens(text: str) -> Iterator[Token]:
    at, count, last_comment, in_prolog = 0, 0, text.rfind("-->"), True
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
        token = _silent(text, tag, last_comment, in_prolog=in_prolog) or _tag(text, tag)
        in_prolog = in_prolog and not token.kind and not text.startswith(_DOCTYPE, tag)
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


def _silent(text: str, at: int, last_comment: int, *, in_prolog: bool) -> Token | None:
    """The comment, instruction or document type at `at`, of kind ""; None for anything else."""
    if text.startswith("<!--", at):
        end = text.find("-->", at) + 2 if at < last_comment else -1
    elif text.startswith("<?", at):
        end = text.find("?>", at, at + _LONGEST_TAG) + 1 or -1
    elif in_prolog and text.startswith(_DOCTYPE, at):
        end = _doctype_end(text, at)
    else:
        return None
    if end < 0:
        return Token("bad", at, _following(text, at), f"{text[at : at + 2]} without end")
    return Token("", at, end + 1)


def _tag(text: str, at: int) -> Token:
    """The tag at `at`."""
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
    return Token("bad", at, _following(text, at), "a broken tag")


def _following(text: str, at: int) -> int:
    """Where the tag after the one at `at` begins."""
    found = text.find("<", at + 1)
    return len(text) if found < 0 else found


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
