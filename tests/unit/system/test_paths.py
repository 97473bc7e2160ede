"""Letters, links, hives: a system made of a dict."""

import pytest

from analyzer.errors import Corrupt, NotInEvidence
from analyzer.system import build_systems
from analyzer.volume import split_windows_path
from corpus.make import hive
from tests.dict_system import AT, Content, Link, build, host, medium, mounted


def text(path: str, files: dict[str, Content], *letters: str) -> str | None:
    item = host(files, *letters).find(path)
    return None if item is None else item.path


@pytest.mark.parametrize("path", [
    "C:\\Data\\File.txt", "c:/data/FILE.TXT", "/C:/Data/File.txt", "p1:\\data\\file.txt",
    "C:\\link\\file.txt", "C:\\junction\\file.txt", "C:\\up\\..\\data\\file.txt",
    "C:\\up\\deep\\relative\\file.txt", "D:\\back\\Data\\file.txt",
    "C:\\mounted\\back\\data\\file.txt",
])
def test_one_file_by_many_paths(path: str) -> None:
    files: dict[str, Content] = {
        "C:/Data/File.txt": b"x", "C:/link": Link("C:\\Data"), "C:/up/deep/empty": b"",
        "C:/junction": Link("C:\\data\\", "junction"),
        "C:/up/deep/relative": Link("..\\..\\Data", is_relative=True), "D:/back": Link("C:\\"),
        "C:/mounted": Link("Volume{00000002-0000-0000-0000-000000000000}\\", "mount point"),
    }
    assert text(path, files, "C", "D") == "C:\\Data\\File.txt"


def test_absence_is_none_and_no_error() -> None:
    assert text("C:\\Data\\other.txt", {"C:/Data/File.txt": b""}, "C") is None
    assert text("C:\\Data\\File.txt\\below", {"C:/Data/File.txt": b""}, "C") is None


@pytest.mark.parametrize(("files", "words"), [
    ({"C:/a.xml": Link("E:\\Lost\\a.xml")}, "E:\\Lost\\a.xml"),
    ({"C:/a.xml": Link("UNC\\server\\share\\a.xml")}, "server"),
    ({"C:/a.xml": Link("Volume{99999999-0000-0000-0000-000000000000}\\", "mount point")},
     "99999999"),
])
def test_links_out_of_the_evidence_are_named(files: dict[str, Content], words: str) -> None:
    with pytest.raises(NotInEvidence) as caught:
        host(files, "C").find("C:\\a.xml")
    assert words in str(caught.value)
    with pytest.raises(NotInEvidence):
        host(files, "C").find("Q:\\x")


@pytest.mark.parametrize("files", [
    {"C:/a.xml": Link("C:\\a.xml")},
    {"C:/a.xml": Link("C:\\b"), "C:/b": Link("C:\\a.xml")},
    {"C:/a.xml": Link("C:\\a.xml\\a.xml")},
    {f"C:/{'a.xml' if n == 0 else n}": Link(f"C:\\{n + 1}") for n in range(80)},
])
def test_loops_of_links_end(files: dict[str, Content]) -> None:
    with pytest.raises(Corrupt, match="links"):
        host(files, "C").find("C:\\a.xml")


def test_streams_are_addressed() -> None:
    system = host({"C:/a.txt": b"main", "C:/a.txt:hidden": b"stream"}, "C")
    item = system.find("C:\\a.txt:hidden")
    assert item is not None
    assert (item.read(), item.path, item.source.path) == (
        b"stream", "C:\\a.txt:hidden", "/p1/a.txt:hidden")


def test_letters_come_from_mounted_devices_in_any_order() -> None:
    volumes = host({"D:/x": b""}, "C", "X").volumes
    assert [(v.letter, v.letter_basis) for v in volumes] == [
        ("C", "MountedDevices"), ("X", "MountedDevices")]


