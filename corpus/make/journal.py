"""What the event logs of a host say: events gathered in any order, written log by log, and told.

Meanings are in the words of the field; the recipe states them, no table of the analyzer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from corpus.make import evtx
from corpus.make.evtx import Event
from corpus.make.vm_xml import Machine

_HYPERV = "Microsoft-Windows-Hyper-V-"
SERVICE = "S-1-5-18"


@dataclass(frozen=True, slots=True)
class Row:
    """One event and what it means."""

    event: Event
    meaning: str
    vm_name: str = ""
    vm_id: str = ""


@dataclass(slots=True)
class Journal:
    """All events of a computer.

    named  elements are called VmName and VmId, as since 2019, and not Parameter0, Parameter1
    gaps   channel -> place of an event -> record ids that are missing before it
    bad    (channel, record id) of records whose content is overwritten
    """

    computer: str
    named: bool
    rows: list[Row] = field(default_factory=list)
    gaps: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    bad: tuple[tuple[str, int], ...] = ()

    def vm(self, at: int, provider: str, event_id: int, meaning: str, machine: Machine,
           channel: str = "") -> None:
        """An event of Hyper-V about a machine."""
        names = ("VmName", "VmId") if self.named else ()
        event = evtx.vml(at, provider, event_id, channel or f"{provider}-Admin", machine.name,
                         machine.guid, names=names, computer=self.computer, user_sid=SERVICE)
        self.rows.append(Row(event, meaning, machine.name, machine.guid))

    def host(self, at: int, provider: str, event_id: int, meaning: str, *values: str,
             channel: str = "", vm_id: str = "") -> None:
        """An event of Hyper-V whose first values are not name and id of a machine."""
        event = evtx.vml(at, provider, event_id, channel or f"{provider}-Admin", *values,
                         computer=self.computer, user_sid=SERVICE)
        self.rows.append(Row(event, meaning, vm_id=vm_id))

    def windows(self, at: int, provider: str, event_id: int, channel: str, meaning: str,
                data: Mapping[str, str] | None = None, *, template: str = "", user: str = "",
                vm_id: str = "") -> None:
        """Any other event."""
        event = Event(at, provider, event_id, channel, tuple((data or {}).items()), template,
                      self.computer, user)
        self.rows.append(Row(event, meaning, vm_id=vm_id))

    def boot(self, at: int) -> None:
        """Windows starts, and with it the hypervisor where there is one."""
        self.windows(at, "Microsoft-Windows-Kernel-General", 12, "System", "Windows started",
                     {"StartTime": "0"})
        self.windows(at + 30_000_000, "EventLog", 6005, "System", "event log service started")

    def logs(self) -> dict[str, bytes]:
        """The log of each channel."""
        logs = {channel: evtx.build([row.event for row in rows], gaps=self.gaps.get(channel))
                for channel, rows in self._channels().items()}
        for channel, record_id in self.bad:
            logs[channel] = evtx.overwritten(logs[channel], record_id)
        return logs

    def readable(self) -> Iterator[Row]:
        """Every event whose content is not overwritten."""
        for channel, rows in self._channels().items():
            number = 0
            for place, row in enumerate(rows):
                number += 1 + self.gaps.get(channel, {}).get(place, 0)
                if (channel, number) not in self.bad:
                    yield row

    def truth(self) -> list[dict[str, object]]:
        """Every event, log by log."""
        out: list[dict[str, object]] = []
        for channel, rows in self._channels().items():
            number = 0
            for place, row in enumerate(rows):
                number += 1 + self.gaps.get(channel, {}).get(place, 0)
                out.append({
                    "channel": channel, "record_id": number, "provider": row.event.provider,
                    "event_id": row.event.event_id, "at": row.event.at,
                    "computer": row.event.computer, "user_sid": row.event.user_sid,
                    "vm_name": row.vm_name, "vm_id": row.vm_id, "meaning": row.meaning,
                    "flaw": "bad" if (channel, number) in self.bad else "",
                })
        return out

    def _channels(self) -> dict[str, list[Row]]:
        channels: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.event.at):
            channels.setdefault(row.event.channel, []).append(row)
        return dict(sorted(channels.items()))
