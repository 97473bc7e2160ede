"""What the model takes from configurations of later versions: firmware, memory, features."""

import base64
import random
import struct
from uuid import UUID

import pytest

from analyzer import times
from analyzer.errors import Corrupt
from analyzer.formats import efi_load_option, port_features, vm_guids
from analyzer.formats.vm_firmware import BIOS
from analyzer.formats.vm_xml import VmConfiguration, parse

VENDOR = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
CHANNEL = UUID("11111111-2222-3333-4444-555555555555")
NETWORK = UUID("f8615163-df3e-46c5-913f-f2d2f965ed0e")
DISK = UUID("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f")
VMBUS = UUID("9b17e5a2-0891-42dd-b653-80b5c22809ba")
"""Its bytes begin a2 e5 17 9b."""
PAGING, INCLUDED = "D:\\paging", "D:\\a.vhdx"


def node(kind: int, subtype: int, body: bytes) -> bytes:
    return struct.pack("<BBH", kind, subtype, 4 + len(body)) + body


def channel(kind: UUID) -> bytes:
    return node(1, 4, VMBUS.bytes_le + kind.bytes_le + CHANNEL.bytes_le)


def option(name: str, path: bytes, attributes: int = 1) -> bytes:
    path += node(0x7F, 0xFF, b"")
    return struct.pack("<IH", attributes, len(path)) + name.encode("utf-16-le") + b"\0\0" + path


BOOT = {
    3: option("EFI Network", channel(NETWORK) + node(3, 11, bytes(range(32)) + b"\1")),
    0: option("EFI SCSI Device", channel(DISK) + node(3, 2, struct.pack("<HH", 0, 5))),
    1: option("Windows Boot Manager", node(4, 1, struct.pack("<IQQ", 2, 2048, 9)
              + CHANNEL.bytes_le + b"\2\2") + node(4, 4, "\\EFI\\x.efi\0".encode("utf-16-le")), 0),
}


def leaf(name: str, value: bytes | int | str) -> str:
    if isinstance(value, bytes):
        return f'<{name} type="bytes">{base64.b64encode(value).decode()}</{name}>'
    kind = "integer" if isinstance(value, int) else \
        "bool" if value in ("True", "False") else "string"
    return f'<{name} type="{kind}">{value}</{name}>'


def generation_2(extra: str = "", order: tuple[int, ...] = (1, 3), stamp: bytes = b"") -> str:
    variables = "".join(f"<_{VENDOR}Boot{number:04X}>{leaf('data', data)}"
                        f"</_{VENDOR}Boot{number:04X}>" for number, data in BOOT.items())
    listed = leaf("data", struct.pack(f"<{len(order)}H", *order))
    variables += f"<_{VENDOR}BootOrder>{listed}</_{VENDOR}BootOrder>"
    nic = "".join((leaf("ChannelInstanceGuid", f"{{{CHANNEL}}}"),
                   leaf("MacAddress", "00-15-5D-01-02-03"), leaf("FriendlyName", "LAN")))
    instance = "_aaaaaaaa-0000-4000-8000-000000000001_"
    return (f"<{BIOS}>{leaf('secure_boot_enabled', 'True')}"
            f"{leaf('secure_boot_template_id', '1734C6E8-3154-4DDA-BA5F-A874CC483422')}<nvram>"
            f"{variables}{leaf('last_update_time', stamp)}</nvram></{BIOS}>"
            f"<{instance}>{nic}</{instance}>{extra}")


def configuration(body: str) -> VmConfiguration:
    return parse(f"<configuration>{body}</configuration>".encode())


def systemtime(*fields: int) -> bytes:
    return struct.pack("<8H", *fields)


STAMP = systemtime(2023, 2, 5, 17, 11, 26, 35, 192)
"""The one of a real file (FIELD-GUIDE 0.7), a Friday."""


