"""Where the nodes of a tree are drawn: one line for each, branches in lanes to the right.

    ●        first snapshot              lane 0, line 0
    ├─╮
    │ ●      a branch that was left      lane 1, line 1
    ●        the way to the present      lane 0, line 2

The way to the current node stays in its lane, so a long chain is a straight line; a node has a
line of its own, so labels cannot meet. Nodes with unknown parents and loops are roots, marked.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LANES: Final = 12
"""Lanes drawn; deeper branches share the last one (their text says who the parent is)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node stands."""

    node: int
    """Index in what was given to `lay_out`."""
    line: int
    lane: int
    depth: int
    """0 for a root."""
    parent_line: int | None
    parent_lane: int
    trouble: str
    """"", "parent missing" or "loop"."""


def lay_out(nodes: Sequence[tuple[str, str]], current: str = "") -> list[Place]:
    """Places, top to bottom, of nodes given as (id, parent id); "" is no parent."""
    index: dict[str, int] = {}
    for number, (name, _) in enumerate(nodes):
        index.setdefault(name, number)
    children: defaultdict[int, list[int]] = defaultdict(list)
    roots: list[tuple[int, str]] = []
    for number, (_, parent) in enumerate(nodes):
        if parent in index and parent:
            children[index[parent]].append(number)
        else:
            roots.append((number, "parent missing" if parent else ""))
    main = _way_to(nodes, index, current)
    places: dict[int, Place] = {}
    for root, trouble in roots:
        _grow(root, trouble, children, main, places)
    for number in range(len(nodes)):  # what no root leads to hangs on itself
        if number not in places:
            _grow(number, "loop", children, main, places)
    return list(places.values())


def _way_to(nodes: Sequence[tuple[str, str]], index: dict[str, int], current: str) -> set[int]:
    way: set[int] = set()
    here = index.get(current)
    while here is not None and here not in way:
        way.add(here)
        here = index.get(nodes[here][1])
    return way


def _grow(root: int, trouble: str, children: dict[int, list[int]], main: set[int],
          places: dict[int, Place]) -> None:
    """Place a root and what grows from it; iterative, since depth comes from evidence."""
    pending: list[tuple[int, int, int, Place | None, str]] = [(root, 0, 0, None, trouble)]
    while pending:
        node, lane, depth, parent, mark = pending.pop()
        if node in places:
            continue
        place = Place(node, len(places), min(lane, LANES - 1), depth,
                      None if parent is None else parent.line,
                      0 if parent is None else parent.lane, mark)
        places[node] = place
        grown = [c for c in children.get(node, ()) if c not in places]
        grown.sort(key=lambda child: child in main)  # stable: the way to the present comes last
        for turn, child in enumerate(reversed(grown)):
            pending.append((child, lane if turn == 0 else lane + 1, depth + 1, place, ""))
