"""The real child on systems made of dicts, with plugins that misbehave in every way.

An image is a JSON file: {"systems": [{"id": "s1", "files": ["a"], "guests": [{"key": "g1",
"systems": [...]}]}]}; {"refuse": "why"} is evidence that cannot be opened, {"crash": true} one
that kills its reader, {"crash_early": true} one that kills whoever looks at its head. "signature"
and "known" are those of ownership.DiskFacts.
"""

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from analyzer.engine import nursery
from analyzer.engine.tasks import ImageFiles
from analyzer.errors import Corrupt, EvidenceError, Notice, Unsupported
from analyzer.ownership import DiskFacts
from analyzer.plugin import Plugin, Tables
from analyzer.records import Coverage, Evidence, FileEntry, Finding, Problem, Record, Snapshot
from analyzer.source import Source, distinct_name

if TYPE_CHECKING:  # a supervisor that has these plugins loads nothing that decodes evidence
    from analyzer.evidence import Arranged

COMMAND = (sys.executable, "-P", "-m", "tests.unit.engine.fake_child")
LIBRARIES = ("analyzer.evidence", "analyzer.case.kept", "analyzer.case.store", "numpy.ma")
"""What each child would load for itself if the process that forks it had not."""


class NoPandas(MetaPathFinder):
    """pandas is not there: a third of what loading takes, and no plugin here asks for a frame."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ImportError(name)


class FakeImage:
    def __init__(self, path: str) -> None:
        self.name = Path(path).name
        self.data = json.loads(Path(path).read_bytes())
        self.notices = [Notice("IMG-ODD", "odd", "nothing lost")] if self.data.get("odd") else []
        self.verified = ""
        self.lost: list[tuple[int, int]] = []
        if "refuse" in self.data:
            raise Unsupported(self.data["refuse"])
        if self.data.keys() & {"crash", "crash_early"}:
            os.kill(os.getpid(), signal.SIGSEGV)

    def record(self) -> Evidence:
        return Evidence(source=Source(self.name), name=self.name, format="raw", size=1,
                        files=(self.name,), verified=self.verified, acquired_at=5)

    def verify(self, progress: Callable[[int, int], None]) -> None:
        progress(1, 1)
        self.verified = "match"

    def changed(self) -> bool:
        return False


@dataclass
class FakeState:
    key: str
    label: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.data


class FakeSystem:
    vm_id = ""
    snapshot_id = ""

    def __init__(self, data: dict[str, Any], image: str) -> None:
        self.source = Source(image, f"/{data['id']}" if data["id"] else "")
        self.data, self.system_id = data, self.source.address
        if not data.get("strange"):  # what it left unread can be told
            self.windows = None

    def problems(self) -> list[Problem]:
        noticed = self.data.pop("odd", "")
        return [Problem(source=self.source, system_id=self.system_id, code="ODD", what=noticed,
                        effect="none")] if noticed else []

    def coverage(self) -> list[Coverage]:
        return [Coverage(source=self.source, system_id=self.system_id, place="x", state="read")]


class FakeOpening:
    def arrange(self, paths: Sequence[str]) -> "list[Arranged]":
        from analyzer.evidence import Arranged

        taken: set[str] = set()
        for path in paths:
            if json.loads(Path(path).read_bytes()).get("crash_early"):
                os.kill(os.getpid(), signal.SIGSEGV)
        return [Arranged(distinct_name(Path(path).name, taken), (place,))
                for place, path in enumerate(paths)]

    def image(self, files: ImageFiles, *, second_opinion: bool) -> FakeImage:
        image = FakeImage(files.paths[0])
        image.name = files.name
        return image

    def disk(self, image: FakeImage) -> DiskFacts:
        number, windows = image.data.get("signature"), [s["id"] for s in image.data["systems"]]
        return DiskFacts(number, ((number, 1),) if number else (), tuple(windows),
                         tuple((known, 1) for known in image.data.get("known", ())))

    def systems(self, images: Sequence[FakeImage]) -> list[FakeSystem]:
        found = [FakeSystem(s, i.name) for i in images for s in i.data["systems"]]
        return found or [FakeSystem({"id": ""}, images[0].name)]

    def holder(self, images: Sequence[FakeImage]) -> FakeSystem:
        return self.systems(images)[0]

    def states(self, system: FakeSystem) -> list[FakeState]:
        return [FakeState(g["key"], g["key"], g) for g in system.data.get("guests", ())]

    def guest(self, system: FakeSystem, state: dict[str, Any]) -> list[FakeSystem]:
        if "refuse" in state:
            raise Corrupt(state["refuse"])
        return [FakeSystem(s, system.system_id) for s in state["systems"]]


def entry(system: FakeSystem, path: str) -> FileEntry:
    return FileEntry(source=system.source, system_id=system.system_id, volume_id="p1", path=path,
                     entry=len(path), sequence=1, size=0, allocated=True, is_directory=False,
                     si_created_at=100)


def files(system: FakeSystem) -> Iterator[Record]:
    """Each file."""
    for path in {*system.data.get("files", ["a", "b", "c"])}:
        yield entry(system, path)


def crash(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the crash")
    os.kill(os.getpid(), signal.SIGSEGV)


def loop(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the loop")
    while True:
        pass


def sleep(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the sleep")
    time.sleep(600)


def hog(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the bomb")
    bytes(1 << 40)


def abort(system: FakeSystem) -> Iterator[Record]:
    """As a library written in Rust does that is given no memory."""
    yield entry(system, "before the end")
    os.write(2, b"memory allocation of 5 bytes failed\n")
    os.abort()


def open_many(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the flood")
    with ExitStack() as opened:
        while True:
            opened.enter_context(Path(os.devnull).open("rb"))


def fill(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the file")
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(bytes(1 << 20))


def flood(system: FakeSystem) -> Iterator[Record]:
    """States more than a file may hold."""
    for number in range(1_000):
        yield entry(system, sha256(b"%d" % number).hexdigest())


def bug(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the bug")
    raise ZeroDivisionError(f"{system!r}")


def half(system: FakeSystem) -> Iterator[Record]:
    yield entry(system, "before the damage")
    raise Corrupt("torn", 0x40)


def recurse(system: FakeSystem) -> Iterator[Record]:
    yield from recurse(system)


def undeclared(system: FakeSystem) -> Iterator[Record]:
    yield Snapshot(source=system.source, name="x")


def noise(system: FakeSystem) -> Iterator[Record]:
    os.write(1, b"\xff library chatter {\n")
    print("more of it")
    yield entry(system, "after the noise")


def nonsense(system: FakeSystem) -> Iterator[Record]:
    for handle in range(3, 20):
        try:
            os.write(handle, b'{"summary": {"rows": {"../../x": 1}}}\n')
        except OSError:
            continue
    yield entry(system, "after the nonsense")


def dies_once(system: FakeSystem) -> Iterator[Record]:
    mark = Path(system.data["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGABRT)
    yield entry(system, "second time")


def poisoned(system: FakeSystem) -> Iterator[Record]:
    """Does what the system's `poison` says."""
    yield entry(system, "sound")
    poison = {"crash": crash, "loop": loop, "nonsense": nonsense}.get(system.data.get("poison", ""))
    if poison is not None:
        yield from poison(system)


