"""What can be read of a torn XML file: the elements before, between and after its damages.

A parser that "recovers" closes what was cut and passes half a value off as a whole one, or hangs
what follows a hole under the wrong element. Here the text is cut into tokens (xml_tokens), those
into stretches in which every element is certain (xml_stretches), and a stretch is joined to the
tree where its place is proved (xml_places). What has no proved place is kept below
`_apart_<offset>`, with as much of its path as its own end tags tell. Behind a hole a place counts
only where the end tags of the elements around it follow, the root's alone excepted.

A container that is open on both sides of a hole is one element where its name does not repeat
among its siblings, or the hole is too short for its end tag and another start tag; else it is
two, of which the second has no attributes, because its start tag is lost (`Node.headless`).

Bounds: at most MOST_TOKENS tags, DEEPEST levels, MOST_HOLES damages.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analyzer.formats import xml_places, xml_stretches, xml_tokens
from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_places import Habits, Place
from analyzer.formats.xml_stretches import Hole, Stretch

APART = "_apart_"


@dataclass(frozen=True, slots=True)
class Loss:
    """Range of the text that was not read, and why."""

    start: int
    end: int
    why: str
    inside: str
    """Path of the elements that are open before it."""
    apart: int
    """How many elements in it or behind it have no proved place."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was read. `root` is None where nothing was."""

    root: Node | None
    losses: tuple[Loss, ...]


def salvage(text: str, name: str = "", offset_of: Callable[[int], int] = int) -> Salvage:
    """Reads what is certain of `text`; never raises.

    `name` is that of the root element, where it is known. `offset_of` gives the offset in the
    file of an index of the text, for the names of what stands apart.
    """
    tokens = xml_tokens.tokens(text)
    root = name or _root_name(tokens)
    stretches, last = xml_stretches.cut(tokens, len(text), root)
    habits = xml_places.Habits(stretches)
    places = xml_places.places(stretches, root, habits,
                               closed=_is_closed(stretches[-1], root))
    tree = _Tree(root, _repeating(stretches), habits, offset_of)
    for stretch, place in zip(stretches, places, strict=True):
        tree.take(stretch, place)
    if last is not None:
        tree.tear(last)
    elif tree.open:
        tree.tear(Hole(len(text), len(text), "ends early"))
    return Salvage(tree.finished(), tuple(tree.losses()))


def _root_name(tokens: Sequence[xml_tokens.Token]) -> str:
    """By its first tag; by its last where that closes what no tag opens."""
    opened = [token.name for token in tokens if token.kind in ("start", "empty")]
    last = next((token for token in reversed(tokens)
                 if token.kind != "text" or token.value.strip()), None)
    if last is not None and last.kind == "end" and last.name not in opened:
        return last.name
    return opened[0] if opened else ""


def _is_closed(stretch: Stretch, root: str) -> bool:
    """Whether the root has ended with it."""
    last = stretch.ended[-1][0] if stretch.ended else ""
    if stretch.open:
        return False
    return any(node.name == root for node in stretch.rest) or \
        (last == root and not stretch.rest)


def _repeating(stretches: Sequence[Stretch]) -> frozenset[str]:
    """Names that several siblings have somewhere."""
    found: set[str] = set()
    for stretch in stretches:
        pending = [stretch.rest, *(nodes for _, nodes in stretch.ended)]
        while pending:
            nodes = pending.pop()
            found |= {name for name, n in Counter(c.name for c in nodes).items() if n > 1}
            pending += [node.children for node in nodes if node.children]
    return frozenset(found)


