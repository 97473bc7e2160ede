"""Text of the evidence on its way out: shown on a terminal, stored in a table,
written into a cell.

Evidence names can hold anything: escape sequences that drive a terminal, characters that turn
the reading direction, lone surrogates that no UTF-8 file can hold.
"""

import re
from typing import Any, Final

# C0, DEL, C1; soft hyphen, Arabic letter mark, Mongolian vowel separator; zero-width and
# direction marks; line separators; invisible operators; BOM; interlinear marks; surrogates; tags.
_UNSHOWABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]")
_UNSTORABLE: Final = re.compile("[\ud800-\udfff]|\\\\(?=u(?:005c|d[89a-f][0-9a-f]{2}))")
_STORED: Final = re.compile(r"\\u(005c|d[89a-f][0-9a-f]{2})")
LOOKS_STORED: Final = r"\\u(005c|d[89a-f][0-9a-f]{2})"
"""Pattern of what `to_storable` writes; text that already has it must be escaped too."""
_FORMULA: Final = re.compile(r"[\s\u200b\ufeff]*(?:[=+\-@＝＋－＠]|[\t\r\n])")
_STARTS: Final = frozenset(" \t\r\n\v\f\x1c\x1d\x1e\x1f=+-@")
"""First ASCII characters of cells that need a closer look."""
_BREAKS: Final = re.compile("[\x00\ud800-\udfff]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def show(value: object) -> str:
    """One line that is safe on a terminal: what acts or hides is written `\\xNN` or `\\uNNNN`.

    For people; not reversible (a backslash stays one backslash). Tables keep the true text.
    """
    return _UNSHOWABLE.sub(_visible, str(value))


def to_storable(text: str) -> str:
    """Text that UTF-8 can hold; `from_storable` gives the original back.

    A lone surrogate is written `\\udc80`. A backslash that would then be misread (one before
    `u005c` or before `ud800` ... `udfff`) is written `\\u005c`. All other text is unchanged.
    """
    return _UNSTORABLE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def from_storable(text: str) -> str:
    """The reverse of `to_storable`."""
    return _STORED.sub(lambda m: chr(int(m.group(1), 16)), text)


def cell(value: Any) -> tuple[str, bool]:
    """Text of a cell of a CSV file, and whether it differs from the value. None is empty.

    A spreadsheet runs a cell that starts with `= + - @`, tab or a line end (CWE-1236); it gets a
    leading `'`. NUL and half a surrogate pair, which break readers, are written as by `show`.
    """
    if value is None:
        return "", False
    if not isinstance(value, str):
        return str(value), False
    if value.isascii() and value[:1] not in _STARTS and "\x00" not in value:
        return value, False
    text = _BREAKS.sub(_visible, value)
    if _FORMULA.match(text):
        text = f"'{text}"
    return text, text != value
