"""Machines whose disks are VHDX: found by content, linked by DataWriteGuid, opened as guests."""

import uuid

from analyzer.machines import guest_states, inventory, open_guest
from corpus.make import vhd, vhdx, vhdx_log, vm_xml
from tests.dict_system import Content, host
from tests.unit.machines.test_inventory import REGISTER, VM, machine

MIB = 1 << 20
IDS = [uuid.UUID(int=n) for n in range(0x50, 0x58)]


def style(number: int) -> vhdx.Style:
    return vhdx.Style(block_size=MIB, data_write_id=IDS[number])


def child(number: int, parent: int, path: str) -> bytes:
    return vhdx.differencing(bytes([number + 1]) * MIB, [i % 2 == number % 2 for i in range(2048)],
                             IDS[parent], [("absolute_win32_path", f"\\\\?\\{path}")],
                             style(number))


def files() -> dict[str, Content]:
    """A machine on a chain of three, one of them never closed; its name says nothing."""
    base = vhdx.dynamic(b"\1" * MIB, style(0))
    at = vhdx.bat_at(style(0))
    entry = vhdx_log.Entry(writes=[vhdx_log.Write(at, base[at:at + 4096])], sequence=4)
    dirty = vhdx_log.with_log(base[:at] + bytes(4096) + base[at + 4096:], [entry],
                              uuid.UUID(int=5), style(0))
    return {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(disk="D:\\b.avhdx")),
        "D:/base of all": dirty, "D:/a.avhdx": child(1, 0, "D:\\base of all"),
        "D:/b.avhdx": child(2, 1, "D:\\a.avhdx"),
        "D:/impostor.vhd": vhd.fixed(bytes(4096), unique_id=IDS[1].bytes, created=1)}


def test_the_guest_of_a_chain() -> None:
    system = host(files(), "C", "D")
    (only,) = inventory(system).machines
    (drive,) = (drive for drive in only.drives if drive.path)
    assert drive.chain is not None
    assert [f.path for f in drive.chain.files] == ["D:\\b.avhdx", "D:\\a.avhdx", "D:\\base of all"]
    assert drive.chain.whole_verdict == "D:\\base of all: log replayed"
    assert [n.code for n in drive.chain.notices] == []
    states = guest_states(system)
    (guest,) = open_guest(system, states[0])
    found = guest.media[0].blocks.read_at(0, 4096)
    assert [found[i * 512] for i in range(8)] == [3, 2, 3, 2, 3, 2, 3, 2]
    assert "VHDX-LOG" in {p.code for p in system.problems()}


def test_a_parent_that_was_changed_is_said_and_not_attached() -> None:
    content = files() | {"D:/a.avhdx": child(3, 0, "D:\\base of all")}
    system = host(content, "C", "D")
    (only,) = inventory(system).machines
    (drive,) = (drive for drive in only.drives if drive.path)
    assert drive.chain is not None
    assert drive.chain.broken == "wrong parent (DataWriteGuid)"
    assert "VHDX-PARENTID" in {n.code for n in drive.chain.notices}
