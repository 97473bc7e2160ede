"""The bundled host of Virtual Server 2005 against the truth that its construction wrote."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.evidence import open_evidence
from analyzer.machines import Inventory, guest_states, inventory, open_guest
from analyzer.records import VirtualNetwork, VmSetting
from analyzer.system import WindowsSystem, open_systems
from plugins.artifacts.virtual_server_files import virtual_server_files
from tests.integration.test_hosts import assert_listing, assert_windows


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Any:
    return json.loads((corpus / "truth" / "vs2005.json").read_text())


@pytest.fixture(scope="module")
def host(corpus: Path) -> WindowsSystem:
    (system,) = open_systems(open_evidence([corpus / "vs2005.E01"]))
    return system


@pytest.fixture(scope="module")
def found(host: WindowsSystem) -> Inventory:
    return inventory(host)


def test_the_host(host: WindowsSystem, truth: Any) -> None:
    assert assert_windows(host, truth["host"]["windows"]).role == "Virtual Server host"
    (volume,), (said,) = host.volumes, truth["volumes"]
    assert_listing(volume, said["files"])


def test_machines_and_what_registers_them(found: Inventory, truth: Any) -> None:
    assert sorted((m.file.path, m.state, m.link.path if m.link else "", m.configuration.bios_guid,
                   m.configuration.memory.size_mb, [i.path for i in m.saved_state])
                  for m in found.machines) == sorted(
        (m["config"], "registered" if m["registered"] else "unregistered", m.get("link", ""),
         m["bios_guid"], m["memory_mb"], m["saved_state"]) for m in truth["machines"])
    assert [{"link": d.item.path, "target": d.target} for d in found.dangling] == truth["dangling"]


def test_the_undo_disk_is_what_the_machine_sees(found: Inventory, truth: Any) -> None:
    (said,) = truth["chains"]
    (drive,) = [d for m in found.machines for d in m.drives if d.path]
    assert drive.chain is not None
    assert [(f.path, f.layer.kind) for f in drive.chain.files] == [
        (row["path"], row["kind"]) for row in said["layers"]]
    assert [drive.undo_path, drive.path] == [row["path"] for row in said["layers"]]
    disk = drive.chain.disk
    assert hashlib.sha256(disk.read_at(0, disk.size)).hexdigest() == said["media_sha256"]


def test_the_guest(host: WindowsSystem, truth: Any) -> None:
    (state,), (said,) = guest_states(host), truth["chains"]
    (guest,) = open_guest(host, state)
    assert_windows(guest, said["guest"]["windows"])
    (volume,) = guest.volumes
    assert_listing(volume, said["guest"]["volume"]["files"])


def test_networks_and_options(host: WindowsSystem, truth: Any) -> None:
    rows = list(virtual_server_files(host))
    (said,) = truth["host"]["networks"]
    assert [(r.name, r.path, r.made_at) for r in rows if isinstance(r, VirtualNetwork)] == [
        (said["name"], said["path"], said["made"])]
    settings = {r.key: r.value for r in rows if isinstance(r, VmSetting)}
    assert settings["options/port"] == "5900"
