"""Exports of Server 2008 and 2008 R2: folder, disks, and a config.xml of any content."""

from analyzer.errors import Unreadable
from analyzer.machines import inventory
from analyzer.records import VmExport, VmSetting
from corpus.make import vm_xml
from plugins.artifacts.vm_exports import vm_exports
from tests.dict_system import AT, Content, Deleted, host
from tests.plugins.artifacts.test_artifacts import S1, VM, of

ROOT = "D:/exports/WEB"
TYPED = """<?xml version="1.0" encoding="UTF-16" standalone="yes"?>
<configuration><disks><_1_><source type="string">E:\\old\\web.vhd</source>
<copy type="string">web.VHD</copy></_1_><_2_><source type="string">E:\\old\\web.vhd</source></_2_>
</disks><version type="integer">3</version></configuration>""".encode("utf-16")
MACHINE = vm_xml.Machine(VM, "WEB", AT, drives=(
    vm_xml.Drive("ide", 0, 0, "VHD", "E:\\old\\web.vhd"),))

QUIET = ["XML-VALUE", "OTHER-FORMAT"]
"""Said of the machine's written configuration, and of a disk that is none."""


def export(description: Content | None, **more: Content) -> tuple[
        list[VmExport], list[VmSetting], list[str]]:
    """An exported machine with its config.xml; rows of it, and the codes of what was said."""
    files: dict[str, Content] = {
        f"{ROOT}/Virtual Machines/{VM}.exp": vm_xml.machine_xml(MACHINE),
        f"{ROOT}/Virtual Hard Disks/web.vhd": b"disk", f"{ROOT}/Virtual Hard Disks/note.txt": b"",
        f"{ROOT}/Virtual Hard Disks/gone.vhd": Deleted(b"disk"), **more}
    if description is not None:
        files[f"{ROOT}/config.xml"] = description
    system = host(files, "C", "D")
    rows = list(vm_exports(system))
    assert [m.configuration.name for m in inventory(system).machines][:1] == ["WEB"]
    return of(VmExport, rows), of(VmSetting, rows), [p.code for p in system.problems()]


def test_an_export_has_its_folder_its_disks_and_each_leaf_of_its_description() -> None:
    (only,), leaves, _ = export(TYPED)
    assert (only.vm_id, only.name, only.path, only.configuration_path, only.disks) == (
        VM, "WEB", "D:\\exports\\WEB", f"D:\\exports\\WEB\\Virtual Machines\\{VM}.exp",
        ("D:\\exports\\WEB\\Virtual Hard Disks\\web.vhd",))
    assert (only.description_path, only.description, only.named_disks) == (
        "D:\\exports\\WEB\\config.xml", "read", ("E:\\old\\web.vhd", "web.VHD"))
    assert only.created_at is not None
    assert [(leaf.vm_id, leaf.key, leaf.value, leaf.understood) for leaf in leaves] == [
        (VM, "configuration/disks/_1_/source", "E:\\old\\web.vhd", False),
        (VM, "configuration/disks/_1_/copy", "web.VHD", False),
        (VM, "configuration/disks/_2_/source", "E:\\old\\web.vhd", False),
        (VM, "configuration/version", "3", False)]
    assert all("config.xml" in leaf.source.path for leaf in leaves)


def test_any_tree_is_kept_and_makes_no_machine() -> None:
    """Also one that has the sections of a machine, and one of another root."""
    name = "_83f8638b-8dca-4152-9eda-2ca8b33039b4_"
    device = f"<configuration><{name}><a>1</a></{name}></configuration>".encode()
    for content, key in ((device, f"configuration/{name}/a"),
                         (b"<export><vhd path='x.avhd'>y</vhd></export>", "export/vhd")):
        (only,), leaves, said = export(content)
        assert key in {leaf.key for leaf in leaves}
        assert (only.description, said) == ("read", QUIET)
    assert only.named_disks == ("x.avhd",)


def test_damage_costs_the_description_only_and_is_said() -> None:
    (only,), leaves, said = export(TYPED[:-60])
    assert (only.description, len(leaves), len(only.disks)) == ("partial", 3, 1)
    assert "XML-PARTIAL" in said
    assert export(None)[2] == QUIET
    for content, code in ((Unreadable("bad sector", 0, 512), "UNREADABLE"),
                          (b"[settings]", "CORRUPT"), (bytes((16 << 20) + 1), "CORRUPT")):
        (only,), leaves, said = export(content)
        assert (only.description, leaves, said) == ("unreadable", [], [*QUIET, code])
    (only,), leaves, said = export(None)
    assert (only.description, only.description_path, leaves) == ("absent", "", [])


def test_what_only_has_the_name_is_no_description() -> None:
    """One beside no .exp, a deleted one; and a machine stays a machine."""
    assert export(Deleted(TYPED))[0][0].description == "absent"
    other = vm_xml.machine_xml(vm_xml.Machine(S1, "HIDDEN", AT))
    files: dict[str, Content] = {f"{ROOT}/config.xml": other, "D:/b/config.xml": TYPED,
                                 f"{ROOT}/Virtual Machines/{VM}.exp": vm_xml.machine_xml(MACHINE),
                                 f"D:/b/Virtual Machines/{S1}.xml": other}
    found = inventory(host(files, "C", "D"))
    assert sorted(m.configuration.name for m in found.machines) == ["HIDDEN", "HIDDEN", "WEB"]
    assert [one.description for one in found.exports] == [None]


def test_an_exp_outside_of_an_export_has_no_folder() -> None:
    system = host({f"D:/{VM}.exp": vm_xml.machine_xml(MACHINE)}, "C", "D")
    (only,) = of(VmExport, list(vm_exports(system)))
    assert (only.path, only.description, only.disks, only.created_at) == ("", "absent", (), None)
