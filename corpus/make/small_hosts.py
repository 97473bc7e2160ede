"""Two small disks: a Hyper-V host without machines, and a Windows that is no Hyper-V host."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from corpus.make import azman_store, disk, ewf, hive, host_windows, truth
from corpus.make import windows as win
from corpus.make.ntfs import Volume
from corpus.make.times import born, ticks
from corpus.make.windows import Windows

SECTOR = 512
START, SECTORS = 2048, 24 << 11
_COMPONENTS = ("heartbeat", "kvpexchange", "shutdown", "timesync", "vss", "rdv", "guestinterface")


def build_empty_host(corpus: Path, scratch: Path) -> None:
    """empty-host.E01: the role is installed and configured, no machine was ever made."""
    signature = 0x51B7E0D4
    inside = Windows(
        host_name="HV-SPARE02",
        domain="corp.example",
        product="Windows Server (R) 2008 Standard",
        version="6.0",
        build="6002",
        service_pack="Service Pack 2",
        installed=ticks("2009-10-19 09:04:12"),
        last_written=ticks("2009-11-18 16:30:55"),
        edition="ServerStandard",
        build_lab="6002.18005.amd64fre.lh_sp2rtm.090410-1830",
        adapters=(host_windows.physical_adapter(7, "192.168.10.22"),),
        services={**host_windows.ROLE_SERVICES, **host_windows.HYPERVISOR_SERVICES},
        mounted={"\\DosDevices\\C:": (signature, START * SECTOR)},
    )
    system, software = win.system_tree(inside), win.software_tree(inside)
    host_windows.add_switches(system, [])
    pool = bytes.fromhex("00155D0A1600"), bytes.fromhex("00155D0A16FF")
    host_windows.add_virtualization(software, ticks("2009-10-20 09:30:00"), pool, {})
    volume = _volume(scratch, inside, 0x88C41B6AC41B5A10)
    with volume.changing() as tree:
        host_windows.skeleton(tree, inside, role=True)
        store = azman_store.initial_store(with_operators=False)
        stamp = born(ticks("2009-10-20 09:31:16"), key="store")
        tree.write(f"{host_windows.HYPERV}/InitialStore.xml", store, stamp)
        host_windows.write_host_hives(tree, inside, system, software)
    case = ewf.Case("2009-0417", "BER-02", "HV-SPARE02", "K. Brandt", "", "2009-11-21 13:40:00")
    _finish(corpus, scratch, "empty-host", inside, volume, case, signature)


def build_plain_windows(corpus: Path, scratch: Path) -> None:
    """plain-windows.E01: a client with Hyper-V's drivers and guest services, without vmms."""
    signature = 0x9D03C75A
    services = dict(host_windows.LATEST_SERVICES)
    for name in _COMPONENTS:
        image = "%systemroot%\\system32\\svchost.exe -k LocalSystemNetworkRestricted"
        services[f"vmic{name}"] = (
            f"@%systemroot%\\system32\\icsvc.dll,-{len(name)}01",
            image,
            3,
            32,
        )
    inside = Windows(
        host_name="DESKTOP-7Q2M",
        domain="",
        product="Windows 10 Enterprise",
        version="6.3",
        build="16299",
        service_pack="",
        installed=ticks("2018-01-15 10:22:31"),
        last_written=ticks("2018-03-02 17:44:08"),
        build_lab="16299.15.amd64fre.rs3_release.170928-1534",
        adapters=(host_windows.physical_adapter(1, ""),),
        services=services,
        mounted={"\\DosDevices\\C:": (signature, START * SECTOR)},
    )
    system, software = win.system_tree(inside), win.software_tree(inside)
    for control_set in ("ControlSet001", "ControlSet002"):
        for name in ("SwitchList", "NicList"):
            system.key(f"{control_set}\\Services\\vmsmp\\parameters\\{name}")
    host_windows.later_software(software, 10)
    software.key("Microsoft\\Windows NT\\CurrentVersion").set(
        hive.sz("EditionID", "Enterprise"),
        hive.sz("InstallationType", "Client"),
    )
    software.key("Microsoft\\Virtual Machine")
    inside = replace(inside, edition="Enterprise")
    volume = _volume(scratch, inside, 0x6A40F18340F15C2E)
    with volume.changing() as tree:
        host_windows.skeleton(tree, inside, role=False)
        host_windows.write_host_hives(tree, inside, system, software)
    case = ewf.Case("2018-0033", "PC-7", "DESKTOP-7Q2M", "K. Brandt", "", "2018-03-05 09:15:00")
    _finish(corpus, scratch, "plain-windows", inside, volume, case, signature)


def _volume(scratch: Path, inside: Windows, serial: int) -> Volume:
    made = born(inside.installed - 1800 * 10**7, key=inside.host_name)
    sectors = SECTORS - START - 2048
    return Volume(scratch, sectors=sectors, start_sector=START, serial=serial, made=made)


def _finish(
    corpus: Path,
    scratch: Path,
    name: str,
    inside: Windows,
    volume: Volume,
    case: ewf.Case,
    signature: int,
) -> None:
    raw = disk.assemble(SECTORS, signature, [disk.Partition(START, volume.image(), active=True)])
    ewf.acquire(raw, corpus / f"{name}.E01", scratch, case)
    document = {
        "image": {
            "file": f"{name}.E01",
            "media_size": len(raw),
            "media_sha256": hashlib.sha256(raw).hexdigest(),
            "disk_signature": signature,
        },
        "host": {
            "is_hyperv_host": "vmms" in inside.services,
            "windows": truth.windows(inside),
            "services": sorted(inside.services),
            "switches": [],
        },
        "volumes": [truth.volume("C:", START * SECTOR, volume)],
        "machines": [],
        "chains": [],
        "findings": [],
    }
    (corpus / "truth").mkdir(exist_ok=True)
    truth.write(corpus / "truth" / f"{name}.json", document)
    shutil.rmtree(scratch)
