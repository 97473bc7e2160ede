"""A tree as a picture: lines and dots in SVG, one line of text rows beside them.

The text is HTML, so it can be read, copied and cut by the browser wherever it does not fit; the
picture holds no evidence text. Units: 16 to the em of the page.
"""

from dataclasses import dataclass
from typing import Any, Final

from plugins.reports.branching import Place

ROW: Final = 64
LANE: Final = 24
_LEFT: Final = 14
_DOT: Final = 16
"""How far below the top of its row a dot stands."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a picture."""

    place: Place
    name: str
    when: str
    facts: tuple[str, ...]
    mark: str
    """plain, current, now, broken."""
    share: float | None = None
    """How much of a bar is filled, 0 to 1; None for no bar."""
    row: dict[str, Any] | None = None
    """The row to cite, where no table below the picture has it."""

    @property
    def x(self) -> int:
        """Centre of the dot."""
        return _LEFT + self.place.lane * LANE

    @property
    def y(self) -> int:
        """Centre of the dot."""
        return self.place.line * ROW + _DOT

    @property
    def link(self) -> str:
        """SVG path from the parent's dot to this one; a stub for a parent that is not there."""
        place = self.place
        if place.parent_line is None:
            return f"M{self.x} {max(self.y - _DOT, 0)}V{self.y}" if place.trouble else ""
        top = place.parent_line * ROW + _DOT
        if place.parent_lane == place.lane:
            return f"M{self.x} {top}V{self.y}"
        left = _LEFT + place.parent_lane * LANE
        return f"M{left} {top}V{self.y - 12}Q{left} {self.y} {left + 12} {self.y}H{self.x}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes from top to bottom, and how many are not drawn."""

    nodes: tuple[Node, ...]
    more: int

    @property
    def width(self) -> int:
        """Of the picture beside the text."""
        return 2 * _LEFT + LANE * max((node.place.lane for node in self.nodes), default=0)

    @property
    def height(self) -> int:
        """Of picture and text."""
        return ROW * len(self.nodes)
