"""Records of what VMCX and VMRS files hold besides settings: former values, saved states."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VmFormerSetting(Record):
    """A value that a configuration or the register of machines no longer has, and still holds."""

    key: str
    value_type: str
    value: str
    """Hex for bytes."""
    current_value: str = ""
    """What the key says now."""
    is_gone: bool = False
    """True where there is no such key any more: a machine was taken off the register."""
    found_in: str
    """replay log, free space, unclaimed space, slack, ..."""
    basis: str
    """direct, or inferred and from what."""
    table_sequence: int | None = None
    """Of the table that held it: it grows with each commit; None where that is lost."""
    current_sequence: int | None = None
    """Of the same table now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmRuntimeState(Record):
    """A run-time state file (VMRS) of a machine or snapshot, and the saved state in it."""

    path: str
    has_saved_state: bool
    """False for the file of a machine that is off."""
    saved_state_type: str = ""
    """Normal, Snapshot, Fast, FastWithHandleTransfer."""
    saved_version: str = ""
    """Configuration version that the state was saved with."""
    partition_state_size: int | None = None
    """Bytes of the processors' and devices' state; None where there is none."""
    memory_size: int = 0
    """Bytes of guest memory that the file describes."""
    ram_blocks: int = 0
    """Of 1 MiB of memory, as many as are stored."""
    ram_blocks_compressed: int = 0
    ram_blocks_size: int = 0
    """Bytes that they take."""
    size: int
    """Bytes of the file."""
    partial: bool = False
    owner_is_known: bool = False
    """True where the machine or snapshot of this name is in the inventory."""
    changed_at: int | None = moment("Run-time state of a virtual machine last written")

    TOPIC: ClassVar[str] = "machine"

    def describe(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState(Record):
    """One file of a saved state, present or only named by a configuration."""

    path: str
    kind: str
    """memory (.bin), devices and processors (.vsv), run-time state (.vmrs), guest state (.vmgs),
    saved state of Virtual Server (.vsv)."""
    state: str
    """present, missing, deleted (its MFT entry is not allocated)."""
    state_basis: str = ""
    """For a missing file, what the look-up met."""
    is_referenced: bool
    """True where a configuration names the file itself."""
    referenced_by: str = ""
    """Keys of the configuration that name it."""
    owner_is_known: bool
    """False where no configuration of this machine or snapshot was found."""
    stored_size: int | None = None
    """Bytes of the file; None where it is missing."""
    holds_memory: bool | None = None
    """None where that cannot be told."""
    memory_basis: str = ""
    completeness: str = ""
    """How much of the state is there; "" where that cannot be told."""
    created_at: int | None = moment("File of a saved state created")
    changed_at: int | None = moment("File of a saved state last written")

    TOPIC: ClassVar[str] = "machine"

    def describe(self) -> str:
        return f"{self.path} ({self.kind})"
