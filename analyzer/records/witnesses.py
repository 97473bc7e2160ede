"""Records of witnesses beside machines and disks: bins, traces of users, counters of services."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecycledFile(Record):
    """One file or folder that a user moved to the Recycle Bin."""

    path: str
    """Where it was."""
    subject: str
    """What it is by its name: virtual disk, configuration, saved state ...; "" for any other."""
    user_sid: str
    """Whose bin it is."""
    account_name: str = ""
    size: int
    """Bytes, as the bin says; of a folder all that was in it."""
    format: str
    """$I 1, $I 2, INFO2."""
    content_path: str = ""
    """Where its content is now; "" where it is not in the bin any more."""
    contents: tuple[str, ...] = ()
    """Of a folder: files of virtual machines in it, by name."""
    note: str = ""
    deleted_at: int | None = moment("Moved to the Recycle Bin")

    TOPIC: ClassVar[str] = "user"

    def describe(self) -> str:
        return f"{self.path} by {self.account_name or self.user_sid or 'an unknown user'}"
