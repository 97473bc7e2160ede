"""Places that this version does not decode, or that are not there."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.places import PLACES, Look, look
from analyzer.plugin import artifact
from analyzer.records import Coverage, Record
from analyzer.system import WindowsSystem


@artifact(Coverage)
def places(system: WindowsSystem) -> Iterator[Record]:
    """Every place that is known to hold facts (docs/coverage.md) and that no plugin reads.

    Those that are read are told by the plugins that read them.
    """
    unread = [place for place in PLACES if not place.reader] if system.windows else []
    for place in unread:
        for seen in look(system, place, "places"):
            yield system.own(Coverage(source=system.source, place=seen.path,
                                      state=_state(system, seen), plugin="places"))


def _state(system: WindowsSystem, seen: Look) -> str:
    """An empty folder is read by that; anything else that is there is not."""
    if seen.item is None:
        return seen.state
    try:
        is_empty = seen.item.entry.is_directory and not seen.item.children()
    except EvidenceError as error:
        system.problem(error, seen.item.source, "what lies there is not known", "places")
        return "unreadable"
    return "read" if is_empty else "not decoded"
