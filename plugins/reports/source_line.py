"""The address of the place that a row of a table comes from, as a shell takes it."""

from typing import Any

from analyzer.text import show


def address(row: dict[str, Any]) -> str:
    """What `vmtrail cat` and `vmtrail stat` take."""
    evidence, path = row["source_evidence"] or "", row["source_path"] or ""
    return f"{evidence}!{path}" if path else evidence


def quoted(text: str) -> str:
    """One word of a POSIX shell.

    Characters that cannot be shown are written with the shell's own `$'...'` escapes, so that
    what is copied still names the same file.
    """
    if show(text) == text:
        return "'" + text.replace("'", "'\\''") + "'"
    return f"$'{''.join(map(_ansi_c, text))}'"


def _ansi_c(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if show(character) == character:
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
