"""The summary's trees: each snapshot once, whatever the parents say, in linear time."""

import time
from typing import Any

from analyzer.case.overview import _evidence, _guest, _machine, _tree


def row(snapshot_id: str, parent_id: str = "", name: str = "") -> dict[str, Any]:
    return {"snapshot_id": snapshot_id, "parent_id": parent_id, "name": name or snapshot_id,
            "created_at": None, "state": "complete", "is_current": False}


def test_children_stand_below_their_parents() -> None:
    lines = _tree([row("a"), row("b", "a"), row("c", "b"), row("d", "gone"), row("", "", "torn")])
    assert [(len(line) - len(line.lstrip()), line.split()[1]) for line in lines] == [
        (3, "a"), (6, "b"), (9, "c"), (3, "d"), (3, "torn")]


def test_loops_end_and_lose_nobody() -> None:
    assert len(_tree([row("a", "b"), row("b", "a"), row("c", "c")])) == 3


def test_many_snapshots() -> None:
    rows = [row(f"{n}", "0" if n else "") for n in range(20_000)]
    before = time.process_time()
    assert len(_tree(rows)) == 20_000
    assert time.process_time() - before < 25  # RELIABILITY G8


def test_a_long_row_of_snapshots_is_not_indented_for_ever() -> None:
    rows = [row(f"{n}", f"{n - 1}" if n else "") for n in range(10_000)]
    lines = _tree(rows)
    assert len(lines) == 10_000
    assert max(map(len, lines)) < 200


def test_images_of_which_something_is_missing_stand_first() -> None:
    media = {"format": "EWF", "size": 4096, "verified": "match"}
    assert _evidence([
        {"name": "a.E01", "state": "finished", "media": media},
        {"name": "b.E01", "state": "unreadable", "media": {}},
        {"name": "c.E01", "state": "partial", "media": media | {"verified": ""}}]) == [
            "b.E01  not read  (unreadable)", "c.E01  EWF, 4,096 bytes  (partial)",
            "a.E01  EWF, 4,096 bytes, hash: match"]


def test_a_machine_without_a_name_is_called_something() -> None:
    machine = {"vm_id": "", "name": "", "configuration_path": "D:\\a\\web.vmc"}
    assert _machine(machine) == "web.vmc"
    assert _machine(machine | {"vm_id": "1-2"}) == "1-2"
    guest = {"vm_id": "1-2", "snapshot_id": "", "host_name": "WEB", "product": "", "build": "",
             "service_pack": "", "role": "plain"}
    assert _guest(guest, {"1-2": "web"}, {}) == "WEB  plain  in web @ now"
