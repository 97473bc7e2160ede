"""Every place we know of is told of, and one that has a reader is told by that reader."""

from collections.abc import Mapping

import pytest

from analyzer import places as table
from analyzer.errors import Unreadable
from analyzer.places import PLACES, Place
from analyzer.plugin import discover
from analyzer.records import Coverage
from analyzer.system import WindowsSystem
from analyzer.volume import Item
from corpus.make import hive
from plugins.artifacts.places import places
from tests.dict_system import AT, Content, build, host

FOLDERS = {"Logs", "Sum", "Prefetch", "1.0", "Recent", "Desktop", "AutomaticDestinations",
           "CustomDestinations", "Virtual Networks", "Groups",
           "Shared Virtual Machines", "Virtual Hard Disks", "$Recycle.Bin", "RECYCLER",
           "System Volume Information", "Planned Virtual Machines", "Virtual Machines Cache",
           "Resource Types", "Persistent Tasks", "UndoLog Configuration", "Virtual Machines",
           "Snapshots"}


def spelled(place: Place, star: str = "ann") -> str:
    """The place as a file of a dict system, a file in it where it is a folder."""
    path = place.path.replace("<windows>", "C:/Windows").replace("<system>", "C:")
    path = path.replace("<volume>", "C:").replace("*", star).replace("\\", "/")
    return f"{path}/x" if path.rpartition("/")[2] in FOLDERS else path


def states(system: WindowsSystem, plugin: str = "places") -> dict[str, str]:
    """What a plugin says of places, by path in upper case."""
    function = next(p.function for p in discover() if p.name == plugin)
    said = [r for r in function(system) if isinstance(r, Coverage)]
    return {r.place.upper(): r.state for r in [*said, *system.coverage()]}


def found(place: Place, files: Mapping[str, Content]) -> str | None:
    where = spelled(place).removesuffix("/x").replace("/", "\\").upper()
    said = states(host(files, "C"), place.reader or "places")
    return said.get(where) or next((state for path, state in said.items()
                                    if path.startswith(f"{where}: ")), None)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.path)
def test_a_place_that_is_there_is_read_or_said_not_to_be(place: Place) -> None:
    there: dict[str, Content] = {} if place.path.endswith(("SYSTEM", "SOFTWARE")) \
        else {spelled(place): b"?"}
    said = found(place, there)
    assert said in ("read", "unreadable") if place.reader else said == "not decoded"


@pytest.mark.parametrize("place", [p for p in PLACES if p.reader != "windows"],
                         ids=lambda place: place.path)
def test_a_place_that_is_not_there_is_absent(place: Place) -> None:
    if "*" not in place.path:
        assert found(place, {}) == "absent"
    else:
        pattern = spelled(place, "*").removesuffix("/x").replace("/", "\\")
        said = states(host({}, "C"), place.reader or "places")
        assert said[pattern.upper()] == "absent"


def test_the_places_of_a_plugin_that_died_are_absent_or_not_read() -> None:
    log = "C:/Windows/Logs/DISM/dism.log"
    said = {row.place: row for row in table.unread(host({log: b"x"}, "C"), "setup_logs")}
    assert {place: row.state for place, row in said.items()} == {
        "C:\\Windows\\Logs\\DISM\\dism.log": "unreadable",
        "C:\\Windows\\Logs\\CBS\\CBS.log": "absent",
        "C:\\Windows\\Logs\\ServerManager.log": "absent"}
    assert {row.plugin for row in said.values()} == {"setup_logs"}


UNREAD = (Place("<system>\\Users\\*\\notes", "", ""), Place("<volume>\\bin", "", ""))


def test_each_profile_and_each_volume_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.artifacts.places.PLACES", UNREAD)
    said = states(host({"C:/Users/ann/notes/x": b"", "C:/Users/bob/notes": b"",
                        "C:/Users/carl/other": b"", "D:/bin/S-1/x": b""}, "C", "D"))
    for user in ("ANN", "BOB"):
        assert said[f"C:\\USERS\\{user}\\NOTES"] == "not decoded"
    assert "C:\\USERS\\CARL\\NOTES" not in said
    assert said["D:\\BIN"] == "not decoded"
    assert said["C:\\BIN"] == "absent"


def test_each_log_of_windows_2003_is_said_not_to_be_decoded() -> None:
    """Virtual Server 2005 ran there, and so did guests of that age."""
    config = "C:/Windows/System32/config"
    said = states(host({f"{config}/SecEvent.Evt": b"", f"{config}/Virtual Server.evt": b"",
                        f"{config}/old.evt/x": b"", f"{config}/evt": b""}, "C"))
    assert {path.rpartition("\\")[2]: state for path, state in said.items()
            if "EVT" in path.rpartition("\\")[2]} == {
        "SECEVENT.EVT": "not decoded", "VIRTUAL SERVER.EVT": "not decoded"}


def test_more_profiles_than_are_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST", 2)
    monkeypatch.setattr("plugins.artifacts.places.PLACES", UNREAD)
    said = states(host({f"C:/Users/{n}/notes": b"" for n in "abc"}, "C"))
    assert said["C:\\USERS\\A\\NOTES"] == "not decoded"
    assert said["C:\\USERS\\*\\NOTES"] == "skipped by limit"


def test_a_place_that_cannot_be_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    system = host({}, "C")
    known = WindowsSystem.find

    def find(self: WindowsSystem, path: str) -> Item | None:
        if path.endswith("x.dat"):
            raise Unreadable("index", 4096, 512)
        return known(self, path)

    monkeypatch.setattr(WindowsSystem, "find", find)
    monkeypatch.setattr("plugins.artifacts.places.PLACES", (Place("<windows>\\x.dat", "", ""),))
    assert states(system)["C:\\WINDOWS\\X.DAT"] == "unreadable"
    (problem,) = [p for p in system.problems() if p.plugin == "places"]
    assert (problem.start, problem.length) == (4096, 512)
    assert problem.source.detail.endswith("x.dat")


def test_disks_without_windows_have_no_places() -> None:
    assert list(places(build({"C:/x": b""}))) == []


def test_an_installation_of_another_name() -> None:
    config = "C:/WINNT/System32/config"
    root = hive.Key("ROOT", AT)
    root.key("Select", AT).set(hive.dword("Current", 1))
    said = states(build({f"{config}/SYSTEM": hive.build(root), f"{config}/AppEvent.Evt": b"?"}))
    assert [state for path, state in said.items()
            if path.endswith("WINNT\\SYSTEM32\\CONFIG\\APPEVENT.EVT")] == ["not decoded"]
