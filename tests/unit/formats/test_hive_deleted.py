"""Deleted keys: a real hive's, those a test frees itself, and free space full of rubbish."""

import random
import struct
from pathlib import Path

import pytest

from analyzer import times
from analyzer.formats.hive import Hive
from analyzer.formats.hive_deleted import DeletedKey, deleted_keys
from analyzer.records import DeletedRegistryKey
from corpus.make import hive as make
from plugins.artifacts.deleted_registry_keys import deleted_registry_keys
from tests.dict_system import host

WRITTEN = times.parse_iso("2009-03-01T12:34:56Z")
SWITCH = "ControlSet001\\Services\\vmsmp\\parameters\\SwitchList"


def built() -> bytearray:
    root = make.Key("R", WRITTEN)
    root.key("Select").set(make.dword("Current", 1))
    root.key(f"{SWITCH}\\gone", WRITTEN + 9).set(make.sz("FriendlyName", "External"),
                                                make.binary("blob", bytes(range(40))))
    root.key(f"{SWITCH}\\gone\\port", WRITTEN + 10).set(make.dword("n", 7))
    root.key(f"{SWITCH}\\kept", WRITTEN)
    return bytearray(make.build(root, file_name="SYSTEM"))


def free(data: bytearray, path: str) -> int:
    """Free the cells of a key and its values as Windows does: their sizes become positive."""
    hive = Hive.open(bytes(data))
    key = hive.key(path)
    assert key is not None
    cells = [key.offset - 4] + [value.offset - 4 for value in key.values()]
    count, where = struct.unpack_from("<II", data, key.offset + 36)
    cells += [0x1000 + where] if count else []
    for cell in cells:
        struct.pack_into("<i", data, cell, abs(struct.unpack_from("<i", data, cell)[0]))
    return key.offset


def rows(data: bytes) -> list[DeletedKey]:
    return list(deleted_keys(Hive.open(data)))


@pytest.mark.realdata
def test_a_real_hive_with_deleted_data(realdata: Path) -> None:
    hive = Hive.open((realdata / "yarp" / "hives_for_tests" / "DeletedDataHive").read_bytes())
    (key,) = deleted_keys(hive)
    assert (key.path, key.lost_values) == ("456", 0)
    assert [(v.name, v.text()) for v in key.values] == [("v", "123456")]


def test_a_freed_key_and_the_one_below_it() -> None:
    data = built()
    assert rows(bytes(data)) == []
    below, gone = free(data, f"{SWITCH}\\gone\\port"), free(data, f"{SWITCH}\\gone")
    found = {key.path: key for key in rows(bytes(data))}
    assert {key.offset for key in found.values()} == {below, gone}
    top = found[f"{SWITCH}\\gone"]
    assert top.last_written_at == WRITTEN + 9
    assert {v.name: v.data for v in top.values}["blob"] == bytes(range(40))
    assert [v.integer() for v in found[f"{SWITCH}\\gone\\port"].values] == [7]


def test_a_key_whose_parent_is_gone_is_not_placed_anywhere() -> None:
    data = built()
    at = free(data, f"{SWITCH}\\gone\\port")
    struct.pack_into("<I", data, at + 16, 0x7000_0000)
    assert rows(bytes(data)) == []


def test_values_that_were_overwritten_are_counted() -> None:
    data = built()
    hive = Hive.open(bytes(data))
    key = hive.key(f"{SWITCH}\\gone")
    assert key is not None
    value = key.value("blob")
    assert value is not None
    free(data, f"{SWITCH}\\gone")
    data[value.offset:value.offset + 2] = b"xx"
    (found,) = rows(bytes(data))
    assert ([v.name for v in found.values], found.lost_values) == (["FriendlyName"], 1)


def test_rubbish_in_free_space_ends() -> None:
    data, choose = built(), random.Random(3)
    free(data, f"{SWITCH}\\gone")
    for _ in range(400):
        bad = bytearray(data)
        for _ in range(choose.randrange(1, 30)):
            at = choose.randrange(0x1020, len(bad) - 8)
            bad[at:at + 4] = choose.choice([b"nk\x20\x00", b"\xff" * 4, choose.randbytes(4)])
        try:
            hive = Hive.open(bytes(bad))
        except Exception:  # noqa: BLE001 - opening is tested elsewhere
            continue
        assert all(key.offset < len(bad) for key in deleted_keys(hive))


def test_a_loop_of_parents_ends() -> None:
    data = built()
    below, gone = free(data, f"{SWITCH}\\gone\\port"), free(data, f"{SWITCH}\\gone")
    struct.pack_into("<I", data, gone + 16, below - 0x1004)
    assert rows(bytes(data)) == []


def test_deleted_registry_keys_of_a_system() -> None:
    data = built()
    free(data, f"{SWITCH}\\gone")
    system = host({"C:/Windows/System32/config/SYSTEM": bytes(data)})
    (row,) = deleted_registry_keys(system)
    assert isinstance(row, DeletedRegistryKey)
    assert (row.hive, row.key, row.written_at) == ("SYSTEM", f"{SWITCH}\\gone", WRITTEN + 9)
    assert "FriendlyName (REG_SZ) = External" in row.values
    assert f"blob (REG_BINARY) = {bytes(range(40)).hex()}" in row.values
    assert row.source.path.endswith("/Windows/System32/config/SYSTEM")
