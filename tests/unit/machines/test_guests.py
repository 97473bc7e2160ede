"""Guests whose disks fail: one of them, all of them, or while they are read."""

import struct
from dataclasses import replace

import pytest

from analyzer.errors import EvidenceError
from analyzer.machines import guest_states, open_guest
from analyzer.machines.guests import GuestState, LayerFile
from analyzer.system import WindowsSystem
from corpus.make import vhd, vm_xml
from tests.dict_system import Content, host
from tests.unit.machines.test_inventory import IDS, REGISTER, VM, disks, machine


def one_guest(files: dict[str, Content]) -> tuple[WindowsSystem, GuestState]:
    """A machine on D:\\a.avhd, now."""
    system = host({f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(
        machine(disk="D:\\a.avhd")), **disks(), **files}, "C", "D")
    return system, guest_states(system)[0]


def test_a_disk_that_cannot_be_opened_costs_that_disk() -> None:
    system, state = one_guest({})
    broken = system.find("D:\\broken.vhd")
    assert broken is not None
    lost = (LayerFile(broken.volume.source.address, broken.entry.inode, broken.path),)
    (guest,) = open_guest(system, replace(state, disks=(lost, *state.disks)))
    assert [medium.source.path for medium in guest.media] == ["/p2/a.avhd"]
    assert [(p.code, p.source.path, p.vm_id) for p in guest.problems()] == [
        ("OTHER-FORMAT", "/p2/broken.vhd", VM)]
    with pytest.raises(EvidenceError):
        open_guest(system, replace(state, disks=(lost,)))


def test_what_a_layer_meets_while_it_is_read_is_said_of_its_file() -> None:
    whole = vhd.differencing(
        bytes(4096), [True] * 8, unique_id=IDS[1], created=5, parent_id=IDS[0],
        parent_name="C:\\base.vhd", block_size=4096)
    table = struct.unpack_from(">Q", whole, 512 + 16)[0]
    bitmap = struct.unpack_from(">I", whole, table)[0] * 512
    empty = whole[:bitmap] + bytes(512) + whole[bitmap + 512:]
    system, state = one_guest({"D:/a.avhd": empty})
    (guest,) = open_guest(system, state)
    assert guest.media[0].blocks.read_at(0, 4096) == bytes([1]) * 4096  # the parent's
    assert [(p.code, p.source.path, p.start) for p in guest.problems()] == [
        ("VHD-BITMAP", "/p2/a.avhd", bitmap)]
