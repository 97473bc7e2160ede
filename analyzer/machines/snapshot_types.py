"""Of which type a snapshot is: standard, automatic, recovery, replica.

No public file shows how a snapshot's configuration records it (FIELD-GUIDE 3), so each word comes
with what it rests on, and settings that may speak of it are given raw. A production snapshot
differs from a standard one only in how it was taken; without saved memory nothing tells them
apart, nor either from one of a machine that was off.
"""

import re
from collections.abc import Iterator

from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.machines.companions import RECOVERY
from analyzer.machines.model import Node

PRODUCTION_SINCE = (6, 2)
"""Configuration version; source: Microsoft, "Upgrade virtual machine version"."""
OLDER = ("derived: configuration version {} has no other type that a user can take; one made by "
         "a backup or for a replica would look alike")
_SPEAKS = re.compile(r"(?:snapshot|checkpoint)_?type|automatic|consisten|is_?(?:auto|recovery|"
                     r"replica)", re.IGNORECASE)
_OF_MACHINE = "/enable_automatic"
"""What the machine is to do; it says nothing of a snapshot."""


def snapshot_type(node: Node) -> tuple[str, str]:
    """(word, basis); ("", why) where nothing tells."""
    said = node.configuration
    for word in ("recovery", "replica", "automatic"):
        if word in said.type_id.lower():
            return word, f"direct: type_id {said.type_id}"
    for drive in node.drives:
        if RECOVERY.fullmatch(drive.path):
            return "recovery", f"inferred: name of the disk {drive.path}"
    if said.name.lower().startswith("automatic checkpoint"):
        return "automatic", "inferred: from its name only"
    version = _version(said.version)
    if version is not None and version < PRODUCTION_SINCE:
        return "standard", OLDER.format(said.version)
    if node.saved_state:
        return "standard", "inferred: it has a saved state"
    return "", "nothing tells a production snapshot from one of a machine that was off"


def type_settings(said: VmConfiguration) -> tuple[str, ...]:
    """`key=value` of every setting whose name may speak of the type."""
    return tuple(_speaking(said))


def _speaking(said: VmConfiguration) -> Iterator[str]:
    for setting in said.settings:
        name = setting.key.rpartition("/")[2]
        if _SPEAKS.search(name) and not setting.key.endswith(_OF_MACHINE):
            yield f"{setting.key}={setting.text[:100]}"


def _version(text: str) -> tuple[int, int] | None:
    """`5.0` -> (5, 0); a number alone is one from before that form (unsure): before 2016."""
    parts = text.split(".")
    if not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]) if len(parts) > 1 else 0, int(parts[-1])