class _Tree:
    """The tree as far as it has grown, and the elements that are open at its end."""

    def __init__(self, root: str, repeating: frozenset[str], habits: Habits,
                 offset_of: Callable[[int], int]) -> None:
        self.name, self.repeating, self.habits, self.offset_of = root, repeating, habits, offset_of
        self.tops: list[Node] = []
        self.open: list[Node] = []
        self.proved: list[tuple[int, int]] = []
        """For each open element that a hole goes through: its children before that, and where."""
        self.apart: list[Node] = []
        self.apart_at: Counter[int] = Counter()
        self.holes: list[tuple[Hole, str]] = []
        self.torn_at: int | None = None
        """Where the text begins that has no place, up to the stretch that is taken next."""

    def take(self, stretch: Stretch, place: Place | None) -> None:
        """Adds a stretch at its place, or apart."""
        hole = stretch.before
        if self.tops or hole.why:
            self.tear(hole)
        if self.torn_at is None:
            self.torn_at = hole.start
        if place is None or any(self.habits.is_like_many(name) for name, _ in stretch.ended):
            self._put_apart(hole.end, _nested(stretch))
            return
        self._enter(place + tuple(name for name, _ in reversed(stretch.ended)),
                    hole.end - self.torn_at)
        self.torn_at = None
        for _, nodes in stretch.ended:
            self.open.pop().children += nodes
            del self.proved[len(self.open):]
        (self.open[-1].children if self.open else self.tops).extend(stretch.rest)
        self.open += stretch.open

    def tear(self, hole: Hole) -> None:
        """A hole, in which any of the open elements may have ended."""
        self.holes.append((hole, "/".join(node.name for node in self.open)[:300]))
        self._put_apart(hole.start, hole.inside)
        for node in self.open[len(self.proved):]:
            self.proved.append((len(node.children), hole.end))
        for node in self.open:
            node.whole = False

    def _enter(self, path: Place, room: int) -> None:
        """Opens and closes what a hole of `room` characters must have."""
        kept = xml_places.common(tuple(node.name for node in self.open), path)
        for depth in range(kept):
            needed = sum(2 * len(node.name) + 5 for node in self.open[depth:kept])
            if self.open[depth].name in self.repeating and needed <= room:
                kept = depth
                break
        self._leave(kept, path[kept] if kept < len(path) else "")
        for name in path[kept:]:
            node = Node(name, whole=False, headless=True)
            (self.open[-1].children if self.open else self.tops).append(node)
            self.open.append(node)

    def _leave(self, kept: int, instead: str) -> None:
        """Ends open elements without end tag: nothing proves what stands in them behind a hole.

        Nor anything at all, where a start tag is not what it was: it is almost that of the
        element that is open `instead` or of many others, or elements like those in it stand
        below another one.
        """
        while len(self.open) > kept:
            node = self.open.pop()
            count, at = self._proved_of(node)
            if (len(self.open) == kept and _is_damaged(node.name, instead)) or any(
                    child.children and self.habits.are_others(node.name, child.name)
                    for child in node.children):
                count = 0
            self._put_apart(at, node.children[count:])
            del node.children[count:]

    def _proved_of(self, node: Node) -> tuple[int, int]:
        """(how many children of an element that was open are proved, where the hole ends)."""
        count, at = self.proved.pop() if len(self.proved) > len(self.open) else (
            len(node.children), 0)
        return (0 if self.habits.is_like_many(node.name) else count), at

    def _put_apart(self, at: int, nodes: list[Node]) -> None:
        """Keeps what has no place under the offset of `at`."""
        nodes = [node for node in nodes if node.children or node.type or node.attributes]
        if nodes:
            self.apart.append(Node(f"{APART}{self.offset_of(at):#x}", children=nodes,
                                   whole=False))
            self.apart_at[at] += len(nodes)

    def losses(self) -> Iterator[Loss]:
        """One for each hole, in order."""
        for hole, inside in self.holes:
            apart = sum(self.apart_at[at] for at in {hole.start, hole.end})
            yield Loss(hole.start, hole.end, hole.why, inside, apart)

    def finished(self) -> Node | None:
        """The root; with an empty one around it where all stands apart."""
        while len(self.open) > 1:
            node = self.open.pop()
            count, at = self._proved_of(node)
            self._put_apart(at, node.children[count:])
            del node.children[count:]
        root = next((node for node in self.tops if node.name == self.name), None)
        if root is None and self.apart:
            root = Node(self.name, whole=False, headless=True)
        if root is not None:
            root.children += self.apart
            _prune(root)
        return root if root is not None and (root.children or root.whole) else None


def _is_damaged(name: str, other: str) -> bool:
    """Whether two names differ in one letter, or by some letters that one lacks in one place."""
    if xml_places.shape(name) == xml_places.shape(other) or min(len(name), len(other)) < 2:
        return False
    alike = xml_places.common(name, other)
    alike += xml_places.common(name[alike:][::-1], other[alike:][::-1])
    if len(name) == len(other):
        return alike >= len(name) - 1
    return alike == min(len(name), len(other))


def _nested(stretch: Stretch) -> list[Node]:
    """Its elements below those of which it has the end tags."""
    nodes: list[Node] = []
    for name, children in stretch.ended:
        nodes = [Node(name, children=nodes + children, whole=False, headless=True)]
    for node in stretch.open:
        node.whole = False
    return nodes + stretch.rest


def _prune(root: Node) -> None:
    """Takes out elements that are torn and hold nothing: leaves, by all that is known."""
    order, pending = [], [root]
    while pending:
        node = pending.pop()
        order.append(node)
        pending += node.children
    for node in reversed(order):
        node.children = [child for child in node.children if child.whole or child.children]
