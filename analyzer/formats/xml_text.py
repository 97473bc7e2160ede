"""Bytes of an XML file -> its text, whatever its declaration claims.

Machine configurations are UTF-16LE with a byte order mark when Windows wrote them; edited
exports keep `encoding="UTF-16"` over ASCII bytes, and torn writes leave NULs, odd lengths and
lone surrogates. So the bytes decide: where the NULs stand tells UTF-16LE, UTF-16BE and UTF-8
apart, because markup is ASCII; the byte order mark and the declaration are compared with that
and believed in nothing.

Source: XML 1.0 appendix F (detection); FIELD-GUIDE 2.1 (what occurs).
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from analyzer.errors import Corrupt, Notice

_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_DECLARATION = re.compile(r"<\?xml\b[^<>]{0,200}?\?>")
_ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']{1,40})["']""")
_ONE_BYTE: Final = ("iso-8859-1", "windows-1252")
_RUNS: Final = {"utf-16-le": re.compile(rb"(?:[\t\n\r -~]\0){8,}"),
                "utf-16-be": re.compile(rb"(?:\0[\t\n\r -~]){8,}")}
"""Plain text in UTF-16, from its first byte on."""
_NUL_SHARE: Final = 64
"""One byte in so many must be the NUL half of an ASCII character for UTF-16."""


@dataclass(frozen=True, slots=True)
class XmlText:
    """Text of an XML file, without byte order mark; the declaration is blanked by spaces.

    Bytes that are no text stand in it as lone surrogates, so that `offset_of` stays exact.
    """

    text: str
    codec: str
    bom: int
    """Bytes before the text."""
    odd_end: bool
    """True where half a UTF-16 unit was cut off at the end."""
    notices: tuple[Notice, ...]
    parts: tuple[tuple[int, int], ...] = ()
    """(index, byte offset) where each part begins that follows lost bytes; see `rejoined`."""

    def offset_of(self, index: int) -> int:
        """Byte offset in the file of the character at `index`."""
        first, at = max(((i, o) for i, o in self.parts if i <= index), default=(0, self.bom))
        return at + len(self.text[first:index].encode(self.codec, _errors(self.codec)))


def decode(data: bytes) -> XmlText:
    """The text of `data`; raises Corrupt where there is none."""
    body = data.rstrip(b"\0")
    if not body.strip():
        raise Corrupt(f"{len(data)} bytes, none of them text", 0)
    mark, marked = next(((mark, name) for mark, name in _BOMS if body.startswith(mark)), (b"", ""))
    skip = len(mark)
    codec = _codec(body[skip:], marked)
    if codec == "utf-16-le" and (len(body) - skip) % 2 and len(body) < len(data):
        body += b"\0"  # the high half of the last character, no padding
    declared = _declared(body[skip:], codec)
    if declared in _ONE_BYTE and codec == "utf-8" and not _is_utf8(body):
        codec = declared
    odd_end = codec.startswith("utf-16") and (len(body) - skip) % 2 == 1
    text = body[skip : len(body) - odd_end].decode(codec, _errors(codec))
    notices = _contradictions(codec, marked, declared)
    if len(body) < len(data):
        notices.append(Notice("XML-TAIL", f"{len(data) - len(body)} NUL bytes after the text",
                              "ignored", len(body), len(data) - len(body)))
    text = _DECLARATION.sub(lambda match: " " * len(match[0]), text, count=1)
    return XmlText(text, codec, skip, odd_end, tuple(notices))


def rejoined(data: bytes, document: XmlText) -> XmlText:
    """The text of UTF-16 that lost or won an odd number of bytes somewhere, else `document`.

    Behind such a place every byte is in the other half of its character. Each part is read by
    the half in which its plain text stands; what lies between two parts is one NUL, no text.
    """
    if document.codec not in _RUNS:
        return document
    body = data.rstrip(b"\0") + b"\0"
    ends: list[list[int]] = [[document.bom, document.bom]]
    for run in _RUNS[document.codec].finditer(body, document.bom):
        if (run.start() - ends[-1][0]) % 2:
            ends.append([run.start(), run.end()])
        ends[-1][1] = run.end()
    if len(ends) == 1:
        return document
    ends[-1][1] += (len(body) - ends[-1][1]) // 2 * 2
    text, parts = "", []
    for start, end in ends:
        parts.append((len(text), start))
        text += body[start:end].decode(document.codec, _errors(document.codec)) + "\0"
    text = _DECLARATION.sub(lambda match: " " * len(match[0]), text[:-1], count=1)
    return replace(document, text=text, parts=tuple(parts), odd_end=False)


def _codec(body: bytes, marked: str) -> str:
    """Python's name of the encoding that the NULs show.

    Where bytes were lost, they stand in both halves of the characters; then the mark decides,
    as far as there is plain text in its order.
    """
    balance = body[1::2].count(0) - body[0::2].count(0)
    runs = _RUNS.get(marked or "utf-16-le")
    both = runs is not None and {run.start() % 2 for run in runs.finditer(body)} == {0, 1}
    if both:
        return marked or "utf-16-le"
    if balance > len(body) // _NUL_SHARE:
        return "utf-16-le"
    if -balance > len(body) // _NUL_SHARE:
        return "utf-16-be"
    return "utf-8"


def _errors(codec: str) -> str:
    return "surrogatepass" if codec.startswith("utf-16") else "surrogateescape"


def _declared(body: bytes, codec: str) -> str:
    """Encoding named by the XML declaration, lower case; "" for none."""
    head = body[:512].decode(codec, "ignore")
    declaration = _DECLARATION.search(head)
    encoding = _ENCODING.search(declaration[0]) if declaration else None
    return encoding[1].lower() if encoding else ""


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _contradictions(codec: str, marked: str, declared: str) -> list[Notice]:
    """What the declaration and the byte order mark claim otherwise."""
    plain = codec.replace("-", "")
    notices = []
    if declared and declared.replace("-", "") not in (plain, plain[:5]):
        notices.append(Notice("XML-ENCODING", f"declared {declared.upper()!a}, written in "
                              f"{codec.upper()}", "read as written", 0))
    if marked and marked != codec:
        notices.append(Notice("XML-ENCODING", f"byte order mark of {marked.upper()} before "
                              f"{codec.upper()}", "read as written", 0))
    return notices
