"""What can be wrong with evidence, and with a command line.

Every reader raises one of these and nothing else; the engine is the only place that catches
them, and turns each into a Problem record.
"""


from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that did not stop a reader but must be said; becomes a Problem.

    code    short and stable, `NTFS-BOOT`
    what    what was seen
    effect  what that costs or what was done instead
    start, length  bytes concerned, in the thing that was read
    """

    code: str
    what: str
    effect: str
    start: int | None = None
    length: int | None = None


class EvidenceError(Exception):
    """Something about the evidence: `what` in words, `at` the byte offset it was seen at.

    `at` counts from the start of the thing being read (a file, a disk, an image); None where
    no offset makes sense.
    """

    def __init__(self, what: str, at: int | None = None) -> None:
        super().__init__(what if at is None else f"{what} (at byte {at:#x})")
        self.what = what
        self.at = at


class NotThisFormat(EvidenceError):  # noqa: N818 - the name says what was found, not that it failed
    """A probe met another format; not a finding."""


class Unsupported(EvidenceError):  # noqa: N818 - the name says what was found
    """Valid, but not decoded yet."""


class Corrupt(EvidenceError):  # noqa: N818 - the name says what was found
    """Breaks the rules of its own format."""


class Unreadable(EvidenceError):  # noqa: N818 - the name says what was found
    """Bytes that cannot be known: `length` bytes from offset `at` of the Blocks that was read.

    The range is the first unreadable one inside the request, cut to the request.
    """

    def __init__(self, what: str, at: int, length: int) -> None:
        super().__init__(what, at)
        self.start = at
        self.length = length

    def __reduce__(self) -> tuple[type, tuple[str, int, int]]:
        return type(self), (self.what, self.start, self.length)


class MissingParent(Unreadable):
    """Bytes that live in the parent of a differencing disk, and that parent is not there."""


class NotInEvidence(EvidenceError):  # noqa: N818 - the name says what was found
    """A link or a path leads to a volume, share or file that was not acquired."""


class Refused(EvidenceError):  # noqa: N818 - the name says what was found
    """An artefact that killed a process that read it. The engine says so, nobody else."""


class Exhausted(EvidenceError):  # noqa: N818 - the name says what was found
    """Reading takes more than a process may use; `code` is that of the Problem.

    used  what the process had used by then, in words: measured, so for Problems alone
    """

    def __init__(self, code: str, what: str, used: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.used = used

    @property
    def in_full(self) -> str:
        """What a Problem says."""
        return f"{self.what}; {self.used}" if self.used else self.what

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.code, self.what, self.used)


class UsageError(Exception):
    """The command line asks for something that cannot be done; exit code 2."""