def test_boot_entries_lead_to_the_adapter_and_the_controller() -> None:
    firmware = configuration(generation_2(stamp=STAMP)).firmware
    assert [(e.number, e.position, e.option.description, e.option.device, e.option.is_active)
            for e in firmware.entries] == [
        (1, 0, "Windows Boot Manager", "", False), (3, 1, "EFI Network", "network", True),
        (0, None, "EFI SCSI Device", "SCSI", True)]
    manager, network, disk = (e.option for e in firmware.entries)
    assert (manager.file_path, manager.target) == (
        "\\EFI\\x.efi", f"partition 2 of id {str(CHANNEL).upper()}")
    assert (network.channel_id, network.target) == (str(CHANNEL).upper(), "MAC 00-01-02-03-04-05")
    assert disk.target == "SCSI 0,5"
    assert (firmware.secure_boot, firmware.secure_boot_template) == (
        True, "1734C6E8-3154-4DDA-BA5F-A874CC483422")
    assert times.iso(firmware.updated_at) == "2023-02-17T11:26:35.1920000Z"


@pytest.mark.parametrize("stamp", [
    systemtime(2023, 2, 4, 17, 11, 26, 35, 192), systemtime(2023, 13, 5, 17, 0, 0, 0, 0),
    systemtime(2023, 2, 5, 17, 11, 26, 35, 1000), STAMP[:15], b"\xff" * 16,
    systemtime(1601, 1, 1, 1, 0, 0, 0, 0), systemtime(1601, 1, 2, 2, 0, 0, 0, 0),
    systemtime(9999, 12, 5, 31, 0, 0, 0, 0)])
def test_what_is_no_systemtime_is_said(stamp: bytes) -> None:
    got = configuration(generation_2(stamp=stamp))
    assert got.firmware.updated_at is None
    assert [n.code for n in got.notices] == ["XML-VALUE"]
    zero = configuration(generation_2(stamp=bytes(16)))
    assert (zero.firmware.updated_at, [n.code for n in zero.notices]) == (None, ["TIME-NEVER"])


def test_a_load_option_cut_or_changed_anywhere_is_read_or_refused() -> None:
    dice = random.Random(7)
    for data in BOOT.values():
        for cut in range(len(data)):
            with pytest.raises(Corrupt):
                efi_load_option.parse(data[:cut])
        for _ in range(500):
            bad = bytearray(data)
            bad[dice.randrange(len(bad))] = dice.randrange(256)
            try:
                got = efi_load_option.parse(bytes(bad))
            except Corrupt:
                continue
            assert len(got.target) < 4 * len(data)


def test_a_bad_load_option_costs_itself() -> None:
    body = generation_2().replace(base64.b64encode(BOOT[3]).decode(), "AAAA")
    got = configuration(body)
    assert [e.number for e in got.firmware.entries] == [1, 0]
    (notice,) = got.notices
    assert f"nvram/_{VENDOR}Boot0003" in notice.what


def test_memory_processors_and_global_settings() -> None:
    sizes: dict[str, int | str] = {
        "dynamic_memory_enabled": "True", "size": 1024, "reservation": 512, "limit": 4096,
        "priority": 7000, "target_memory_buffer": 25}
    bank = "".join(leaf(name, value) for name, value in sizes.items())
    counts = "".join(leaf(name, value) for name, value in {
        "count": 4, "limit": 50000, "reservation": 1000, "weight": 200}.items())
    got = configuration(
        f"<settings><memory><bank>{bank}</bank></memory><processors>{counts}<vnuma>"
        f"<count_per_node>{leaf('max', 8)}</count_per_node></vnuma></processors><topology>"
        f"{leaf('low_mmio_gap_mb', 128)}</topology></settings><global_settings>"
        f"{leaf('slp_data_root', PAGING)}{leaf('disk_merge_pending', 'True')}<replication>"
        f"<settings><included_disks>{leaf('disk001', INCLUDED)}</included_disks>"
        f"{leaf('recovery_server', 'HV2')}</settings></replication><unexpected_termination>"
        f"{leaf('action', 1)}</unexpected_termination></global_settings>"
        f"<properties>{leaf('highly_available', 'True')}</properties><security><keys>"
        f"{leaf('key_protector', bytes(9))}</keys><settings>{leaf('tpm_enabled', 'True')}"
        "</settings></security>")
    memory, processors = got.memory, got.processors
    assert (memory.size_mb, memory.minimum_mb, memory.maximum_mb, memory.weight,
            memory.buffer_percent, memory.is_dynamic, memory.low_mmio_mb) == (
        1024, 512, 4096, 7000, 25, True, 128)
    assert (processors.count, processors.limit, processors.reservation, processors.weight,
            processors.per_numa_node, processors.numa_nodes_per_socket) == (
        4, 50000, 1000, 200, 8, None)
    assert (got.host.smart_paging_root, got.disk_merge_pending, got.host.highly_available) == (
        "D:\\paging", True, True)
    assert (got.host.replication, got.host.crash_action) == (
        "settings/included_disks/disk001=D:\\a.vhdx; settings/recovery_server=HV2", "unknown (1)")
    assert got.host.security == "keys/key_protector=9 bytes; settings/tpm_enabled=True"


