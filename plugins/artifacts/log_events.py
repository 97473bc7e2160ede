"""Event logs of hosts and guests."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.event_logs import Logged, logged, release_of, service_text
from analyzer.formats.event_meanings import machine_of, meaning_of, object_of
from analyzer.formats.evtx import EventRecord, Unread
from analyzer.formats.sid import machine_id
from analyzer.plugin import artifact
from analyzer.records import LogEvent, Record
from analyzer.system import WindowsSystem


@artifact(LogEvent)
def log_events(system: WindowsSystem) -> Iterator[Record]:
    """Events of the Hyper-V and VHDMP channels, and those of general logs that concern them."""
    release = release_of(system)
    for row in logged(system):
        if isinstance(row.event, EventRecord):
            yield system.own(_event(row, row.event, release))
        else:
            yield system.own(_unread(row, row.event))


def _event(row: Logged, event: EventRecord, release: str) -> LogEvent:
    meaning = meaning_of(event.provider, event.event_id, release)
    vm_name, vm_id = machine_of(event.data, meaning)
    return LogEvent(
        source=replace(row.file.source, offset=event.offset),
        vm_id=vm_id or machine_id(event.user_sid), channel=event.channel,
        provider=event.provider, event_id=event.event_id, event_record_id=event.record_id,
        computer=event.computer, user_sid=event.user_sid,
        meaning=meaning.what if meaning else "", certainty=meaning.certainty if meaning else "",
        vm_name=vm_name, concerns=service_text(object_of(event.data, meaning)),
        event_data=tuple(f"{name}={service_text(value)}" for name, value in event.data),
        note=_note(row),
        logged_at=event.written_at)


def _unread(row: Logged, event: Unread) -> LogEvent:
    return LogEvent(
        source=replace(row.file.source, offset=event.offset), provider="", event_id=None,
        channel=row.channel, event_record_id=event.record_id,
        note=_note(row, f"content not known: {event.why}"), logged_at=event.written_at)


def _note(row: Logged, *more: str) -> str:
    return "; ".join((*more, *(() if row.file.entry.allocated else ("the log is deleted",))))
