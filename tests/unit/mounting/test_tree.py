"""What a mounted disk shows, without FUSE: computers made of dicts."""


import pytest

from analyzer.errors import Corrupt, Unsupported
from analyzer.filesystem.entries import Entry
from analyzer.mounting.names import UNRESOLVED
from analyzer.mounting.tree import Tree
from analyzer.system import WindowsSystem
from tests.dict_system import AT, Content, Deleted, Filtered, Link, build, host


def tree(files: dict[str, Content]) -> Tree:
    return Tree(build(files))


def text(shown: Tree, path: str) -> str:
    node = shown.node(path)
    assert node is not None
    assert node.kind == "link"
    return shown.link_text(path, node)


def read(shown: Tree, path: str) -> bytes:
    node = shown.node(path)
    assert node is not None
    return shown.open(node).read_at(0, node.size)


def test_the_top_folder_has_the_disk_and_its_volumes() -> None:
    shown = tree({"C:/a.txt": b"a", "D:/b.txt": b"b"})
    kinds = {name: node.kind for name, node in shown.children("/").items()}
    assert kinds == {"disk.raw": "file", "p1": "directory", "p2": "directory"}
    assert read(shown, "/disk.raw") == bytes(512)


def test_files_folders_and_streams() -> None:
    shown = tree({"C:/dir/a.txt": b"abc", "C:/dir/a.txt:Zone.Identifier": b"zone!",
                  "C:/dir:hidden": b"xy", "C:/dir/gone": Deleted(b"gone")})
    assert list(shown.children("/p1")) == ["dir", "dir:hidden"]
    assert list(shown.children("/p1/dir")) == ["a.txt", "a.txt:Zone.Identifier"]
    assert read(shown, "/p1/dir/a.txt") == b"abc"
    assert read(shown, "/p1/dir/a.txt:Zone.Identifier") == b"zone!"
    assert read(shown, "/p1/dir:hidden") == b"xy"
    node = shown.node("/p1/dir/a.txt")
    assert node is not None
    assert node.times.si_modified is not None
    assert node.times.si_modified >= AT


def test_what_is_not_there() -> None:
    shown = tree({"C:/a.txt": b"a"})
    assert shown.node("/p1/none") is None
    assert shown.node("/p1/A.TXT") is None
    assert shown.node("/p1/a.txt/below") is None
    assert shown.children("/p1/a.txt") == {}


def test_links_lead_to_where_windows_would_go() -> None:
    shown = Tree(host({
        "C:/Users/All Users": Link("D:\\Data"), "C:/Docs": Link("C:\\up", "junction"),
        "C:/up/down/rel": Link("..\\x", is_relative=True), "C:/up/x/file": b"1",
        "C:/two": Link("c:\\DOCS\\x\\file"), "D:/Data/f": b"2"}, "C", "D"))
    assert text(shown, "/C/Users/All Users") == "../../D/Data"
    assert text(shown, "/C/up/down/rel") == "../x"
    assert text(shown, "/C/Docs") == "up"
    assert text(shown, "/C/two") == "up/x/file"


@pytest.mark.parametrize("target", [
    "E:\\Lost\\x.xml", "p2:\\not there", "\\\\server\\share\\x", "/etc/passwd", "..\\..\\..\\etc",
    "../../../../etc/passwd", "\\??\\UNC\\x", "p1:\\..\\..\\etc\\passwd", "p1:\\self"])
def test_other_links_lead_nowhere(target: str) -> None:
    shown = tree({"C:/self": Link(target), "C:/rel": Link(target, is_relative=True),
                  "D:/x": b""})
    for path in ("/p1/self", "/p1/rel"):
        found = text(shown, path)
        assert found.startswith(UNRESOLVED)
        assert "/" not in found


def test_reparse_points_that_are_no_links_are_files() -> None:
    shown = tree({"C:/deduplicated": Filtered(Unsupported("chunk store"), "dedup")})
    node = shown.node("/p1/deduplicated")
    assert node is not None
    assert node.kind == "file"
    with pytest.raises(Unsupported):
        shown.open(node)


def test_a_directory_inside_itself_ends() -> None:
    system = build({"C:/a/b/c": b""})
    _loop(system)
    with pytest.raises(Corrupt):
        Tree(system).children("/p1/a/b/a")


def _loop(system: WindowsSystem) -> None:
    """Let a lie in b, as a hostile index can."""
    files = system.volumes[0].filesystem
    assert files is not None
    children = files.children
    outer = children(files.root())[0]

    def looping(directory: Entry) -> list[Entry]:
        return [outer._replace(path=f"{directory.path}/a") if entry.name == "c" else entry
                for entry in children(directory)]

    files.children = looping  # type: ignore[method-assign] # a double


def test_a_volume_that_cannot_be_read_says_why_and_is_no_empty_folder() -> None:
    system = build({"C:/a": b"", "D:/b": b""})
    system.volumes[1].filesystem = None
    system.volumes[1].failure = Unsupported("BitLocker, cannot read")
    shown = Tree(system)
    assert list(shown.children("/")) == ["disk.raw", "p1", "p2.problem.txt"]
    assert b"BitLocker, cannot read" in read(shown, "/p2.problem.txt")


def test_hostile_depth_and_many_folders_stay_bounded() -> None:
    deep = "C:/" + "/".join(["d"] * 400)
    shown = tree({f"{deep}/end": b"x"})
    assert read(shown, "/p1/" + "/".join(["d"] * 400) + "/end") == b"x"
