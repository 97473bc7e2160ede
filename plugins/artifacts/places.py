"""Places that this version does not decode, or that are not there."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.places import PLACES, Spot, matches, spots
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
        for spot in spots(system, place):
            for path, state in _states(system, spot):
                yield system.own(Coverage(source=system.source, place=path, state=state,
                                          plugin="places"))


def _states(system: WindowsSystem, spot: Spot) -> Iterator[tuple[str, str]]:
    """Each path of the spot with its state; the spot itself where nothing matches it."""
    found = False
    try:
        for path, item in matches(system, spot):
            found = True
            if item is None:
                yield path, "absent"
            elif item.entry.is_directory and not item.children():
                yield path, "read"  # and empty
            else:
                yield path, "not decoded"
    except EvidenceError as error:
        found = True
        system.problem(error, system.source.at(spot.path), "what lies there is not known", "places")
        yield spot.path, "unreadable"
    except OverflowError:
        found = True
        yield spot.path, "skipped by limit"
    if not found:
        yield spot.path, "absent"
