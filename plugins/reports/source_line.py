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


def place(row: dict[str, Any]) -> str:
    """Where inside the innermost file: detail, MFT entry, offsets and the owning disk layer."""
    parts = [row["source_detail"] or ""]
    if row["source_entry"] is not None:
        parts.append(f"MFT entry {row['source_entry']}")
    if row["source_offset"] is not None:
        parts.append(f"byte {row['source_offset']:#x}")
    if row["source_image_offset"] is not None:
        parts.append(f"image byte {row['source_image_offset']:#x}")
    if row["source_layer"]:
        parts.append(f"held by {row['source_layer']}")
    return ", ".join(part for part in parts if part)