def test_features_of_a_port_are_bytes_unless_their_layout_is_known() -> None:
    vlan, setting = "952c5004-4465-451c-8cb8-fa9ab382b773", "50D7CB38-1C3E-4B1B-86D5-831734003B01"
    body = "".join(
        f"<Feature_{guid}><Setting_{setting}>{leaf('Version', 256)}{leaf('Data', data)}"
        f"</Setting_{setting}></Feature_{guid}>"
        for guid, data in ((vlan, b"\1\2"), (port_features.OFFLOAD, b"\1"), (str(CHANNEL), b"\3")))
    extra = f"<_{CHANNEL}_>{leaf('MacAddress', '')}<Connection>{body}</Connection></_{CHANNEL}_>"
    (adapter,) = configuration(extra).adapters
    assert [(f.name, f.data, f.meaning, f.version) for f in adapter.features] == [
        ("VLAN", b"\1\2", "", 256), ("offload", b"\1", "", 256), ("", b"\3", "", 256)]


def test_every_leaf_is_kept_and_the_understood_ones_are_known() -> None:
    got = configuration(f"<properties>{leaf('name', 'x')}{leaf('new', 'y')}</properties>"
                        f'<settings zone="7"><a/></settings>'
                        f"<{BIOS}>{leaf('num_lock', 'True')}</{BIOS}>")
    assert [(s.key, s.value, s.key in got.understood) for s in got.settings] == [
        ("configuration/properties/name", "x", True),
        ("configuration/properties/new", "y", False),
        ("configuration/settings/@zone", "7", False),
        (f"configuration/{BIOS}/num_lock", True, True)]
    (bios,) = got.devices
    assert bios.setting == "num_lock=True"


def test_a_setting_that_stands_twice_is_said() -> None:
    got = configuration(f"<properties>{leaf('name', 'A')}{leaf('name', 'B')}{leaf('x', 1)}"
                        f"{leaf('x', 2)}</properties><properties>{leaf('name', 'C')}</properties>")
    assert (got.name, [s.text for s in got.settings]) == ("A", ["A", "B", "1", "2", "C"])
    (notice,) = got.notices
    assert (notice.code, notice.what) == ("XML-TWICE", (
        "configuration/properties[2], configuration/properties[1]/name[2] stand beside others of "
        "their names"))


def test_of_two_sections_of_a_device_the_first_is_taken_and_that_is_said() -> None:
    sections = "".join(
        f"<_{vm_guids.IDE}_><controller0><drive0>{leaf('type', 'VHD')}{leaf('pathname', path)}"
        f"</drive0></controller0></_{vm_guids.IDE}_>" for path in (PAGING, INCLUDED))
    got = configuration(sections)
    assert [drive.path for drive in got.drives] == [PAGING]
    assert [(n.code, n.what.partition(" ")[0]) for n in got.notices] == [
        ("XML-TWICE", f"configuration/_{vm_guids.IDE}_[2]")]


