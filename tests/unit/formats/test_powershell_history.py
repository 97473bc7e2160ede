"""Lines of PowerShell's history."""

import pytest

from analyzer.errors import NotThisFormat
from analyzer.formats.powershell_history import Command, commands
from tests.unit.formats.damage import outcomes

GUID = "0AA394FA-7C4A-4070-BA32-773D43B28A68"
HISTORY = ("dir\r\nGet-VM | `\r\n  Stop-VM -TurnOff\r\nGet-VMware\r\n"
           f"Get-VM -Id {GUID.lower()}\ncopy D:\\a.vhdx E:\\\nürlaub\nMount-DiskImage x.iso")


def test_commands_of_virtual_machines_with_their_lines() -> None:
    assert commands(HISTORY.encode()) == [
        Command("Get-VM | `\n  Stop-VM -TurnOff", 2, 8, 5),
        Command(f"Get-VM -Id {GUID.lower()}", 5, 8, 49, GUID),
        Command("copy D:\\a.vhdx E:\\", 6, 8, 97), Command("Mount-DiskImage x.iso", 8, 8, 124)]


def test_a_byte_order_mark_and_a_last_line_end() -> None:
    assert commands(b"\xef\xbb\xbfStart-VM web\n") == [Command("Start-VM web", 1, 1, 0)]
    assert commands(b"") == []


def test_binary_data() -> None:
    with pytest.raises(NotThisFormat):
        commands(b"Get-VM\0")


def test_damage_ends_in_a_result_or_an_error() -> None:
    assert outcomes(commands, HISTORY.encode()) == {"result", "NotThisFormat"}
