"""Transaction logs of hives: Windows' own recovery, what the writer changed, and damage."""

import lzma
import random
import struct
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Unreadable
from analyzer.formats.hive import Hive
from analyzer.formats.hive_log import Log, Recovered, is_dirty, marvin32, replay
from corpus.make import hive as make
from corpus.make import hive_log
from tests.dict_system import host

WRITTEN = times.parse_iso("2012-05-06T07:08:09Z")


def tree(count: int) -> bytes:
    """A hive with `count` services; every number takes pages of its own."""
    root = make.Key("R", WRITTEN)
    root.key("Select").set(make.dword("Current", 1))
    for number in range(count):
        root.key(f"ControlSet001\\Services\\s{number:03}").set(
            make.binary("data", bytes([number]) * 900), make.dword("Start", number))
    return make.build(root, file_name="SYSTEM")


BEFORE, AFTER = hive_log.dirty(tree(8), 5), hive_log.sealed(bytearray(tree(24)))


def services(data: bytes) -> set[str]:
    hive = Hive.open(data)
    key = hive.key("ControlSet001\\Services")
    assert key is not None
    return {sub.name for sub in key.subkeys()}


def said(found: Recovered) -> str:
    return "; ".join(notice.what for notice in found.notices)


def count(data: bytes) -> tuple[int, int]:
    """Keys and values of a whole hive."""
    keys, values = 0, 0
    stack = [Hive.open(data).root]
    while stack:
        key = stack.pop()
        keys, values = keys + 1, values + sum(1 for _ in key.values())
        stack += key.subkeys()
    return keys, values


@pytest.mark.realdata
def test_a_hive_recovered_by_windows_10(realdata: Path) -> None:
    folder = realdata / "yarp" / "hives_for_tests" / "NewDirtyHive1"
    logs = [Log(f"LOG{n}", (folder / f"NewDirtyHive.LOG{n}").read_bytes()) for n in (1, 2)]
    windows = (folder / "RecoveredHive_Windows10").read_bytes()
    found = replay((folder / "NewDirtyHive").read_bytes(), logs)
    assert found.data[4096:] == windows[4096:]
    assert not is_dirty(found.data)
    assert replay((folder / "NewDirtyHive").read_bytes(), logs[::-1]).data == found.data


@pytest.mark.realdata
def test_a_large_dirty_hive(realdata: Path) -> None:
    """Counts: README of the data folder before, yarp's own recovery after (ECOSYSTEM 3.2)."""
    folder = realdata / "regipy" / "regipy_tests" / "data"
    hive = lzma.decompress((folder / "SYSTEM_B.xz").read_bytes())
    logs = [Log(name, lzma.decompress((folder / f"{name}.xz").read_bytes()))
            for name in ("SYSTEM_B.LOG1", "SYSTEM_B.LOG2")]
    found = replay(hive, logs)
    assert len(found.pages) == 315
    assert (count(hive), count(found.data)) == ((33123, 74957), (35595, 78901))
    assert not is_dirty(found.data)


@pytest.mark.realdata
def test_a_clean_hive_is_left_alone(realdata: Path) -> None:
    hive = (realdata / "yarp" / "hives_for_tests" / "BigDataHive").read_bytes()
    assert replay(hive, []) == Recovered(hive, (), ())


def test_the_hash_against_the_writers() -> None:
    data = random.Random(7).randbytes(200)
    for length in range(200):
        assert marvin32(data[:length]) == hive_log.marvin(data[:length])


def test_a_new_log_gives_what_came_after() -> None:
    found = replay(BEFORE, [Log("SYSTEM.LOG1", hive_log.new_log(BEFORE, AFTER, 5))])
    assert services(BEFORE) == {f"s{n:03}" for n in range(8)}
    assert services(found.data) == {f"s{n:03}" for n in range(24)}
    assert found.data[4096:] == AFTER[4096:]
    assert "SYSTEM.LOG1" in said(found)
    assert "applied in memory" in said(found)


def test_entries_go_on_in_the_second_log() -> None:
    whole = hive_log.new_log(BEFORE, AFTER, 5)
    places = [at for at in range(512, len(whole), 512) if whole[at:at + 4] == b"HvLE"]
    first, second = whole[:places[2]], whole[:512] + whole[places[2]:]
    for logs in ([Log("a", first), Log("b", second)], [Log("b", second), Log("a", first)]):
        assert replay(BEFORE, logs).data[4096:] == AFTER[4096:]


def test_the_second_log_alone_is_not_applied_where_the_first_cannot_be_read() -> None:
    whole = hive_log.new_log(BEFORE, AFTER, 5)
    places = [at for at in range(512, len(whole), 512) if whole[at:at + 4] == b"HvLE"]
    first, second = Log("a", whole[:places[2]]), Log("b", whole[:512] + whole[places[2]:])
    assert replay(BEFORE, [second], lacks_one=True).data == BEFORE
    assert "between" in said(replay(BEFORE, [second], lacks_one=True))
    spoilt = Log("a", b"regf" + bytes(len(first.data)))
    assert replay(BEFORE, [spoilt, second]).data == BEFORE
    alone = replay(BEFORE, [first], lacks_one=True)
    assert alone.pages
    assert "may not fit" in alone.notices[0].effect
    assert replay(BEFORE, [second]).pages  # as Windows does, and as real hives have it


