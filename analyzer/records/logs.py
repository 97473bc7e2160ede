"""Records of event logs."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent(Record):
    """One event of a log; `vm_id` is the machine it is about, where it says so."""

    channel: str
    provider: str
    event_id: int | None
    """None where the content of the record cannot be decoded."""
    event_record_id: int
    computer: str = ""
    user_sid: str = ""
    meaning: str = ""
    """What it means by event_meanings.csv; "" for events that are not in it."""
    certainty: str = ""
    """verified, unsure; "" without a meaning."""
    vm_name: str = ""
    """As the event has it; machines are renamed."""
    concerns: str = ""
    """The disk, switch, service or device it is about."""
    event_data: tuple[str, ...] = ()
    """`name=value` in order."""
    note: str = ""
    """Why the content is not known."""
    logged_at: int | None = moment("Event logged")

    TOPIC: ClassVar[str] = "log"

    def describe(self) -> str:
        number = "record" if self.event_id is None else str(self.event_id)
        about = " ".join(filter(None, (self.vm_name, self.concerns)))
        what = f"{self.meaning}: {about}" if self.meaning and about else self.meaning or about
        return f"{what} ({self.provider or self.channel} {number})".strip()
