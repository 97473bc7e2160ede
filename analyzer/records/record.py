"""Record: the base of every table's rows, and what can be asked of a record class.

A record is a frozen dataclass: a Source and typed fields. Its class name in snake case is the
name of its table. Times are ticks (see times.py) and end in `_at`; a field declared with
`moment("label")` is a time that the timeline shows. One field name has one type in all tables.
"""

import re
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, get_type_hints

from analyzer.source import Source


def moment(label: str) -> Any:
    """A time field that the timeline shows under `label`; None is left out."""
    return field(default=None, metadata={"moment": label})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has."""

    source: Source
    system_id: str = ""
    """Address of the Windows installation it was found in; "" for the evidence itself."""
    vm_id: str = ""
    """GUID of the virtual machine it is about, upper case, no braces."""
    snapshot_id: str = ""
    """GUID of the snapshot whose state it was read at; "" for the current state."""

    TOPIC: ClassVar[str] = "file"
    """Which sort of artefact this comes from, for the timeline's `topic` column."""

    NEVER_SEEN: ClassVar[str] = ""
    """What of it no file of a real host was ever read for: it rests on documents and samples."""

    def describe(self) -> str:
        """One line for the timeline."""
        return str(self.source)


def table_name(record: type[Record]) -> str:
    """`VmNetworkAdapter` -> `vm_network_adapter`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()


def column_types(record: type[Record]) -> dict[str, Any]:
    """Field name -> annotated type, `source` first, in order of declaration."""
    hints = get_type_hints(record)
    return {f.name: hints[f.name] for f in fields(record)}


def moments(record: type[Record]) -> dict[str, str]:
    """Field name -> label of each moment the record declares."""
    return {f.name: f.metadata["moment"] for f in fields(record) if "moment" in f.metadata}
