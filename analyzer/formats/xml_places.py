"""Where in the tree each stretch of a torn XML file stands, as far as that is proved.

A place is the path of names from the root to the element that a stretch is in once all that it
began in has ended. A hole of n characters can have held only tags of n characters together. So
the places that can be are counted: those that the elements still open before a stretch allow,
those that the file's last end tags allow, and elements whose two tags are both lost; without a
name standing below itself, with elements that occur again and again (`vdev001`, `drive0`) below
what they are below elsewhere, and with an element that is open before a hole and ends behind it
being one and the same where its name stands at one place only. Where one place alone is left it
is proved, and else the stretch stands apart.

The count supposes that bytes were overwritten; where a hole is too small for any place, bytes
must have been taken out, and its size counts for nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_stretches import Stretch

Place = tuple[str, ...]
Parents = defaultdict[str, Counter[str]]
_UNKNOWN: Final = "?"
"""An element of which both tags are lost; no tag has that name."""
_MOST_PLACES: Final = 16
_MOST_LOOKED_AT: Final = 100_000
"""Places of all stretches together; a file with ten damages has some thousand."""
_NUMBER = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9]+")
_OFTEN: Final = 2
"""So often must a container stand below one element, and below no other, to belong there."""


def places(stretches: Sequence[Stretch], root: str, habits: "Habits", *,
           closed: bool) -> list[Place | None]:
    """The place of each stretch, None where it is not proved.

    `closed` says that the root's end tag is the last thing in the file.
    """
    return _Places(stretches, root, habits).solve(closed=closed)


def common(before: Sequence[str], after: Sequence[str]) -> int:
    """How many names two paths, or letters two names, begin with alike."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((n for n, (one, other) in pairs if one != other or one == _UNKNOWN),
                min(len(before), len(after)))


def cost(before: Place, after: Place) -> int:
    """Characters of the fewest tags that lead from one path of open elements to another."""
    same = common(before, after)
    return sum(len(name) + 3 for name in before[same:]) + \
        sum(len(name) + 2 for name in after[same:])


def shape(name: str) -> str:
    """`vdev#` of `vdev001`, `_#_` of a device."""
    return _NUMBER.sub("#", name)


