"""The hives inside the committed images say what the truth says, read with python-registry."""

from __future__ import annotations

import importlib
import io
import struct
from typing import Any

import pytest

from tests.corpus import naive_vhd
from tests.corpus.evidence import media, truth, walk

_CURRENT = "Microsoft\\Windows NT\\CurrentVersion"


def _hive(data: bytes) -> Any:
    registry: Any = importlib.import_module("Registry.Registry")
    return registry.Registry(io.BytesIO(data))


def _host(name: str, hive: str) -> Any:
    row = truth(name)["volumes"][0]
    files = walk(media(name), row["offset"], row["size"])
    return _hive(files[f"/Windows/System32/config/{hive}"].content)


def _assert_windows(system: Any, software: Any, stated: dict[str, Any]) -> None:
    current = software.open(_CURRENT)
    assert current.value("ProductName").value() == stated["product"]
    assert current.value("CurrentBuild").value() == stated["build"]
    assert current.value("InstallDate").value() == stated["installed"]
    number = system.open("Select").value("Current").value()
    control = f"ControlSet{number:03}\\Control"
    name = system.open(f"{control}\\ComputerName\\ComputerName").value("ComputerName").value()
    assert name == stated["host_name"]
    zone = system.open(f"{control}\\TimeZoneInformation")
    names = {value.name() for value in zone.values()}
    key = "TimeZoneKeyName" if "TimeZoneKeyName" in names else "StandardName"
    assert zone.value(key).value() == stated["time_zone"]
    for device, place in stated["mounted_devices"].items():
        data = system.open("MountedDevices").value(device).raw_data()
        assert struct.unpack("<IQ", data) == (place["disk_signature"], place["offset"])


@pytest.mark.parametrize("name", ["ws2008", "ws2012r2", "ws2019", "empty-host", "plain-windows"])
def test_hosts(name: str) -> None:
    system, stated = _host(name, "SYSTEM"), truth(name)["host"]
    _assert_windows(system, _host(name, "SOFTWARE"), stated["windows"])
    services = {key.name() for key in system.open("ControlSet001\\Services").subkeys()}
    assert set(stated["services"]) <= services
    assert ("vmms" in services) == stated["is_hyperv_host"]
    switches = next(key for key in services if key.lower() == "vmsmp")
    listed = system.open(f"ControlSet001\\Services\\{switches}\\Parameters\\SwitchList")
    seen = {key.name(): key.value("FriendlyName").value() for key in listed.subkeys()}
    assert seen == {row["guid"]: row["name"] for row in stated["switches"]
                    if not row.get("only_in_log")}


def test_changed_defaults() -> None:
    key = _host("ws2008", "SOFTWARE").open(f"{_CURRENT}\\Virtualization")
    stated = truth("ws2008")["host"]["virtualization"]
    for name in ("DefaultExternalDataRoot", "DefaultVirtualHardDiskPath"):
        assert key.value(name).value() == stated[name]
    assert key.value("MinimumMacAddress").raw_data().hex() == stated["MinimumMacAddress"]


def test_a_guest_names_its_machine() -> None:
    chain = next(row for row in truth("ws2008")["chains"] if row["machine_name"] == "SQL01")
    row = truth("ws2008")["volumes"][1]
    host_files = walk(media("ws2008"), row["offset"], row["size"])
    image = host_files[chain["layers"][0]["path"][2:].replace("\\", "/")].content
    disk = image[: naive_vhd.media_size(image)]
    volume = chain["guest"]["volume"]
    files = walk(disk, volume["offset"], volume["size"])
    hives = [
        _hive(files[f"/WINDOWS/system32/config/{name}"].content) for name in ("SYSTEM", "SOFTWARE")
    ]
    _assert_windows(hives[0], hives[1], chain["guest"]["windows"])
    parameters = hives[1].open("Microsoft\\Virtual Machine\\Guest\\Parameters")
    assert parameters.value("VirtualMachineName").value() == "SQL01"
    assert parameters.value("PhysicalHostName").value() == "HV-BERLIN01"
