"""`vmtrail verify`: is the evidence what it was, and do the citations of a case still hold?"""

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analyzer.errors import EvidenceError, UsageError
from analyzer.text import show

if TYPE_CHECKING:
    from analyzer.case.folder import Case
    from analyzer.case.manifest import Manifest
    from analyzer.citations import Citations
    from analyzer.evidence import AcquiredImage

HOLDS, BROKEN, OPEN = "holds", "no longer holds", "not checked"
FAILED: Final = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check; `why` is "" where it holds without more to say."""

    subject: str
    """"evidence", or the table of the statement."""
    place: str
    result: str
    why: str = ""


@dataclass(slots=True)
class _Tally:
    """Counts, and what did not hold."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    told: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.counts.setdefault(verdict.subject, Counter())[verdict.result] += 1
        if verdict.result != HOLDS or verdict.why:
            self.told.append(verdict)

    def total(self, result: str) -> int:
        return sum(counts[result] for counts in self.counts.values())


def verify(arguments: Namespace) -> int:
    """Check a case against its evidence; 4 where something no longer holds."""
    from analyzer.case.folder import existing
    from analyzer.case.manifest import load

    case = existing(Path(arguments.case))
    manifest = load(case.manifest)
    tally = _Tally()
    paths = _paths(manifest, arguments.evidence)
    for verdict in _verdicts(case, manifest, paths, arguments):
        tally.add(verdict)
        if verdict.result == BROKEN and not arguments.json:
            sys.stdout.write(_line(verdict))
    if arguments.json:
        _json(tally, arguments)
    else:
        _summary(tally, arguments)
    return FAILED if tally.total(BROKEN) else 0


def _paths(manifest: "Manifest", folder: str) -> list[Path]:
    """Where the image files are now; raises UsageError for one that is not there."""
    found = []
    for fact in manifest.evidence:
        given = Path(str(fact.get("path")))
        path = Path(folder) / str(fact.get("name")) if folder else given
        if not path.exists():
            raise UsageError(f"no image {path}; --evidence FOLDER says where the images are now")
        found.append(path)
    return found


def _verdicts(case: "Case", manifest: "Manifest", paths: Sequence[Path],
              arguments: Namespace) -> Iterator[Verdict]:
    for fact, path in zip(manifest.evidence, paths, strict=True):
        size = path.stat().st_size
        same = size == fact.get("size") or not path.is_file()
        yield Verdict("evidence", str(path), HOLDS if same else BROKEN,
                      "" if same else f"the file had {fact.get('size')} bytes, has {size}")
    images: dict[str, AcquiredImage] = {}
    for verdict, image in _opened(paths):
        if image is None:
            yield verdict
        else:
            images[image.name] = image
    stored = {str(one.get("name")): one for one in manifest.images}
    for name, facts in stored.items():
        if name not in images:
            yield Verdict("evidence", name, OPEN, "the case has no open image of this name")
            continue
        yield from _image(images[name], facts.get("media") or {}, arguments)
    yield from _citations(case, manifest, images, arguments)


def _opened(paths: Sequence[Path]) -> "Iterator[tuple[Verdict, AcquiredImage | None]]":
    from analyzer.evidence import arrange, open_evidence

    for one in arrange(paths):
        try:
            (image,) = open_evidence([paths[place] for place in one.paths])
        except EvidenceError as error:
            yield Verdict("evidence", one.name, BROKEN, f"cannot be opened: {error}"), None
            continue
        image.name = one.name
        yield Verdict("evidence", one.name, HOLDS), image


def _image(image: "AcquiredImage", media: dict[str, Any], arguments: Namespace) \
        -> Iterator[Verdict]:
    """Size and hashes of what was acquired, against those that the case holds."""
    if media.get("size") not in (None, image.blocks.size):
        yield Verdict("evidence", image.name, BROKEN, f"the disk had {media['size']} bytes, has "
                      f"{image.blocks.size}")
    wanted = {kind: media[f"stored_{kind}"] for kind in ("md5", "sha1")
              if media.get(f"stored_{kind}")}
    if not wanted or arguments.no_hash:
        why = "--no-hash" if wanted else "the case holds no hash of it; only its size was compared"
        yield Verdict("evidence", f"{image.name}: hash", OPEN, why)
        return
    image.verify()
    for kind, value in wanted.items():
        same = image.hashes[kind] == value
        yield Verdict("evidence", f"{image.name}: {kind}", HOLDS if same else BROKEN,
                      value if same else f"was {value}, is {image.hashes[kind]}")


def _citations(case: "Case", manifest: "Manifest", images: "dict[str, AcquiredImage]",
               arguments: Namespace) -> Iterator[Verdict]:
    from analyzer.case.sample import citations

    readers = _readers(manifest, images)
    for citation in citations(case, arguments.share, arguments.seed):
        source = citation.source
        if source.evidence not in readers:
            yield Verdict(citation.table, str(source), OPEN, "its image is not open")
            continue
        try:
            why = readers[source.evidence].check(source, citation.file)
        except EvidenceError as error:
            why = f"cannot be read: {error}"
        yield Verdict(citation.table, str(source), BROKEN if why else HOLDS, why)


def _readers(manifest: "Manifest", images: "dict[str, AcquiredImage]") -> "dict[str, Citations]":
    """Image name -> where its citations are looked up: with all disks of its computer."""
    from analyzer.citations import Citations
    from analyzer.system import open_systems

    groups: dict[tuple[str, ...], list[str]] = {}
    for facts in manifest.images:
        name = str(facts.get("name"))
        if name in images:
            groups.setdefault(tuple(facts.get("computers") or [name]), []).append(name)
    found: dict[str, Citations] = {}
    for names in groups.values():
        reader = Citations(open_systems([images[name] for name in names]))
        found |= dict.fromkeys(names, reader)
    return found


def _line(verdict: Verdict) -> str:
    return show(f"{verdict.result}: {verdict.subject}: {verdict.place}: {verdict.why}") + "\n"


def _summary(tally: _Tally, arguments: Namespace) -> None:
    if arguments.quiet:
        return
    for verdict in tally.told:
        if verdict.result != BROKEN:
            sys.stdout.write(_line(verdict))
    for subject, counts in tally.counts.items():
        parts = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        sys.stdout.write(f"{subject:24} {parts}\n")
    sys.stdout.write(f"Share {arguments.share}, seed {arguments.seed}: {tally.total(HOLDS)} hold, "
                     f"{tally.total(BROKEN)} no longer hold, {tally.total(OPEN)} not checked.\n")


def _json(tally: _Tally, arguments: Namespace) -> None:
    sys.stdout.write(json.dumps({
        "schema": "vmtrail verify 1", "share": arguments.share, "seed": arguments.seed,
        "counts": {subject: dict(counts) for subject, counts in tally.counts.items()},
        "told": [asdict(verdict) for verdict in tally.told]}, indent=1) + "\n")