class Habits:
    """What stands below what, as far as the stretches show it."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.parents: Parents = defaultdict(Counter)
        self.shapes: Parents = defaultdict(Counter)
        self._learn(stretches)

    def are_broken(self, place: Place, name: str) -> bool:
        """Whether a container `name` at `place` contradicts where others of its kind stand."""
        known = self.shapes.get(shape(name), Counter())
        if len(known) != 1 or known.total() < _OFTEN:
            return False
        (parent,) = known
        if place[-1] == _UNKNOWN:
            return parent in place
        return shape(place[-1]) != parent

    def are_others(self, parent: str, name: str) -> bool:
        """Whether containers of this kind stand below one other element, more than once."""
        known = self.shapes.get(shape(name), Counter())
        others = [count for above, count in known.items() if above != shape(parent)]
        return len(others) == 1 and others[0] >= _OFTEN

    def is_like_many(self, name: str) -> bool:
        """Whether a name is one letter away from those that many containers have."""
        own = shape(name)
        return self.shapes[own].total() < _OFTEN and any(
            len(other) == len(own) and known.total() >= _OFTEN
            and sum(a != b for a, b in zip(own, other, strict=True)) == 1
            for other, known in self.shapes.items())

    def _learn(self, stretches: Sequence[Stretch]) -> None:
        """Counts below what each container stands, by its name and by its shape."""
        for stretch in stretches:
            for (name, _), (above, _) in pairwise(stretch.ended):
                self._count(above, name)
            for name, nodes in stretch.ended:
                self._learn_below(name, nodes)
            if len(stretch.open) > 1 and not stretch.open[-1].children:
                self._count(stretch.open[-2].name, stretch.open[-1].name)
            self._learn_below("", stretch.rest)

    def _learn_below(self, parent: str, nodes: list[Node]) -> None:
        pending = [(parent, node) for node in nodes]
        while pending:
            above, node = pending.pop()
            if above and node.children:
                self._count(above, node.name)
            pending += [(node.name, child) for child in node.children if child.children]

    def _count(self, parent: str, name: str) -> None:
        self.parents[name][parent] += 1
        self.shapes[shape(name)][shape(parent)] += 1


class _Places:
    def __init__(self, stretches: Sequence[Stretch], root: str, habits: Habits) -> None:
        self.stretches, self.root, self.habits = stretches, root, habits
        self.looked_at = 0
        self.enters = [tuple(name for name, _ in reversed(s.ended)) for s in stretches]
        self.leaves = [tuple(node.name for node in s.open) for s in stretches]

    def solve(self, *, closed: bool) -> list[Place | None]:
        possible = self._forward(self._last_path() if closed else ())
        if closed:
            possible[-1] = {()}
        self._backward(possible)
        return [next(iter(found)) if len(found) == 1 and _UNKNOWN not in next(iter(found))
                else None for found in possible]

    def _last_path(self) -> Place:
        """The elements in which the last stretch begins, where it ends with the root's end."""
        path = self.enters[-1]
        return path if path[:1] == (self.root,) and not self.leaves[-1] else ()

    def _forward(self, last: Place) -> list[set[Place]]:
        """For each stretch the places that those before it allow."""
        possible: list[set[Place]] = [{()}]
        for at in range(1, len(self.stretches)):
            hole = self.stretches[at].before
            room = hole.end - hole.start
            found = self._reached(possible[-1], at, last, room)
            if not found:  # bytes were taken out
                found = self._reached(possible[-1], at, last, None)
            possible.append(set(sorted(found, key=lambda p: (found[p], p))[:_MOST_PLACES]))
        return possible

    def _reached(self, froms: set[Place], at: int, last: Place,
                 room: int | None) -> dict[Place, int]:
        """Places of stretch `at`, with the cost of the cheapest way to each."""
        found: dict[Place, int] = {}
        for start in froms if self.looked_at < _MOST_LOOKED_AT else ():
            before = start + self.leaves[at - 1]
            for place in self._candidates(before, last):
                self.looked_at += 1
                if place in found or not self._fits(place, at):
                    continue
                path = place + self.enters[at]
                needed = cost(before, path)
                if (room is None or needed <= room) and not self._reopens(before, path):
                    found[place] = needed
        return found

    def _candidates(self, before: Place, last: Place) -> Iterator[Place]:
        for depth in range(len(before), -1, -1):
            yield before[:depth]
            yield (*before[:depth], _UNKNOWN)
        for depth in range(1, len(last) + 1):
            yield last[:depth]

    def _fits(self, place: Place, at: int) -> bool:
        stretch = self.stretches[at]
        path = place + self.enters[at]
        if not place:
            tops = [*path[:1], *(node.name for node in stretch.rest)]
            return tops == [self.root]
        if path[0] != self.root or len(set(path)) < len(path):
            return False
        firsts = [self.enters[at][0]] if self.enters[at] else []
        firsts += [node.name for node in stretch.rest if node.children]
        return not any(self.habits.are_broken(place, name) for name in firsts) \
            and not set(place) & set(self.leaves[at])

    def _reopens(self, before: Place, after: Place) -> bool:
        """Whether an element of a name that stands at one place only would stand at a second."""
        same = common(before, after)
        return any(len(self.habits.parents[name]) < 2 for name in
                   set(before[same:]).intersection(after[same:]))

    def _backward(self, possible: list[set[Place]]) -> None:
        """Takes out what those after it do not allow."""
        for at in range(len(possible) - 2, -1, -1):
            hole = self.stretches[at + 1].before
            after = [place + self.enters[at + 1] for place in possible[at + 1]]
            kept = {place for place in possible[at] if any(
                cost(place + self.leaves[at], path) <= hole.end - hole.start for path in after)}
            possible[at] = kept or possible[at]