def test_a_time_with_swapped_bytes_is_none_and_said() -> None:
    at = times.parse_iso("2014-11-09T05:34:40")
    swapped = int.from_bytes(at.to_bytes(8, "little"), "big")
    key = "last_powered_on_time"
    got = configuration(f"<properties>{leaf(key, swapped)}</properties>")
    assert got.powered_on_at is None
    (notice,) = got.notices
    assert notice.code == "TIME-RANGE"
    assert notice.effect.endswith("in reverse order it would be 2014-11-09T05:34:40.0000000Z")
    for never in (0, -1, 2**63 - 1, 2**64 - 1):
        got = configuration(f"<properties>{leaf(key, never)}</properties>")
        assert (got.powered_on_at, [n.code for n in got.notices]) == (None, ["TIME-NEVER"])
        assert got.notices[0].what.startswith(f"configuration/properties/{key} is {never}:")


def test_all_times_that_never_were_are_one_notice() -> None:
    got = configuration("<properties>" + leaf("creation_time", bytes(8)) + "".join(
        leaf(f"last_powered_{word}_time", 0) for word in ("on", "off")) + "</properties>")
    assert (got.created_at, got.powered_on_at, got.powered_off_at) == (None, None, None)
    (notice,) = got.notices
    assert notice.what == (
        "configuration/properties/creation_time is 00 00 00 00 00 00 00 00; "
        "configuration/properties/last_powered_on_time is 0; "
        'configuration/properties/last_powered_off_time is 0: "never", or not set')


def test_saved_states_generations_and_policies() -> None:
    policy = leaf("qos_policy_id", str(UUID(int=0)))
    slot = f"<drive0>{leaf('type', 'VHD')}{policy}{leaf('weight', 9)}"
    got = configuration(
        f"<properties>{leaf('subtype', 6)}</properties><savedstate>{leaf('in_progress', 'True')}"
        f"{leaf('type', 'Normal')}{leaf('memlocation', PAGING)}</savedstate>"
        f"<_{vm_guids.IDE}_><controller0>{slot}</drive0></controller0></_{vm_guids.IDE}_>")
    assert got.saved_state is not None
    assert got.saved_state.type == "Normal (in progress)"
    (drive,) = got.drives
    assert (drive.qos and drive.qos.policy_id, drive.qos and drive.qos.weight) == ("", 9)
    assert (got.generation, [n.what for n in got.notices]) == (
        None, ["configuration/properties/subtype is '6', not 0 or 1"])


def test_a_machine_of_two_ids_is_said() -> None:
    got = configuration(f"<properties>{leaf('type_id', 'Virtual Machines')}"
                        f"{leaf('global_id', VENDOR)}</properties><settings><global>"
                        f"{leaf('logical_id', str(CHANNEL))}</global></settings>")
    assert (got.vm_id, [n.code for n in got.notices]) == (str(CHANNEL), ["VM-ID"])


def test_a_device_tells_all_that_its_node_says() -> None:
    adapter = (f"{leaf('WWNNA', 'C003FF0000FFFF00')}{leaf('VDEVVersion', 256)}<Connection>"
               f"{leaf('PoolId', '')}{leaf('AltSwitchName', 'SAN')}</Connection>")
    long = "".join(leaf(f"n{number}", "x" * 100) for number in range(12))
    got = configuration(f"<_{CHANNEL}_>{adapter}</_{CHANNEL}_><_{NETWORK}_>{long}</_{NETWORK}_>"
                        f"<_{DISK}_>{leaf('blob', bytes(5))}</_{DISK}_>")
    told = [device.setting for device in got.devices]
    assert told[0] == "WWNNA=C003FF0000FFFF00; Connection/AltSwitchName=SAN"
    assert (told[1].count("x" * 100), told[1][-12:], told[2]) == (9, "; and 3 more", "blob=5 bytes")
    last = f"configuration/_{NETWORK}_/n11"
    assert (last in got.understood, f"{last[:-2]}0" in got.understood) == (False, True)
