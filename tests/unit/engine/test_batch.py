"""Images side by side: what one of them does to its readers costs the others nothing (G13)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, Result, analyze
from analyzer.engine.tasks import Limits
from tests.unit.engine.fake_child import COMMAND, PLUGINS

POISONS: dict[str, dict[str, Any]] = {
    "refused": {"refuse": "not an image"},
    "dies when its head is looked at": {"crash_early": True},
    "dies when it is opened": {"crash": True},
    "dies": {"systems": [{"id": "s1", "poison": "crash"}]},
    "loops": {"systems": [{"id": "s1", "poison": "loop"}]},
    "answers nonsense": {"systems": [{"id": "s1", "poison": "nonsense"}]},
}
BATCH = 20 if os.environ.get("VMTRAIL_SLOW") else 4
"""Images beside the poisoned one; G13 wants 19."""


def good(number: int) -> dict[str, Any]:
    guests = [{"key": "g", "systems": [{"id": "x", "files": [f"guest of {number}"]}]}]
    return {"signature": number + 100,
            "systems": [{"id": "s1", "files": [f"file {number}"], "guests": guests}]}


def run(folder: Path, contents: dict[str, dict[str, Any]], case: str) -> Result:
    paths = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
        paths.append(str(path))
    plugins = Catalogue(tuple(p for p in PLUGINS if p.name in ("files", "poisoned")))
    options = Options(tuple(paths), folder / case, 2, limits=Limits(cpu_seconds=1))
    return analyze(options, plugins, Quiet(), COMMAND)


def partitions(result: Result, image: str) -> dict[str, bytes]:
    tables = result.case.tables
    return {str(p.relative_to(tables)): p.read_bytes() for p in tables.glob(f"*/{image}@*")}


def states(result: Result) -> dict[str, dict[str, Any]]:
    return {i["name"]: i for i in json.loads(result.case.manifest.read_bytes())["images"]}


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The partitions of each good image, analysed by itself."""
    folder, found = tmp_path_factory.mktemp("alone"), {}
    for number in range(BATCH):
        name = f"good{number}.img"
        found[name] = partitions(run(folder, {name: good(number)}, f"case{number}"), name)
    return found


@pytest.mark.parametrize("poison", POISONS)
def test_the_others_state_what_they_state_alone(
        poison: str, alone: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    contents = {name: good(number) for number, name in enumerate(alone)}
    result = run(tmp_path, {"bad.img": POISONS[poison], **contents}, "case")
    assert result.exit_code == 4
    for name, expected in alone.items():
        assert len(expected) > 5
        assert partitions(result, name) == expected
    found = states(result)
    assert {n: (i["state"], i["exit_code"]) for n, i in found.items() if n != "bad.img"} == \
        dict.fromkeys(alone, ("finished", 0))
    bad = found["bad.img"]
    assert bad["problems"] == 1
    if "systems" in POISONS[poison]:
        assert (bad["state"], bad["lost"], bad["computers"]) == ("partial", 1, ["bad.img!/s1"])
    else:
        assert (bad["state"], bad["exit_code"], bad["computers"]) == ("unreadable", 3, [])


def test_images_with_one_name_are_two(tmp_path: Path) -> None:
    result = run(tmp_path, {"a/disk.img": good(1), "b/disk.img": good(2)}, "case")
    assert result.exit_code == 0
    assert [(n, i["computers"]) for n, i in states(result).items()] == [
        ("disk.img", ["disk.img!/s1"]), ("disk.img~2", ["disk.img~2!/s1"])]
    tasks = [json.loads(line)["task"] for line in result.case.journal.read_text().splitlines()]
    assert len(set(tasks)) == len(tasks)


def test_disks_of_one_host_are_one_computer_in_a_batch(tmp_path: Path) -> None:
    host = good(1) | {"known": [7]}
    contents = {"c.img": host, "d.img": {"signature": 7, "systems": []}, "other.img": good(2)}
    found = states(run(tmp_path, contents, "case"))
    assert {n: i["computers"] for n, i in found.items()} == {
        "c.img": ["c.img!/s1"], "d.img": ["c.img!/s1"], "other.img": ["other.img!/s1"]}
    assert {i["state"] for i in found.values()} == {"finished"}
