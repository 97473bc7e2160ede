"""Configurations parse as XML, keep the order and types of real ones, and carry their fields."""

from __future__ import annotations

import base64
import struct
from xml.etree import ElementTree

from corpus.make.vm_xml import Drive, Machine, Nic, Snapshot, machine_xml, snapshot_xml

GUID = "0D7CCB74-48EF-40EE-B0D8-A637E8425E91"
MACHINE = Machine(
    GUID,
    "A & <b>",
    128901489038687064,
    drives=(Drive("ide", 0, 0, "VHD", "C:\\x.vhd"), Drive("scsi", 1, 3, "VHD", "D:\\y.vhd")),
    scsi_instances=("11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"),
    nics=(Nic("33333333-0000-4000-8000-000000000000", "NIC", "00-15-5D-00-00-01", legacy=True),),
)


def _tree(data: bytes) -> ElementTree.Element:
    assert data[:2] == b"\xff\xfe"
    assert not data.endswith("\n".encode("utf-16-le"))
    return ElementTree.fromstring(data.decode("utf-16").partition("?>")[2])


def _text(root: ElementTree.Element, path: str) -> str:
    found = root.find(path)
    assert found is not None, path
    return found.text or ""


def test_machine() -> None:
    root = _tree(machine_xml(MACHINE))
    assert _text(root, "properties/name") == "A & <b>"
    assert _text(root, "properties/type_id") == "Virtual Machines"
    created = base64.b64decode(_text(root, "properties/creation_time"))
    assert struct.unpack("<Q", created)[0] == MACHINE.created
    assert _text(root, "settings/global/logical_id") == GUID
    ide = "_83f8638b-8dca-4152-9eda-2ca8b33039b4_"
    assert _text(root, f"{ide}/controller0/drive0/pathname") == "C:\\x.vhd"
    assert _text(root, f"{ide}/controller1/drive1/type") == "NONE"
    second = "_22222222-0000-4000-8000-000000000000_"
    assert _text(root, f"{second}/controller0/drive3/pathname") == "D:\\y.vhd"
    size = int(_text(root, "manifest/size"))
    assert len(root.findall("manifest/*")) == size + 2
    for node in root.iter():
        names = [child.tag for child in node]
        assert names == sorted(names)
        assert bool(node.get("type")) == (not names)


def test_snapshot_keeps_the_machine_and_names_its_parent() -> None:
    mine, parent = GUID.replace("0D", "0E"), GUID.replace("0D", "0F")
    root = _tree(snapshot_xml(Snapshot(mine, "S", MACHINE.created + 1, parent, MACHINE)))
    assert _text(root, "properties/global_id") == mine
    assert _text(root, "properties/parent_global_id") == parent
    assert _text(root, "properties/type_id") == "Snapshots"
    assert _text(root, "settings/global/logical_id") == GUID