def test_letters_are_inferred_from_content_and_say_so() -> None:
    software = hive.Key("ROOT", AT)
    software.key("Microsoft\\Windows NT\\CurrentVersion").set(hive.sz("SystemRoot", "C:\\Windows"))
    software.key("Microsoft\\Windows NT\\CurrentVersion\\Virtualization").set(
        hive.sz("DefaultExternalDataRoot", "F:\\Machines"))
    volumes = host({"D:/Machines/x": b"", "E:/other": b""}, software=software).volumes
    assert [v.letter for v in volumes] == ["C", "F", ""]
    assert [v.letter_basis[:9] for v in volumes] == ["inferred:", "inferred:", ""]
    assert volumes[2].name == "p3:"


def test_a_letter_is_not_guessed_where_two_volumes_fit() -> None:
    software = hive.Key("ROOT", AT)
    software.key("Microsoft\\Windows NT\\CurrentVersion\\Virtualization").set(
        hive.sz("DefaultExternalDataRoot", "F:\\Machines"))
    volumes = host({"D:/Machines/x": b"", "E:/Machines/y": b""}, "C", software=software).volumes
    assert [v.letter for v in volumes] == ["C", "", ""]


def test_a_broken_hive_costs_that_hive_and_is_said_once() -> None:
    files: dict[str, Content] = {"C:/Windows/System32/config/SYSTEM": b"regf" + bytes(5000),
                                 "C:/Windows/System32/config/SOFTWARE": hive.build(
                                     hive.Key("ROOT", AT))}
    system = build(files)
    assert (system.registry.hive("SYSTEM"), system.registry.hive("SYSTEM")) == (None, None)
    assert system.registry.hive("SOFTWARE") is not None
    assert system.registry.hive("SAM") is None
    problems = system.problems()
    assert len(problems) == 1
    assert "SYSTEM" in problems[0].source.detail
    assert system.problems() == []
    states = {c.place.rpartition("\\")[2]: c.state for c in system.coverage()}
    assert states == {"SYSTEM": "unreadable", "SOFTWARE": "read", "SAM": "absent"}


def test_no_windows_is_a_system_too() -> None:
    system = build({"C:/data.bin": b"1"})
    assert system.windows is None
    assert system.registry.hive("SYSTEM") is None
    assert system.find("p1:\\data.bin") is not None
    assert system.system_id == "test.E01"


def test_split_windows_path() -> None:
    assert split_windows_path("C:\\a\\b") == ("C", ["a", "b"])
    assert split_windows_path("/d2p1:/a") == ("d2p1", ["a"])
    assert split_windows_path("\\\\server\\share") == ("", ["server", "share"])
    assert split_windows_path("a:b:c") == ("a", ["b:c"])


def test_two_installations_share_the_disks_and_tell_their_files_once() -> None:
    from analyzer.system import build_systems
    from tests.dict_system import medium

    config = hive.build(mounted("C", "D"))
    systems = build_systems([medium({"C:/Windows/System32/config/SYSTEM": config,
                                     "D:/WINNT/system32/config/SYSTEM": config})])
    assert [s.system_id for s in systems] == ["test.E01!/p1", "test.E01!/p2"]
    assert [s.owns_volumes for s in systems] == [True, False]
    assert len(list(systems[0].survey())) == 2
    assert list(systems[1].survey()) == []


def test_a_path_of_another_volume_does_not_name_the_one_with_windows() -> None:
    """Without SystemRoot, the first known path may be the target of a link to another volume."""
    register = "C:/ProgramData/Microsoft/Windows/Hyper-V/Virtual Machines"
    disk = medium({"C:/Windows/System32/config/SYSTEM": b"torn",
                   f"{register}/1.xml": Link("D:\\VMs\\1.xml"), "D:/VMs/1.xml": b"x"})
    (system,) = build_systems([disk])
    assert [volume.letter for volume in system.volumes] == ["C", "D"]
    assert "SystemRoot is not known" in system.volumes[0].letter_basis