def count_files(tables: Tables) -> Iterator[Record]:
    number = sum(1 for _ in tables.rows("file_entry"))
    yield Finding(source=Source("case"), code="COUNT", severity="info", title="Files",
                  what=f"{number} files", basis="direct")


def repeat_findings(tables: Tables) -> Iterator[Record]:
    for row in tables.rows("finding"):
        yield Problem(source=Source("case"), code="SEEN", what=row["what"], effect="none")


def listing(tables: Tables, out: BinaryIO) -> None:
    for row in tables.rows("file_entry"):
        out.write(row["path"].encode() + b"\n")


def bad_report(tables: Tables, out: BinaryIO) -> None:
    out.write(b"half a report")
    raise EvidenceError("no")


def dying_report(tables: Tables, out: BinaryIO) -> None:
    os.abort()


def patience(tables: Tables, out: BinaryIO) -> None:
    """Writes how much processor time may be used up."""
    out.write(b"%d" % resource.getrlimit(resource.RLIMIT_CPU)[0])


def pages(tables: Tables, folder: Path) -> None:
    (folder / "index.html").write_text("<p>")


def bad_pages(tables: Tables, folder: Path) -> None:
    (folder / "index.html").write_text("<")
    raise EvidenceError("no")


def _artifact(function: Callable[[FakeSystem], Iterator[Record]]) -> Plugin:
    return Plugin(function.__name__, "artifact", function, "doc", __name__, yields=(FileEntry,))


PLUGINS = (
    *map(_artifact, (files, crash, loop, sleep, hog, abort, open_many, fill, flood, bug, half,
                     recurse, undeclared, noise, nonsense, dies_once, poisoned)),
    Plugin("count_files", "analysis", count_files, "doc", __name__, (Finding,), ("file_entry",)),
    Plugin("a_repeat", "analysis", repeat_findings, "doc", __name__, (Problem,), ("finding",)),
    Plugin("listing", "report", listing, "doc", __name__, report_kind="inventory", format="txt",
           file="listing.txt"),
    Plugin("patience", "report", patience, "doc", __name__, report_kind="inventory",
           format="cpu", file="patience.txt"),
    Plugin("dying_report", "report", dying_report, "doc", __name__, report_kind="page",
           format="dead", file="dead.txt"),
    Plugin("bad_report", "report", bad_report, "doc", __name__, report_kind="page",
           format="bad", file="bad.txt"),
    *(Plugin(function.__name__, "report", function, "doc", __name__, report_kind="page",
             format=function.__name__, file=f"{function.__name__}/index.html",
             folder=function.__name__) for function in (pages, bad_pages)),
)

if __name__ == "__main__":
    sys.meta_path.insert(0, NoPandas())
    for module in LIBRARIES:
        importlib.import_module(module)
    nursery.main(FakeOpening(), PLUGINS)
