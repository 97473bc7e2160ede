"""No mutant ends a run, loses a fact without a line, invents a thing, or costs a second artefact
(RELIABILITY G1, G2). 300 mutants here, 20,000 by `make fuzz`,
2,000 by .ci/run, which take five minutes of processor time: each mutant passes every plugin.

Mutants run in processes of one thread, which this one is not: see forks.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analyzer.records import Coverage, FileEntry, Problem, VirtualMachine
from analyzer.source import Source
from tests.conftest import ROOT
from tests.fuzz import campaign
from tests.fuzz.mutants import Mutant, Patch
from tests.fuzz.oracle import judge
from tests.fuzz.shrink import shrink
from tests.fuzz.subjects import TURNS, subject

# another seed shows other damage: VMTRAIL_SEED=7 VMTRAIL_SLOW=1 pytest tests/fuzz
SEED = int(os.environ.get("VMTRAIL_SEED", "4"))
IS_SLOW = bool(os.environ.get("VMTRAIL_SLOW"))
COUNT = 2_000 if IS_SLOW else 300
SHARES = 4 if IS_SLOW else 2
MOST_RSS = 1 << 30
REGRESS = ROOT / "tests" / "regress"


def fuzz(folder: Path, *arguments: object) -> dict[str, Any]:
    """The summary of a campaign in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.campaign", "--out", folder, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=3_000)
    assert (folder / "summary.json").exists(), done.stderr + done.stdout
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    assert summary["failures"] == [], done.stdout
    assert done.returncode == 0, done.stderr
    return summary


@pytest.mark.parametrize("name", dict.fromkeys(TURNS))
def test_undamaged_every_fact_is_stated(name: str) -> None:
    about = subject(name)
    assert len(about.facts) >= (500 if name == "ws2008" else 40)
    assert [key for key, fact in about.facts.items()
            if fact.value not in about.stated.get(key, [])] == []
    assert judge(about, Mutant("none", ()), about.damaged(Mutant("none", ()))).is_sound


@pytest.mark.validates("VMT-LOSS-01")
@pytest.mark.parametrize("share", range(SHARES))
def test_no_mutant_costs_more_than_is_said(share: int, tmp_path: Path) -> None:
    summary = fuzz(tmp_path, "--seed", SEED, "--first", share, "--step", SHARES, "--count", COUNT)
    assert summary["mutants"] == len(range(share, COUNT, SHARES))
    assert summary["died"] == summary["bugs"] == summary["facts_lost_silently"] == 0
    assert summary["facts_lost"] > 0
    assert summary["max_rss_bytes"] < MOST_RSS


def test_guests_that_were_spared_state_what_a_whole_run_states() -> None:
    about = subject("ws2008")
    damage = [about.mutant(SEED, number) for number in range(100)]
    still = [m for m in damage if all(patch.how != "flicker" for patch in m.patches)]
    for mutant in still[:8 if IS_SLOW else 3]:
        assert about.damaged(mutant).records == about.damaged(mutant, whole=True).records


@pytest.mark.parametrize("path", sorted(REGRESS.glob("*.json")), ids=lambda p: p.stem)
def test_what_was_once_wrong_stays_right(path: Path) -> None:
    document = json.loads(path.read_text())
    about = subject(document["subject"])
    assert about.sha256 == document["sha256"], "made for another image: make it again"
    mutant = Mutant.from_json(document)
    verdict = judge(about, mutant, about.damaged(mutant))
    assert verdict.is_sound, verdict


def test_a_campaign_goes_on_where_it_was(tmp_path: Path) -> None:
    fuzz(tmp_path, "--seed", 1, "--count", 4, "--subject", "empty-host")
    results = tmp_path / "results.jsonl"
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    summary = fuzz(tmp_path, "--seed", 1, "--count", 6, "--subject", "empty-host", "--jobs", 2)
    again = results.read_bytes().splitlines(keepends=True)
    assert again[:3] == lines[:3]
    assert sorted(json.loads(line)["number"] for line in again) == list(range(6))
    assert summary["mutants"] == 6


_DEATHS = {"SIGSEGV": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
           "ZeroDivisionError": "1 // 0", "MemoryError": "bytes(1 << 40)",
           "no answer": "import os; os._exit(0)"}


@pytest.mark.parametrize("name", _DEATHS)
def test_a_death_is_a_result_and_costs_no_other(name: str) -> None:
    code = ("from tests.fuzz.forks import attempts\n"
            f"for tried in attempts([lambda: 1, lambda: exec({_DEATHS[name]!r}), lambda: 2]):\n"
            "    print(tried.value, tried.died)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    before, death, after = done.stdout.splitlines()
    assert (before, after) == ("1 ", "2 ")
    assert death.startswith(f"None {name}")


def test_a_mutant_is_shrunk_to_what_matters() -> None:
    whole = Mutant("x", (Patch(0, 8, bytes(8)), Patch(512, 64, b"a" * 64),
                         Patch(4096, 2048, how="unreadable")))

    def fails(mutant: Mutant) -> bool:
        return any(p.offset <= 530 < p.offset + p.length for p in mutant.patches)

    small = shrink(whole, fails)
    assert small.patches == (Patch(530, 1, b"a"),)
    assert Mutant.from_json(json.loads(json.dumps(small.to_json()))) == small


def test_the_oracle_sees_what_is_lost_invented_and_spilled() -> None:
    """A run that says nothing, and one that says too much."""
    about = subject("empty-host")
    at, length = about.surface.records["/p1/Windows/System32/vmms.exe"]
    mutant = Mutant("zero", (Patch(at, length, bytes(length)),))
    said = about.damaged(mutant)
    assert judge(about, mutant, said).is_sound
    mute = type(said)([r for r in said.records if not isinstance(r, (Problem, Coverage))
                       and not r.source.path.endswith("vmms.exe")])
    assert judge(about, mutant, mute).uncovered
    assert judge(about, mutant, type(said)()).spilled
    nowhere = Source("empty-host.E01", "/p1/x.xml", entry=1 << 20)
    for row in (VirtualMachine(source=nowhere, name="X", format="xml", state="registered"),
                FileEntry(source=nowhere, volume_id="p1", path="C:\\x.xml", entry=1 << 20,
                          sequence=1, size=0, allocated=True, is_directory=False)):
        found = judge(about, Mutant("none", ()), type(said)([*about.said.records, row]))
        assert len(found.invented) == 1
    assert campaign.summarize([])["mutants"] == 0
