"""Records of what happened to each machine, joined from all witnesses."""

from dataclasses import dataclass

from analyzer.records.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeEvent(Record):
    """One line of the story of one machine; `source` is its strongest witness.

    `vm_id` is "" for a machine known by name only and for a disk that no machine names.
    """

    story: str
    """Whose story it is: the machine's id, `name NAME`, `configuration PATH`, `disk ADDRESS`."""
    vm_name: str
    happened_at: int | None
    """None where there is a trace of the machine and no time with it."""
    last_at: int | None
    """The latest time that a witness of this line gives."""
    what: str
    """created, started, turned off, saved, snapshot taken, snapshot applied, disk created ..."""
    subject: str
    """The snapshot, disk, file or guest concerned; "" for the machine."""
    certainty: str
    """direct: a record of just this; derived: follows from one; inferred: the likeliest reading."""
    basis: str
    """What that rests on."""
    sources: tuple[str, ...]
    """Each witness: `table: address (column, time)`."""
    contradictions: tuple[str, ...] = ()
    """What speaks against the time or the order."""

    def describe(self) -> str:
        return f"{self.vm_name or self.story}: {self.what} {self.subject}".strip()
