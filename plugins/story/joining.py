"""Witnesses of one happening become one line, and lines are held against each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from analyzer.records import LifeEvent
from analyzer.times import iso
from plugins.story.clocks import SetBack
from plugins.story.happening import RANKS, WINDOW, Happening

AFTER: Final = {"guest installed", "guest booted", "guest shut down", "started", "turned off",
                "stopped", "shut down", "saved", "restored", "reset", "paused", "resumed",
                "exported", "snapshot taken", "snapshot applied"}
"""What cannot come before the machine, nor after it was deleted."""
AGAIN: Final = {"created", "imported", "imported with warnings", "realized", "migrated",
                "registered"}
"""What a machine that was deleted is there by again."""
SAID_BETTER: Final = {
    "stopped": ("turned off", "shut down", "saved"),
    "state changed": ("started", "restored", "resumed", "turned off", "shut down", "saved",
                      "paused", "reset", "stopped")}
"""What a configuration says in general -> what says the same more exactly."""
CITED: Final = 50
"""Witnesses named in one line."""


def lines(happenings: Iterable[Happening], set_back: Sequence[SetBack]) -> Iterator[LifeEvent]:
    """The stories, each in order of time; lines without a time first."""
    sorts: defaultdict[tuple[str, str, str], set[Happening]] = defaultdict(set)
    names: dict[str, tuple[int, str]] = {}
    for one in happenings:
        sorts[one.teller.story, one.what, one.thing].add(one)
        if one.teller.vm_name:  # of a machine that only logs know, the last that they have
            last = names.get(one.teller.story, (0, ""))
            names[one.teller.story] = max(last, (one.at or 0, one.teller.vm_name))
    _name_snapshots(sorts)
    _say_better(sorts)
    found = [_line(cluster) for some in sorts.values() if some for cluster in _clusters(some)]
    born = {line.story: line.happened_at for line in sorted(found, key=_order, reverse=True)
            if line.what == "created"}
    ends = _ends(found)
    for line in sorted(found, key=_order):
        said = (*line.contradictions, *_early(line, born), *_late(line, ends.get(_home(line), ())),
                *_twice(line, set_back))
        yield replace(line, vm_name=names.get(line.story, (0, ""))[1], contradictions=said)


def _name_snapshots(sorts: dict[tuple[str, str, str], set[Happening]]) -> None:
    """An event says that a snapshot was taken and not which: the one taken at that time."""
    known: defaultdict[str, list[Happening]] = defaultdict(list)
    for (story, what, thing), some in sorts.items():
        if what == "snapshot taken" and _is_known(thing):
            known[story] += [one for one in some if one.at is not None]
    for key, some in list(sorts.items()):
        story, what, thing = key
        for one in list(some if what == "snapshot taken" and not _is_known(thing) else ()):
            near = _nearest(one, known[story])
            if near is not None and abs((near.at or 0) - (one.at or 0)) <= WINDOW:
                some.remove(one)
                sorts[story, what, near.thing].add(
                    replace(one, thing=near.thing, subject=near.subject))


def _say_better(sorts: dict[tuple[str, str, str], set[Happening]]) -> None:
    """A stop, or a change of state, is told as the stop or start of that time, where one is."""
    for (story, what, thing), some in list(sorts.items()):
        exact = [one for better in SAID_BETTER.get(what, ())
                 for one in sorts.get((story, better, thing), ()) if one.at is not None]
        for one in list(some if exact else ()):
            near = _nearest(one, exact)
            if near is not None and abs((near.at or 0) - (one.at or 0)) <= WINDOW:
                some.remove(one)
                sorts[story, near.what, thing].add(replace(one, what=near.what, alone=near.what))


def _is_known(thing: str) -> bool:
    """Whether that is a snapshot, not a path and not nothing."""
    return thing != "" and "\\" not in thing


def _nearest(one: Happening, others: list[Happening]) -> Happening | None:
    at = one.at or 0
    return min(others, key=lambda h: (abs((h.at or 0) - at), *_first(h)),
               default=None)


def _order(line: LifeEvent) -> tuple[str, int, str, str]:
    return line.story, line.happened_at or 0, line.what, line.subject


def _clusters(some: Iterable[Happening]) -> Iterator[list[Happening]]:
    """Neighbours in time, none further than WINDOW from the first."""
    cluster: list[Happening] = []
    for one in sorted(some, key=_first):
        if cluster and (one.at or 0) - (cluster[0].at or 0) > WINDOW:
            yield cluster
            cluster = []
        cluster.append(one)
    yield cluster


def _first(one: Happening) -> tuple[int, int, str, str, str, str]:
    """A total order: the same rows give the same lines."""
    return (one.at or 0, RANKS[one.certainty], one.cited, one.snapshot_id, one.subject, one.basis)


def _line(cluster: list[Happening]) -> LifeEvent:
    """Told as the witness says that speaks of just this, before those that could mean more."""
    best = min(cluster, key=lambda h: (h.alone != "", RANKS[h.certainty], *_first(h)))
    times = [one.at for one in cluster if one.at is not None]
    cited = list(dict.fromkeys(one.cited for one in [best, *cluster]))
    more = [f"and {len(cited) - CITED} more"] if len(cited) > CITED else []
    bases = list(dict.fromkeys([best.basis, *filter(None, [best.alone_basis]),
                                *(one.basis for one in cluster)]))
    return LifeEvent(
        source=best.source, system_id=best.system_id, vm_id=best.teller.vm_id,
        snapshot_id=best.snapshot_id, story=best.teller.story, vm_name=best.teller.vm_name,
        happened_at=best.at, last_at=max(times, default=None), what=best.alone or best.what,
        subject=best.subject, certainty=best.certainty, basis="; ".join(bases[:CITED]),
        sources=tuple(cited[:CITED] + more),
        contradictions=tuple(dict.fromkeys(d for one in cluster for d in one.doubts)))


def _early(line: LifeEvent, born: dict[str, int | None]) -> Iterator[str]:
    created = born.get(line.story)
    if created is not None and line.happened_at is not None and line.what in AFTER \
            and line.happened_at < created - WINDOW:
        yield (f"before the machine was created ({iso(created)}): its disk is older than the "
               "machine, or a clock was wrong")


def _home(line: LifeEvent) -> tuple[str, str]:
    return line.story, line.system_id


def _ends(found: Iterable[LifeEvent]) -> dict[tuple[str, str], list[tuple[int, bool]]]:
    """Story, system -> when the machine itself was deleted there (True) and came again."""
    ends: defaultdict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for line in found:
        is_end = line.what == "deleted" and not line.subject
        if line.happened_at is not None and (is_end or line.what in AGAIN):
            ends[_home(line)].append((line.happened_at, is_end))
    return ends


def _late(line: LifeEvent, ends: Sequence[tuple[int, bool]]) -> Iterator[str]:
    if line.happened_at is None or line.what not in AFTER:
        return
    at, was_deleted = max((end for end in ends if end[0] <= line.happened_at), default=(0, False))
    if was_deleted and line.happened_at > at + WINDOW:
        yield (f"after the machine was deleted here ({iso(at)}): it came again and nothing tells "
               "how, or a clock was wrong")


def _twice(line: LifeEvent, set_back: Sequence[SetBack]) -> Iterator[str]:
    for one in set_back:
        if one.row["system_id"] == line.system_id and line.happened_at is not None \
                and one.returned <= line.happened_at <= one.left:
            yield f"{one.words}: times between come twice"
