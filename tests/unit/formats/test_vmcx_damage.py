"""Damaged VMCX: untouched keys are kept, nothing is invented, nothing is lost in silence."""

import random
import struct
import tracemalloc
import zlib
from itertools import product
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.errors import EvidenceError
from analyzer.formats import vmcx
from corpus.make import vm_xml
from corpus.make import vmcx as make
from tests.unit.formats.vmcx_mutants import PAGE, Mutant, Tally, Whole, mutants, weigh

VM = "11111111-AAAA-4000-8000-000000000001"
REAL = ("dissect.hypervisor/descriptor/hyperv/test.vmcx",
        "dissect.target/hyperv/993F7B33-6057-4D1E-A1FE-A1A1D77BE974.vmcx")
SEED = 20261127


def written() -> bytes:
    machine = vm_xml.Machine(VM, "web", 131_000_000_000_000_000, version=0x0900, bios_guid=VM,
                             drives=(vm_xml.Drive("ide", 0, 0, "VHD", "D:\\a.vhdx"),),
                             nics=(vm_xml.Nic(VM, "LAN", "00-15-5D-01-07-DC"),))
    keys = make.from_settings(vm_xml.settings_of(machine))
    former = make.from_settings(vm_xml.settings_of(vm_xml.Machine(VM, "old name", 1)))
    return make.build(keys, stale=[(4, former)], free=(3, former))


def _weigh_all(data: bytes, count: int) -> None:
    """Moved pages and bytes can put an old table in the place of a live one; nothing else can.

    That too must be said.
    """
    whole, moved, tally = Whole.of(data), Tally(), Tally()
    for mutant in mutants(whole, count, SEED):
        weigh(whole, mutant, moved if "swapped" in mutant.what or "out" in mutant.what else tally)
    assert tally.untouched > count * 10
    assert tally.kept >= 0.95 * tally.untouched, tally
    assert tally.in_place >= 0.95 * tally.untouched, tally
    assert (tally.invented, tally.outdated, tally.silent) == (0, 0, 0), tally
    assert moved.kept >= 0.95 * moved.untouched, moved
    assert (moved.invented, moved.silent) == (0, 0), moved


def test_mutants_of_a_written_file() -> None:
    _weigh_all(written(), 120)


@pytest.mark.slow
def test_a_thousand_mutants_of_a_written_file() -> None:
    _weigh_all(written(), 1000)


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_mutants_of_real_files(realdata: Path, name: str) -> None:
    _weigh_all((realdata / name).read_bytes(), 60)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_a_thousand_mutants_of_real_files(realdata: Path, name: str) -> None:
    _weigh_all((realdata / name).read_bytes(), 1000)


def _moved(data: bytes, to: int, of: int, *, swap: bool) -> bytes:
    """`data` with page `of` over page `to`; `swap` puts that one in its place."""
    out = bytearray(data)
    out[to * PAGE:(to + 1) * PAGE] = data[of * PAGE:(of + 1) * PAGE]
    if swap:
        out[of * PAGE:(of + 1) * PAGE] = data[to * PAGE:(to + 1) * PAGE]
    return bytes(out)


@pytest.mark.realdata
@pytest.mark.parametrize("page", [0xB, 0xC, 0xD])
def test_a_real_table_that_another_one_displaced_is_said(realdata: Path, page: int) -> None:
    """No key of table 8, the last one, holds others, so that none asks for it."""
    data = (realdata / REAL[0]).read_bytes()
    file = vmcx.open_vmcx(Memory(_moved(data, 0x13, page, swap=True)))
    assert len(file.settings) == 292
    assert [(notice.code, notice.start) for notice in file.notices] == [("VMCX-TABLE", 0x13000)]
    assert file.partial


def _numbers(count: int, first: int = 0) -> list[make.Key]:
    """Two tables of keys, the first with their container, from 90 keys on."""
    return [("configuration", [(f"k{number:03}", first + number) for number in range(count)])]


