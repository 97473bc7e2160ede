"""Who may do what on the bundled host, against the truth that its construction wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.accounts import accounts
from analyzer.evidence import open_evidence
from analyzer.formats.sam import User
from analyzer.formats.sid import LOCAL_SYSTEM, machine_id
from analyzer.machines.access import subjects
from analyzer.records import AccessGrant
from analyzer.system import WindowsSystem, open_systems
from plugins.artifacts.authorization import authorization


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Any:
    return json.loads((corpus / "truth" / "ws2008.json").read_text())


@pytest.fixture(scope="module")
def host(corpus: Path) -> WindowsSystem:
    return open_systems(open_evidence([corpus / "ws2008.E01"]))[0]


def test_roles_members_and_operations(host: WindowsSystem, truth: Any) -> None:
    said = truth["host"]["authorization"]
    rows = [row for row in authorization(host) if isinstance(row, AccessGrant)]
    assert {row.path for row in rows} == {said["path"]}
    assert {row.role: [row.sid] for row in rows} == said["roles"]
    assert {row.role: len(row.operations) for row in rows}["Administrator"] == said["operations"]
    assert {row.validity for row in rows} == {"in effect"}


def test_each_disk_has_an_entry_for_its_machine(host: WindowsSystem, truth: Any) -> None:
    owners: dict[str, set[str]] = {}
    for chain in truth["chains"]:
        for layer in chain["layers"]:
            owners.setdefault(layer["path"], set()).update(filter(None, [chain["machine"]]))
    lists = {subject.path: subject for subject in subjects(host) if subject.what == "virtual disk"}
    common = {path for path, machines in owners.items() if machines} & lists.keys()
    assert len(common) > 10
    for path in common:
        assert set(lists[path].machines) == owners[path]
        assert {ace.sid for ace in lists[path].aces if not machine_id(ace.sid)} == {
            LOCAL_SYSTEM, "S-1-5-32-544"}
        assert lists[path].security.owner == "S-1-5-32-544"


def test_accounts(host: WindowsSystem, truth: Any) -> None:
    """An image without SAM has none of them, and its truth says nothing of any."""
    said = truth["host"].get("accounts", {"users": [], "aliases": {}, "profiles": {}})
    known = accounts(host)
    users = [{"sid": p.sid, "name": p.said.name, "logons": p.said.logon_count,
              "last_logon": p.said.last_logon_at or 0, "password_set": p.said.password_set_at or 0}
             for p in known.principals if isinstance(p.said, User)]
    assert users == said["users"]
    assert {p.said.name: list(p.members) for p in known.principals
            if p.kind == "alias"} == said["aliases"]
    assert {sid: profile.path for sid, profile in known.profiles.items()} == said["profiles"]
