"""Making a failing mutant as small as it goes, and keeping it: tests/regress/<id>.json.

A file there holds a list of patches and the hash of what they are for; no evidence, no binaries.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.fuzz.mutants import Mutant, Patch
from tests.fuzz.subjects import Subject

Fails = Callable[[Mutant], bool]


def shrink(mutant: Mutant, fails: Fails) -> Mutant:
    """Fewer and shorter patches with which it still fails."""
    for patch in mutant.patches:
        fewer = replace(mutant, patches=tuple(p for p in mutant.patches if p is not patch))
        if (fewer.patches or fewer.size is not None) and fails(fewer):
            mutant = fewer
    for index in range(len(mutant.patches)):
        mutant = _shorten(mutant, index, fails)
    return mutant


def _shorten(mutant: Mutant, index: int, fails: Fails) -> Mutant:
    """Halve one patch from either end for as long as it fails."""
    is_smaller = True
    while is_smaller and mutant.patches[index].length > 1:
        is_smaller = False
        for half in _halves(mutant.patches[index]):
            patches = (*mutant.patches[:index], half, *mutant.patches[index + 1:])
            smaller = replace(mutant, patches=patches)
            if fails(smaller):
                mutant, is_smaller = smaller, True
                break
    return mutant


def _halves(patch: Patch) -> list[Patch]:
    middle = patch.length // 2
    if patch.how == "unreadable":
        middle &= ~511
        if not middle:
            return []
    return [Patch(patch.offset, middle, patch.data[:middle], patch.how),
            Patch(patch.offset + middle, patch.length - middle, patch.data[middle:], patch.how)]


def write(folder: Path, about: Subject, subject: str, mutant: Mutant, why: str) -> Path:
    """Keep a mutant; `subject` is the name subjects.subject knows."""
    document = {"subject": subject, "sha256": about.sha256, "why": why, **mutant.to_json()}
    text = json.dumps(document, indent=1) + "\n"
    name = f"{subject}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    path = folder / f"{name}.json"
    path.write_text(text, encoding="utf-8")
    return path
