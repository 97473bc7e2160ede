"""What $Volume says of a volume: its label, the version of NTFS, whether it was left dirty.

Source: ntfs-3g layout.h; docs/formats/ntfs.md.
"""

from collections.abc import Callable
from typing import Final

from analyzer.errors import EvidenceError, Notice
from analyzer.filesystem.attributes import AttributeType, text
from analyzer.filesystem.mft_table import MasterFileTable

_VOLUME: Final = 3
"""MFT number of $Volume."""


def volume_information(table: MasterFileTable,
                       report: Callable[[Notice], None]) -> tuple[str, str, bool | None]:
    """Label, version ("3.1") and dirty flag, None where $Volume cannot be read."""
    label, version, is_dirty = "", "", None
    try:
        for attribute in table.record(_VOLUME).attributes:
            value = attribute.value or b""
            if attribute.type == AttributeType.VOLUME_NAME:
                label = text(value)
            elif attribute.type == AttributeType.VOLUME_INFORMATION and len(value) >= 12:
                version, is_dirty = f"{value[8]}.{value[9]}", bool(value[10] & 1)
    except EvidenceError as error:
        table.report_record(_VOLUME, error)
    if is_dirty:
        report(Notice("NTFS-DIRTY", "the volume is marked dirty",
                      "$LogFile is not replayed; recent changes may be missing"))
    return label, version, is_dirty