def test_entries_that_are_older_or_not_the_next_are_left_out() -> None:
    whole = hive_log.new_log(BEFORE, AFTER, 3, pages_in_entry=1)
    found = replay(BEFORE, [Log("LOG1", whole)])  # 3 and 4 were applied before
    assert found.pages[0] != (4096, 4096)
    places = [at for at in range(512, len(whole), 512) if whole[at:at + 4] == b"HvLE"]
    gap = whole[:places[5]] + whole[places[6]:]
    assert len(replay(BEFORE, [Log("LOG1", gap)]).pages) == 3  # 5, 6, 7, and 8 is missing
    assert "no log goes on" in said(replay(BEFORE, [Log("LOG1", whole[:places[2]])]))


def test_an_old_log_gives_what_came_after() -> None:
    found = replay(BEFORE, [Log("SYSTEM.LOG", b""), Log("SYSTEM.LOG1", hive_log.old_log(
        BEFORE, AFTER))])
    assert found.data[4096:] == AFTER[4096:]
    assert not is_dirty(found.data)
    assert services(found.data) == {f"s{n:03}" for n in range(24)}


def test_old_logs_of_another_time_or_cut_are_not_applied() -> None:
    log = hive_log.old_log(BEFORE, AFTER)
    other = bytearray(log)
    struct.pack_into("<Q", other, 12, WRITTEN + 10_000_000)
    assert "written at another time" in said(replay(BEFORE, [Log("L", hive_log.sealed(other))]))
    assert "it is cut" in said(replay(BEFORE, [Log("L", log[:-512])]))
    half = bytearray(log)
    struct.pack_into("<I", half, 4, 99)
    assert "not written to the end itself" in said(
        replay(BEFORE, [Log("L", hive_log.sealed(half))]))
    assert replay(BEFORE, [Log("L", log[:-512])]).data == BEFORE


@pytest.mark.parametrize("make_log", [hive_log.old_log, lambda b, a: hive_log.new_log(b, a, 5)])
def test_a_broken_base_block_comes_out_of_the_log(make_log: object) -> None:
    assert callable(make_log)
    broken = b"\xee" * 40 + BEFORE[40:]
    found = replay(broken, [Log("LOG1", make_log(BEFORE, AFTER))])
    assert services(found.data) == {f"s{n:03}" for n in range(24)}


def test_no_damage_gives_a_half_applied_page() -> None:
    """Each page of the result is the one before or the one after; nothing raises."""
    choose = random.Random(11)
    for log in (hive_log.new_log(BEFORE, AFTER, 5), hive_log.new_log(BEFORE, AFTER, 5, 1)):
        for _ in range(300):
            bad = bytearray(log[:choose.randrange(len(log))] if choose.random() < 0.3 else log)
            for _ in range(choose.randrange(1, 4)):
                at = choose.randrange(len(bad)) if bad else 0
                bad[at:at + 4] = choose.randbytes(len(bad[at:at + 4]))
            found = replay(BEFORE, [Log("LOG1", bytes(bad))])
            for at in range(4096, len(found.data), 4096):
                page = found.data[at:at + 4096]
                assert page in (AFTER[at:at + 4096], BEFORE[at:at + 4096], bytes(4096))
            assert found.notices


def test_what_a_log_claims_is_bounded() -> None:
    log = bytearray(hive_log.new_log(BEFORE, AFTER, 5))
    for at, value in ((516, 0), (516, 0xFFFFFE00), (528, 0xFFFFF000), (532, 0xFFFFFFFF)):
        bad = bytearray(log)
        struct.pack_into("<I", bad, at, value)
        assert replay(BEFORE, [Log("LOG1", bytes(bad))]).data == BEFORE
    old = bytearray(hive_log.old_log(BEFORE, AFTER))
    struct.pack_into("<I", old, 40, 0xFFFFF000)
    assert replay(BEFORE, [Log("L", hive_log.sealed(old))]).data == BEFORE


def test_a_system_reads_its_hive_with_the_log() -> None:
    system = host({"C:/Windows/System32/config/SYSTEM": BEFORE,
                   "C:/Windows/System32/config/SYSTEM.LOG1": hive_log.new_log(BEFORE, AFTER, 5)})
    assert system.registry.integer("SYSTEM", "ControlSet001\\Services\\s020", "Start") == 20
    assert [p.code for p in system.problems()].count("HIVE-LOG") == 1
    assert {row.state for row in system.coverage() if row.place.endswith("SYSTEM")} == {"read"}


def test_a_log_that_cannot_be_read_is_not_passed_over() -> None:
    whole = hive_log.new_log(BEFORE, AFTER, 5)
    places = [at for at in range(512, len(whole), 512) if whole[at:at + 4] == b"HvLE"]
    system = host({"C:/Windows/System32/config/SYSTEM": BEFORE,
                   "C:/Windows/System32/config/SYSTEM.LOG1": Unreadable("bad sector", 0, 512),
                   "C:/Windows/System32/config/SYSTEM.LOG2": whole[:512] + whole[places[2]:]})
    assert system.registry.integer("SYSTEM", "ControlSet001\\Services\\s002", "Start") == 2
    assert system.registry.has_key("SYSTEM", "ControlSet001\\Services\\s020") is False
    assert {p.code for p in system.problems()} >= {"UNREADABLE", "HIVE-LOG", "HIVE-DIRTY"}


def test_a_system_whose_log_does_not_fit_says_both() -> None:
    system = host({"C:/Windows/System32/config/SYSTEM": BEFORE,
                   "C:/Windows/System32/config/SYSTEM.LOG1": b"regf" + bytes(600)})
    assert system.registry.integer("SYSTEM", "ControlSet001\\Services\\s002", "Start") == 2
    assert {p.code for p in system.problems()} >= {"HIVE-LOG", "HIVE-DIRTY"}
    assert {row.state for row in system.coverage() if row.place.endswith("SYSTEM")} == {"partial"}
