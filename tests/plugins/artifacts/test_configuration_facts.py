"""What is said to be understood of a configuration is in a table, and not among its leaves only."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.formats import vm_xml
from analyzer.records import Record, VmMetric, VmSetting
from plugins.artifacts.hardware import hardware
from plugins.artifacts.machine_settings import machine_settings
from plugins.artifacts.virtual_machines import virtual_machines
from tests.dict_system import host

PLACE = "C:/ProgramData/Microsoft/Windows/Hyper-V/Virtual Machines"
LEAF = re.compile('<([A-Za-z_0-9]+) type="([a-z]+)">([^<]*)</')
NICKNAME = "configuration/manifest/vdev012/name"
"""Of the network adapter, which has a name of its own."""
GUID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def other(kind: str, name: str, text: str) -> str:
    """Another value of the same form."""
    if name.endswith("_time"):
        return "133000000000000000"
    if kind == "bool":
        return str(text != "True")
    if kind == "integer":
        return str(int(text) + 1)
    if kind == "bytes":
        return f"B{text[1:]}"
    if name == "MacAddress":
        return "00-15-5D-AA-BB-CC"
    return GUID.sub("12345678-1234-1234-1234-123456789ABC", text) if GUID.search(text) \
        else f"{text.strip()}x"


def facts(name: str, text: str) -> tuple[list[Record], list[str]]:
    system = host({f"{PLACE}/{name}": text.encode("utf-16")}, "C")
    rows: Iterator[Record] = (row for plugin in (virtual_machines, hardware, machine_settings)
                              for row in plugin(system))
    return [row for row in rows if not isinstance(row, VmSetting)], \
        [problem.what for problem in system.problems()]


@pytest.mark.realdata
def test_each_understood_leaf_of_a_real_configuration_changes_a_row(realdata: Path) -> None:
    path = next(realdata.rglob("B90AC31B*.xml"))
    text = path.read_text("utf-16")
    said = vm_xml.parse(path.read_bytes())
    leaves = list(LEAF.finditer(text))
    assert [leaf[3].strip() for leaf in leaves] == [s.text.strip() for s in said.settings]
    before = facts(path.name, text)
    assert [row.metric for row in before[0] if isinstance(row, VmMetric)] == [
        "average processor", "maximum memory", "minimum memory", "average memory",
        "maximum disk allocation", "average disk throughput", "average disk latency",
        "disk data read", "disk data written"]
    unseen = []
    for leaf, setting in zip(leaves, said.settings, strict=True):
        if setting.key in said.understood and setting.key != NICKNAME:
            changed = text[:leaf.start(3)] + other(leaf[2], leaf[1], leaf[3]) + text[leaf.end(3):]
            if facts(path.name, changed) == before:
                unseen.append(setting.key)
    assert not unseen, "\n".join(unseen)
