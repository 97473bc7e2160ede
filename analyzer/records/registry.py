"""Records of what stands in registry hives."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRegistryKey(Record):
    """A deleted key that still stands whole in the free space of a hive."""

    hive: str
    """SYSTEM, SOFTWARE."""
    key: str
    """Path from the root of the hive."""
    values: tuple[str, ...]
    """`name (type) = data`, those that are whole."""
    lost_values: int
    """Values it had besides."""
    written_at: int | None = moment("Deleted registry key last written")

    TOPIC: ClassVar[str] = "system"

    def describe(self) -> str:
        return f"{self.hive}\\{self.key}"
