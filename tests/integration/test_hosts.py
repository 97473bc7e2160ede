"""The bundled hosts, system by system, against the truth that their construction wrote.

si and fn of the truth are (created, modified, changed, accessed) in ticks, as NTFS stores them.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from analyzer import times
from analyzer.blocks import read_known
from analyzer.evidence import open_evidence
from analyzer.filesystem.ntfs import Times
from analyzer.machines import Inventory, guest_states, inventory, open_guest
from analyzer.machines.access import only_in_lists
from analyzer.machines.guests import GuestState
from analyzer.machines.model import Configured
from analyzer.records import AccessGrant, LogEvent, System
from analyzer.system import WindowsSystem, open_systems
from analyzer.volume import MountedVolume
from plugins.artifacts.authorization import authorization
from plugins.artifacts.guest_parameters import guest_parameters
from plugins.artifacts.log_events import log_events
from plugins.artifacts.windows import windows

BUS = {"ide": "IDE", "scsi": "SCSI", "floppy": "floppy"}
MEDIUM = {"VHD": "disk", "ISO": "dvd", "VFD": "floppy", "PHYSICAL": "pass-through"}
STATE = {"default folder": "registered", "link": "registered", "deleted": "deleted configuration",
         "changed default root": "unregistered", "register": "registered",
         "copy": "registered, configuration missing", "nothing": "unregistered",
         "planned": "planned", "export": "exported"}
"""What the recipe says of a machine -> how the host knows it."""
HOSTS = ("ws2008", "ws2012r2", "ws2019")
PROOF = {"ws2012r2": ("FILE01",
                      "ws2012r2.E01!/p1/Users/Public/Documents/Hyper-V/Virtual Hard Disks/"),
         "ws2008": ("WEB01", "ws2008.E01!/p2/VMs/WEB01/"),
         "ws2019": ("APP01", "ws2019.E01!/p1/Users/Public/Documents/Hyper-V/Virtual Hard Disks/")}
"""Machine whose guest's bytes are looked up in the image, and where its disks lie."""