def test_only_an_older_state_of_the_same_keys_takes_a_place_unsaid() -> None:
    """Copied, not swapped: the newer state is nowhere in the file, and nothing tells of it."""
    data = make.build(_numbers(120), stale=[(5, _numbers(120, 1000))], free=(3, _numbers(60)))
    log = struct.unpack_from("<Q", data, 26)[0] // PAGE
    truth = [leaf.value for leaf in vmcx.open_vmcx(Memory(data)).settings]
    unsaid = set()
    for to, of, swap in product((2, 3, 4), range(len(data) // PAGE), (False, True)):
        try:
            file = vmcx.open_vmcx(Memory(_moved(data, to, of, swap=swap)))
        except EvidenceError:
            continue
        if not file.notices and [leaf.value for leaf in file.settings] != truth:
            unsaid.add((to, of, swap))
    assert unsaid == {(3, log + 1, False), (4, log + 2, False)}


@pytest.mark.parametrize(("to", "what", "partial"), [
    (3, "are older than keys that they hold", True), (4, "count newer keys than there are", False)])
def test_a_table_of_another_time_shows_by_the_numbers_of_its_keys(to: int, what: str,
                                                                  partial: bool) -> None:
    """That the newest keys are gone may also be because they were deleted."""
    data = make.build(_numbers(120), stale=[(5, _numbers(110))])
    log = struct.unpack_from("<Q", data, 26)[0] // PAGE
    file = vmcx.open_vmcx(Memory(_moved(data, to, log + to - 2, swap=False)))
    assert [(notice.code, notice.what) for notice in file.notices] == [
        ("VMCX-NODE", f"1 containers (the first: 'configuration') {what}")]
    assert file.partial == partial


def test_a_table_whose_newer_state_lies_in_the_log_is_called_outdated() -> None:
    data = make.build(_numbers(120), stale=[(5, _numbers(120, 1000))])
    log = struct.unpack_from("<Q", data, 26)[0] // PAGE
    file = vmcx.open_vmcx(Memory(_moved(data, 3, log + 1, swap=True)))
    newer = f"one of its index at {(log + 1) * PAGE:#x} the newer 9"
    assert [(notice.code, notice.start, notice.what) for notice in file.notices] == [
        ("VMCX-TABLE", 0x3000, f"key table 1 has sequence 5, and {newer}")]
    assert file.partial


@pytest.mark.parametrize("pages", [(0,), (1,), (0, 1), (2,), (0, 1, 2)],
                         ids=lambda pages: "-".join(map(str, pages)))
def test_headers_and_object_table_can_be_lost(pages: tuple[int, ...]) -> None:
    """The keys stand in the key tables, which are found by what they hold."""
    whole, data = Whole.of(make.build([("configuration", [
        ("properties", [("name", "x")]),
        ("settings", [(f"k{number}", number) for number in range(400)])])])), bytearray()
    data += whole.data
    for page in pages:
        data[page * PAGE + 4:(page + 1) * PAGE] = bytes(PAGE - 4)
    tally = Tally()
    weigh(whole, Mutant("", bytes(data), ()), tally)
    assert (tally.kept, tally.invented, tally.silent) == (401, 0, 0)
    assert tally.in_place == 401


def test_a_table_without_its_head_is_read() -> None:
    whole = Whole.of(written())
    data = bytearray(whole.data)
    data[3 * PAGE:3 * PAGE + 10] = bytes(10)
    tally = Tally()
    weigh(whole, Mutant("", bytes(data), ()), tally)
    assert (tally.kept, tally.in_place, tally.invented) == (len(whole.leaves),) * 2 + (0,)


@pytest.mark.parametrize("change", range(1, 256, 50))
def test_a_container_with_one_wrong_byte_is_repaired_and_that_is_said(change: int) -> None:
    keys: list[make.Key] = [("configuration", [("devices", [("a", 1), ("b", 2)])])]
    clean = make.build(keys)
    at = clean.index(b"devices\0") - 21
    for byte in range(21 + 8 + 12):
        data = bytearray(clean)
        data[at + byte] ^= change
        file = vmcx.open_vmcx(Memory(bytes(data)))
        assert [leaf.key for leaf in file.settings] == [
            "configuration/devices/a", "configuration/devices/b"], byte
        assert file.partial
        assert "VMCX-NODE" in [notice.code for notice in file.notices]


def test_a_lost_container_leaves_its_keys_apart() -> None:
    keys: list[make.Key] = [("configuration", [("mine", [("a", 1), ("b", 2)])])]
    data = bytearray(make.build(keys))
    at = data.index(b"mine\0")
    data[at - 21:at + 17] = bytes(38)
    file = vmcx.open_vmcx(Memory(bytes(data)))
    assert [(leaf.key.rpartition("/")[2], leaf.value) for leaf in file.settings] == [
        ("a", 1), ("b", 2)]
    assert all(leaf.key.startswith("_lost_1_0x") for leaf in file.settings)


def test_a_lost_container_takes_its_name_from_an_older_copy() -> None:
    keys: list[make.Key] = [("configuration", [("mine", [("a", 1), ("b", 2)])])]
    data = bytearray(make.build(keys, stale=[(3, keys)]))
    at = data.index(b"mine\0")
    data[at - 21:at + 17] = bytes(38)
    file = vmcx.open_vmcx(Memory(bytes(data)))
    assert [leaf.key for leaf in file.settings] == ["configuration/mine/a", "configuration/mine/b"]


def test_the_boot_order_of_a_damaged_file_is_whole_or_none() -> None:
    clean = written()
    order = vmcx.parse(Memory(clean)).boot_order
    assert len(order) == 4
    for name, expected in ((b"notes\0", order), (b"device2\0", ())):
        data = bytearray(clean)
        at = data.index(name)
        data[at:at + 4] = bytes(4)
        got = vmcx.parse(Memory(bytes(data)))
        assert (got.partial, got.boot_order) == (True, expected)


def test_near_misses_everywhere_end_in_bounded_time() -> None:
    """Every byte looks as if a key began there whose sum is a page long."""
    near = struct.pack("<BBIHIIIB", 7, 0, 4000, 1, 10, 0, 0, 1) + b"\0" + struct.pack("<I", 3900)
    table = b"\2\0" + (near * 200)[:PAGE - 2]
    data = bytearray(make.build([("configuration", [("a", 1)])]))
    count = 226
    slots = b""
    for number in range(count):
        slot = struct.pack("<BIQIB", 2, 0, len(data) + number * PAGE, PAGE, 1)
        slots += slot[:1] + zlib.crc32(slot).to_bytes(4, "little") + slot[5:]
    data[8192 + 8 + 18:8192 + 8 + 18 + len(slots)] = slots
    file = vmcx.open_vmcx(Memory(bytes(data) + table * count))
    assert [leaf.value for leaf in file.settings] == [1]
    assert file.partial


def test_a_log_whose_entries_all_name_the_same_bytes_ends_in_bounded_time_and_memory() -> None:
    data = bytearray(make.build([("configuration", [("a", 1)])]))
    log = struct.unpack_from("<Q", data, 26)[0]
    size = 16 << 20
    del data[log:]
    body = bytes(size)
    head = struct.pack("<IIIBIBQII", 0x01110003, 0, 100_000, 0, 100_000, 0, 0, 0, 0)
    head = head[:4] + zlib.crc32(head).to_bytes(4, "little") + head[8:]
    entry = struct.pack("<QIQII", 1 << 20, size, 4 << 20, 0, zlib.crc32(body))
    entry = entry[:20] + zlib.crc32(entry).to_bytes(4, "little") + entry[24:]
    for copy in (0, PAGE):
        struct.pack_into("<Q", data, copy + 34, len(body) + (4 << 20))
        data[copy + 4:copy + 8] = bytes(4)
        crc = zlib.crc32(bytes(data[copy:copy + 46]))
        data[copy + 4:copy + 8] = crc.to_bytes(4, "little")
    whole = bytes(data) + (head + entry * 100_000).ljust(4 << 20, b"\0") + body
    tracemalloc.start()
    file = vmcx.open_vmcx(Memory(whole))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [leaf.value for leaf in file.settings] == [1]
    assert "damaged and were not" in file.notices[0].effect
    assert peak < 300 << 20


def test_random_bytes_behind_the_signature_never_escape() -> None:
    rng = random.Random(SEED)
    for _ in range(60):
        data = bytearray(rng.randbytes(rng.randrange(4, 60000)))
        data[:4] = vmcx.MAGIC
        with pytest.raises(EvidenceError):
            vmcx.open_vmcx(Memory(bytes(data)))
