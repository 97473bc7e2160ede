"""The stretches of a torn XML file between its damages, each read on its own.

Inside a stretch every element is certain: a leaf has its start tag, its text and its end tag
behind one another, a container its two tags. What reaches over the ends of a stretch is kept as
such: end tags without a start tag name the elements that it began in, from the inside out, and
elements without end tag are still open at its end.

An element whose end tag is missing though nothing looks damaged (an end tag that became a start
tag, a name with one letter changed) makes a hole of everything from its start tag to the tag
that shows it: what stands there may belong to it or to the elements around it.
"""

from dataclasses import dataclass, field
from typing import Final

from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_tokens import Token

DEEPEST: Final = 128
MOST_HOLES: Final = 400
_MOST_RETRIES: Final = 40


@dataclass(slots=True)
class Hole:
    """Indexes `start` to `end` of the text, where something is lost; `why` in words."""

    start: int
    end: int
    why: str
    inside: list[Node] = field(default_factory=list)
    """Elements in it that are whole, their parent being unknown."""


@dataclass(slots=True)
class Stretch:
    """What stands between the hole `before` it and the next one."""

    before: Hole
    ended: list[tuple[str, list[Node]]] = field(default_factory=list)
    """Elements that it began in, inner first: name, children in this stretch."""
    rest: list[Node] = field(default_factory=list)
    """Children of the element in which it stands after all those have ended."""
    open: list[Node] = field(default_factory=list)
    """Elements still open at its end, outer first; the first of them is in `rest` too."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read."""
        return not (self.ended or self.rest or self.open)


def cut(tokens: list[Token], length: int, root: str) -> tuple[list[Stretch], Hole | None]:
    """The stretches of a text of `length` characters, and the hole at its end, if there is one.

    `root` is the name of the root element.
    """
    cutter = _Cutter(tokens, length, root)
    cutter.run()
    last = cutter.stretches[-1]
    if last.is_empty and len(cutter.stretches) > 1:
        return cutter.stretches[:-1], last.before
    return cutter.stretches, None


class _Cutter:
    """Goes through the tokens once, but for a few steps back."""

    def __init__(self, tokens: list[Token], length: int, root: str) -> None:
        self.tokens, self.length, self.root = tokens, length, root
        self.stretches = [Stretch(Hole(0, 0, ""))]
        self.places: list[int] = []
        """Index among the tokens of the start tag of each open element."""
        self.retries = 0

    def run(self) -> None:
        at = 0
        while at < len(self.tokens):
            taken, why = self._take(at)
            if not taken:
                at = self._tear(at, why)
            at += taken
            many = "nested too deep" if len(self.now.open) > DEEPEST else \
                f"more than {MOST_HOLES} damages" if len(self.stretches) > MOST_HOLES else ""
            if many and at < len(self.tokens):
                self._hole(self.tokens[at].start, self.length, many)
                return

    @property
    def now(self) -> Stretch:
        return self.stretches[-1]

    def _take(self, at: int) -> tuple[int, str]:
        """(tokens that make an element or a tag here, what is wrong with the first if none)."""
        token = self.tokens[at]
        if token.kind == "bad":
            return 0, token.name
        if token.kind == "text":
            return (0, "text between elements") if token.value.strip() else (1, "")
        if token.kind == "end":
            return self._end(token)
        if self.now is self.stretches[0] and not self.now.open \
                and (self.now.rest or token.name != self.root):
            return 0, "a second root" if self.now.rest else \
                f"its root is <{token.name[:80]}>, not <{self.root}>"
        return self._start(at, token)

    def _end(self, token: Token) -> tuple[int, str]:
        if not self.now.open:
            if self.now is self.stretches[0]:
                return 0, f"</{token.name[:80]}> closes nothing"
            self.now.ended.append((token.name, self.now.rest))
            self.now.rest = []
            return 1, ""
        if self.now.open[-1].name != token.name:
            return 0, f"</{token.name[:80]}> does not close <{self.now.open[-1].name[:80]}>"
        self.now.open.pop()
        self.places.pop()
        return 1, ""

    def _start(self, at: int, token: Token) -> tuple[int, str]:
        """A leaf with its end tag, or a container, which has no text, and hardly ever a type."""
        node = Node(token.name, token.value, attributes=dict(token.attributes))
        taken = 1
        if token.kind == "start":
            text, end = self._token(at + 1), self._token(at + 2)
            if text is not None and text.kind == "end" and text.name == token.name:
                taken = 2
            elif text is not None and end is not None and (text.kind, end.kind) == ("text", "end") \
                    and end.name == token.name:
                node.text, taken = text.value, 3
            elif token.value and not self._holds_elements(at + 1):
                return 0, f"<{token.name[:80]}> without its end"
        siblings = self.now.open[-1].children if self.now.open else self.now.rest
        siblings.append(node)
        if token.kind == "start" and taken == 1:
            self.now.open.append(node)
            self.places.append(at)
        return taken, ""

    def _holds_elements(self, at: int) -> bool:
        """Whether a start tag is the next token, white space aside."""
        token = self._token(at)
        if token is not None and token.kind == "text" and not token.value.strip():
            token = self._token(at + 1)
        return token is not None and token.kind in ("start", "empty")

    def _token(self, at: int) -> Token | None:
        return self.tokens[at] if at < len(self.tokens) else None

    def _tear(self, at: int, why: str) -> int:
        """Ends the stretch at token `at`, which does not fit; gives the token to go on with."""
        token = self.tokens[at]
        if token.kind == "end" and self.now.open:
            return self._unclosed(at, why)
        if token.kind == "end" and self.now is self.stretches[0]:
            self._hole(token.start, token.start, why)
            return at
        start = token.start
        if token.kind == "text" and self.places and self.places[-1] == at - 1:
            start = self.tokens[self._drop()].start  # a leaf that does not end
        self._hole(start, token.end, why)
        return at + 1

    def _unclosed(self, at: int, why: str) -> int:
        """An end tag that closes another element than the innermost open one."""
        token, open_ = self.tokens[at], self.now.open
        names = [node.name for node in open_]
        if len(names) > 1 and names[-1][1:] == names[-2] and self.retries < _MOST_RETRIES \
                and not open_[-1].attributes:
            self.retries += 1  # `</name>` became `<oname>`
            wrong = self._drop()
            self._hole(self.tokens[wrong].start, self.tokens[wrong].end, why)
            return wrong + 1
        last = max((depth for depth, name in enumerate(names) if name == token.name),
                   default=len(names) - 2)
        inside: list[Node] = []
        while len(open_) > last + 1:
            children = open_[-1].children
            start = self.tokens[self._drop()].start
            inside = children + inside
        self._hole(start, token.start, why, inside)
        return at

    def _drop(self) -> int:
        """Takes the innermost open element out; returns the index of its start tag."""
        self.now.open.pop()
        (self.now.open[-1].children if self.now.open else self.now.rest).pop()
        return self.places.pop()

    def _hole(self, start: int, end: int, why: str, inside: list[Node] | None = None) -> None:
        if self.now.is_empty and len(self.stretches) > 1:
            before = self.now.before
            before.end, before.inside = end, before.inside + (inside or [])
        else:
            self.stretches.append(Stretch(Hole(start, end, why, inside or [])))
        self.places.clear()