@pytest.fixture(scope="module", params=HOSTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def truth(corpus: Path, name: str) -> Any:
    return json.loads((corpus / "truth" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def host(corpus: Path, name: str) -> WindowsSystem:
    systems = open_systems(open_evidence([corpus / f"{name}.E01"]))
    assert len(systems) == 1
    return systems[0]


@pytest.fixture(scope="module")
def found(host: WindowsSystem) -> Inventory:
    return inventory(host)


def ticks(values: Times, prefix: str) -> list[int | None]:
    return [getattr(values, f"{prefix}_{name}")
            for name in ("created", "modified", "changed", "accessed")]


def listing(volume: MountedVolume) -> dict[str, dict[str, Any]]:
    """What a user of the volume sees, in the words of the truth."""
    rows: dict[str, dict[str, Any]] = {}
    for item in volume.walk():
        entry = item.entry
        if not entry.allocated or entry.inode < 24 or entry.path.startswith("/$Extend/"):
            continue
        kind = "directory" if entry.is_directory else "file"
        if entry.reparse is not None:
            kind = entry.reparse.kind
        row: dict[str, Any] = {"path": entry.path, "kind": kind, "si": ticks(entry.times, "si"),
                               "fn": ticks(entry.times, "fn")}
        if kind == "file":
            row["size"] = entry.size
            row["sha256"] = hashlib.sha256(item.read()).hexdigest()
        elif entry.reparse is not None:
            row["target"] = entry.reparse.substitute.removeprefix("\\??\\")
        for stream in entry.streams:
            content = volume.filesystem
            assert content is not None
            data = content.open_file(entry, stream.name).blocks.read_at(0, stream.size)
            row.setdefault("streams", {})[stream.name] = hashlib.sha256(data).hexdigest()
        rows[entry.path] = row
    return rows


def assert_listing(volume: MountedVolume, files: list[dict[str, Any]]) -> None:
    got = listing(volume)
    assert sorted(got) == sorted(row["path"] for row in files)
    for row in files:
        assert {key: got[row["path"]].get(key) for key in row} == row


def test_the_volumes_have_their_letters_by_mounted_devices(host: WindowsSystem, truth: Any) -> None:
    rows = [volume.record() for volume in host.volumes]
    assert [(r.drive_letter + ":", r.offset, r.size, r.serial, r.label, r.drive_letter_basis)
            for r in rows] == [(v["letter"], v["offset"], v["size"], v["serial"], v["label"],
                                "MountedDevices") for v in truth["volumes"]]


@pytest.mark.validates("VMT-FS-01")
@pytest.mark.parametrize("number", [0, 1])
def test_every_file_of_the_host(host: WindowsSystem, truth: Any, number: int) -> None:
    assert_listing(host.volumes[number], truth["volumes"][number]["files"])


def assert_windows(system: WindowsSystem, said: dict[str, Any]) -> System:
    (record,) = windows(system)
    assert isinstance(record, System)
    for name in ("host_name", "product", "edition", "build", "service_pack"):
        assert getattr(record, name) == said[name]
    # since Windows 10 the value CurrentVersion stays at 6.3 and two numbers tell the version
    assert record.version == ("10.0" if int(said["build"]) >= 10240 else said["version"])
    assert record.installed_at == times.from_unix(said["installed"])
    bias = -said["time_zone_bias"]
    assert record.time_zone == f"{said['time_zone']} (UTC+{bias // 60:02d}:{bias % 60:02d})"
    return record


def test_the_host_is_a_hyper_v_host(host: WindowsSystem, truth: Any) -> None:
    assert assert_windows(host, truth["host"]["windows"]).role == "Hyper-V host"


@pytest.mark.parametrize(("image", "role"), [("empty-host", "Hyper-V host"),
                                             ("plain-windows", "Windows")])
def test_hosts_without_machines(corpus: Path, image: str, role: str) -> None:
    said = json.loads((corpus / "truth" / f"{image}.json").read_text())
    (system,) = open_systems(open_evidence([corpus / f"{image}.E01"]))
    assert assert_windows(system, said["host"]["windows"]).role == role
    assert inventory(system).machines == []
    assert guest_states(system) == []
    for volume, row in zip(system.volumes, said["volumes"], strict=True):
        assert_listing(volume, row["files"])


@pytest.mark.validates("VMT-INV-01")
def test_every_machine_is_found_once(found: Inventory, truth: Any) -> None:
    assert sorted((m.vm_id, m.file.path, m.state) for m in found.machines) == sorted(
        (m["guid"], m["config"], STATE[m["registered_by"]]) for m in truth["machines"])
    links = {m.vm_id: m.link.path for m in found.machines if m.link is not None}
    assert links == {m["guid"]: m["link"] for m in truth["machines"] if m["link"]}


def pairs(found: Inventory, truth: Any) -> Iterator[tuple[Configured, dict[str, Any]]]:
    by_path = {machine.file.path: machine for machine in found.machines}
    for said in truth["machines"]:
        yield by_path[said["config"]], said


def test_identity_and_settings(found: Inventory, truth: Any) -> None:
    for machine, said in pairs(found, truth):
        got = machine.configuration
        assert got.partial == said["flaw"].startswith(("cut", "torn")), said["name"]
        assert (got.name, got.created_at, got.notes) == (
            said["name"], said["created"], said["notes"].replace("\r\n", "\n"))
        assert got.version == f"{said['version'] >> 8}.{said['version'] & 255}"
        if not said["flaw"].startswith("torn"):  # of a damaged VMCX no order is told
            assert list(got.boot_order) == said["boot"]
        assert (got.bios_guid, got.bios_serial) == (said["bios_guid"], said["bios_serial"])
        if got.partial:  # cut before these
            continue
        assert (got.memory.size_mb, got.processors.count) == (
            said["memory_mb"], said["processors"])
        assert got.start_action.endswith(f"({said['startup_action']})")
        assert got.stop_action.endswith(f"({said['shutdown_action']})")
        assert got.owner_sid == said["owner_sid"]
        assert [port.path for port in got.com_ports] == said["com"]
        assert len(got.components) == len(said["components"])


def drives(configured: Configured) -> list[tuple[str, int, int, str, str]]:
    return sorted((d.controller, d.controller_number, d.slot, d.medium, d.path)
                  for d in configured.drives
                  if d.medium != "none" and (d.path or d.controller != "floppy"))


def expected_drives(said: list[dict[str, Any]]) -> list[tuple[str, int, int, str, str]]:
    return sorted((BUS[d["bus"]], d["controller"], d["slot"], MEDIUM[d["kind"]], d["path"])
                  for d in said)


@pytest.mark.validates("VMT-INV-01")
def test_drives_and_adapters(found: Inventory, truth: Any) -> None:
    for machine, said in pairs(found, truth):
        if machine.configuration.partial:
            continue
        assert drives(machine) == expected_drives(said["drives"]), said["name"]
        assert sorted((a.name, a.adapter == "legacy", a.mac, a.mac_is_static, a.switch_id,
                       a.port_name) for a in machine.configuration.adapters) == sorted(
            (n["name"], n["legacy"], n["mac"], n["static_mac"], n["switch"], n["port"])
            for n in said["nics"])


def test_saved_states(found: Inventory, truth: Any) -> None:
    said = {m["guid"]: m["saved_state"] or [] for m in truth["machines"]}
    said |= {s["guid"]: s["saved_state"] or [] for m in truth["machines"] for s in m["snapshots"]}
    got = {getattr(c, "snapshot_id", "") or c.vm_id: [i.path for i in c.saved_state]
           for c in found.configured()}
    assert got == said


@pytest.mark.validates("VMT-INV-01")
def test_the_snapshot_trees(found: Inventory, truth: Any) -> None:
    for machine, said in pairs(found, truth):
        nodes = {node.snapshot_id: node for node in machine.nodes}  # type: ignore[attr-defined] # a Machine
        assert sorted(nodes) == sorted(s["guid"] for s in said["snapshots"])
        for row in said["snapshots"]:
            node = nodes[row["guid"]]
            assert (node.configuration.name, node.configuration.created_at, node.parent_id,
                    node.file.path) == (row["name"], row["created"], row["parent"], row["config"])
            assert drives(node) == expected_drives(row["drives"])
            dangling = row["parent"] and row["parent"] not in nodes
            assert node.state == ("dangling parent" if dangling else "complete")
        assert [i for i, n in nodes.items() if n.is_current] == (
            [said["current_parent"]] if said["current_parent"] else [])


def test_without_the_settings_the_disks_tell_the_same_tree(found: Inventory, truth: Any) -> None:
    from dataclasses import replace

    from analyzer.machines import Machine, Node
    from analyzer.machines.tree import plant

    for machine, said in pairs(found, truth):
        if said["name"] not in ("DC01", "WEB01", "FILE01", "APP01"):
            continue
        assert isinstance(machine, Machine)
        blind = [Node(n.vm_id, replace(n.configuration, parent_candidates=()), n.file, n.link,
                      n.registered, n.drives, n.saved_state, snapshot_id=n.snapshot_id)
                 for n in machine.nodes]
        copy = Machine(machine.vm_id, replace(machine.configuration, parent_candidates=()),
                       machine.file, machine.link, machine.registered, machine.drives)
        assert list(plant(copy, blind)) == []
        assert {n.snapshot_id: n.parent_id for n in copy.nodes} == {
            s["guid"]: s["parent"] for s in said["snapshots"]}
        assert [n.snapshot_id for n in copy.nodes if n.is_current] == [said["current_parent"]]


@pytest.mark.validates("VMT-INV-01")
def test_every_chain_decodes_to_the_media_that_was_built(found: Inventory, truth: Any) -> None:
    tops = {file.path: file for file in found.shelf.files}
    from analyzer.disks.chain import build_chain

    for said in truth["chains"]:
        chain = build_chain(tops[said["layers"][0]["path"]], found.shelf)
        assert [(f.path, f.layer.kind, f.layer.disk_id.replace("-", "").lower(), f.layer.link_id,
                 f.layer.container.size, f.layer.creator.created_at) for f in chain.files] == [
            (row["path"], row["kind"], row["unique_id"], link_id(row), row["size"],
             None if row["created"] is None else times.from_vhd(row["created"]))
            for row in said["layers"]]
        assert chain.broken == ("parent missing" if said["missing_parent"] else "")
        disk = chain.disk
        assert [list(r) for r in disk.unreadable()] == said["unreadable"]
        data = read_known(disk, 0, disk.size, lambda _: None)
        assert (disk.size, hashlib.sha256(data).hexdigest()) == (
            said["media_size"], said["media_sha256"])


def link_id(layer: dict[str, Any]) -> str:
    """What children call a disk: a VHD by its unique id, a VHDX by an id of its own."""
    return str(layer.get("link_id") or UUID(layer["unique_id"])).upper()


@pytest.mark.validates("VMT-INV-01")
def test_every_guest_at_every_state(host: WindowsSystem, truth: Any) -> None:
    wanted = {(c["machine"], "" if c["state"] in ("now", "orphan") else c["state"],
               c["layers"][0]["path"]): c["guest"] for c in truth["chains"]}
    seen = set()
    for state in guest_states(host):
        assert GuestState.from_json(json.loads(json.dumps(state.to_json()))) == state
        for system in open_guest(host, state):
            for number, files in enumerate(state.disks):
                orphan = ("", "", files[0].path)
                key = (state.vm_id, state.snapshot_id, files[0].path)
                said = wanted[key if key in wanted else orphan]
                seen.add(key if key in wanted else orphan)
                if said is None:
                    assert system.media[number].volumes == []
                    continue
                volumes = [v for v in system.volumes
                           if v.medium is system.media[number]]
                assert [v.partition.offset for v in volumes] == [said["volume"]["offset"]]
                assert_listing(volumes[0], said["volume"]["files"])
                if said["windows"] is not None:
                    assert_windows(system, said["windows"])
                    (identity,) = guest_parameters(system)
                    assert identity.vm_name == said["windows"]["guest_parameters"]["machine"]  # type: ignore[attr-defined] # a GuestIdentity
                    assert {v.letter for v in system.volumes} == {
                        name[-2] for name in said["windows"]["mounted_devices"]
                        if "DosDevices" in name}
    assert seen == set(wanted)


@pytest.mark.validates("VMT-CIT-01")
def test_image_offsets_lead_to_the_bytes(host: WindowsSystem, found: Inventory,
                                         name: str) -> None:
    image = host.media[0].blocks
    proof, folder = PROOF[name]
    machine = next(m for m in found.machines if m.configuration.name == proof)
    place = machine.file.placed().image_offset
    assert place is not None
    assert image.read_at(place, 64) == machine.file.read()[:64]
    state = next(s for s in guest_states(host) if s.label == f"{proof} @ now")
    (guest,) = open_guest(host, state)
    proven = 0
    for item in guest.walk():
        source = item.placed()
        if source.image_offset is None or item.entry.size < 4096 or not item.entry.allocated:
            continue
        assert source.layer.startswith(folder)
        content = item.blocks().read_at(0, 512)
        assert image.read_at(source.image_offset, 512) == content
        record = item.entry_source().image_offset
        assert record is not None
        assert image.read_at(record, 4) == b"FILE"
        proven += 1
    assert proven > 5


@pytest.mark.validates("VMT-INV-01")
def test_what_is_wrong_is_said(host: WindowsSystem, found: Inventory, truth: Any) -> None:
    assert found.machines
    said = {(p.code, p.source.path.rpartition("/")[2]) for p in host.problems()}
    codes = {"wrong encoding": "XML-ENCODING", "torn configuration": "XML-PARTIAL",
             "dangling link": "VM-LINK", "missing parent": "VHD-NOPARENT"}
    for finding in truth["findings"]:
        if finding["code"] in codes:
            name = finding["path"].rpartition("\\")[2]
            assert (codes[finding["code"]], name) in said
    is_dirty = any(row.get("only_in_log") for row in truth["host"]["switches"])
    assert (("HIVE-LOG", "SYSTEM") in said) == is_dirty
    loose = [chain.files[0].path for chain in found.loose]
    orphans = [f["path"] for f in truth["findings"] if f["code"] == "orphan disk"]
    assert set(loose) <= set(orphans)
    assert set(orphans) - set(loose) <= {"D:\\VMs\\OLDAPP\\OLDAPP.vhd"}, \
        "its deleted configuration was read, so it is no loose disk"


def test_what_later_versions_say(found: Inventory, truth: Any) -> None:
    for machine, said in pairs(found, truth):
        got = machine.configuration
        if "generation" not in said or got.partial:
            continue
        assert (got.generation, got.is_planned, got.host.highly_available,
                got.disk_merge_pending) == (said["generation"], said["planned"],
                                            said["clustered"], said["merge_pending"])
        assert (got.powered_on_at or 0, got.powered_off_at or 0) == (
            said["powered_on"], said["powered_off"])
        assert ([got.memory.minimum_mb, got.memory.maximum_mb] if got.memory.is_dynamic
                else None) == said["dynamic_mb"]
        assert {a.switch_name for a in got.adapters} == {
            said["switch_names"][n["switch"]] for n in said["nics"]}
        assert machine.stands_for == said.get("stands_for", "")
        channels = {s.lower() for s in said["scsi_instances"]} | {
            n["instance"].lower() for n in said["nics"]}
        assert {e.option.channel_id.lower() for e in got.firmware.entries} == (
            channels if said["generation"] == 2 else set())


def test_former_values(found: Inventory, truth: Any) -> None:
    for machine, said in pairs(found, truth):
        got = {(v.key, v.text, v.found_in) for v in machine.former}
        wanted = {(v["key"], v["value"], v["found_in"]) for v in said.get("former", ())}
        assert wanted <= got
        assert bool(wanted) == bool(got), said["name"]


def test_the_register(found: Inventory, truth: Any) -> None:
    rows = truth["host"].get("register", [])
    missing = {(row["guid"], row["path"]) for row in rows if row.get("missing")}
    assert {(m.vm_id, m.path) for m in found.missing} == missing
    former = {row["path"] for row in rows if row.get("former")}
    assert {value.text for register in found.registers for value in register.former} == former


def test_events_and_their_meanings(host: WindowsSystem, truth: Any) -> None:
    rows = [row for row in log_events(host) if isinstance(row, LogEvent)]
    assert [(r.channel, r.event_record_id, r.provider, r.event_id, r.logged_at, r.vm_name,
             r.vm_id, r.user_sid, r.meaning) for r in rows if not r.note] == [
        (e["channel"], e["record_id"], e["provider"], e["event_id"], e["at"], e["vm_name"],
         e["vm_id"], e["user_sid"], e["meaning"]) for e in truth.get("events", ())
        if not e.get("flaw")]
    assert {(r.channel, r.event_record_id) for r in rows if r.note} == {
        (e["channel"], e["record_id"]) for e in truth.get("events", ()) if e.get("flaw")}


def test_logs_of_a_dirty_hive_are_applied(host: WindowsSystem, truth: Any) -> None:
    key = host.registry.key("SYSTEM", "ControlSet001\\Services\\VMSMP\\Parameters\\SwitchList")
    assert key is not None
    names = {sub.name for sub in key.subkeys()}
    assert names == {row["guid"] for row in truth["host"]["switches"]}


def test_machines_that_only_lists_know(host: WindowsSystem, truth: Any) -> None:
    assert set(only_in_lists(host)) == {truth["host"]["former_machine"]}


def test_the_authorization_store(host: WindowsSystem, truth: Any) -> None:
    said = truth["host"].get("authorization")
    rows = [row for row in authorization(host) if isinstance(row, AccessGrant)]
    assert {row.path for row in rows} == ({said["path"]} if said else set())
    in_effect = {row.validity == "in effect" for row in rows}
    assert in_effect == ({said.get("in_effect", True)} if said else set())
