"""Whole runs: bombs cost themselves (G8), and no order of hashing shows (G12)."""

import json
import os
import subprocess
import sys

from tests.conftest import ROOT

_STATE = """
import hashlib
from tests.fuzz.subjects import subject
said = subject("ws2008").said
print(len(said.records), hashlib.sha256(repr(said.records).encode()).hexdigest())
"""


def python(*arguments: str, **more: str) -> str:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=os.environ | more, text=True,
                          capture_output=True, check=True, timeout=1_200).stdout


def test_a_bomb_costs_itself() -> None:
    found = [json.loads(line) for line in python("-m", "tests.fuzz.bombs").splitlines()]
    assert len(found) > 20
    assert [bomb["name"] for bomb in found if not bomb["sound"]] == []
    assert [bomb["name"] for bomb in found if bomb["rss"] > 1 << 30] == []


def test_the_same_is_stated_whatever_the_order_of_hashing() -> None:
    said = {python("-c", _STATE, PYTHONHASHSEED=seed) for seed in "123"}
    assert len(said) == 1
    assert int(said.pop().split()[0]) > 1_000
