"""Resource pools of a host, as the files of `Resource Types` keep them."""

from collections.abc import Iterator
from itertools import islice

from analyzer.errors import EvidenceError
from analyzer.formats import configuration_file
from analyzer.formats.vm_settings import Setting
from analyzer.machines.setting_records import setting_record
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import HostSetting, Record
from analyzer.system import WindowsSystem
from analyzer.volume import Item

NAME, MOST = "resource_pools", 5000


@artifact(HostSetting)
def resource_pools(system: WindowsSystem) -> Iterator[Record]:
    """Every leaf of each file of Resource Types, XML or VMCX, whatever its tree."""
    for folder in there(system, NAME):
        try:
            files = [item for item in folder.children()
                     if item.entry.allocated and not item.entry.is_directory]
        except EvidenceError as error:
            system.unreadable(error, folder, "the resource pools are not known", NAME)
            continue
        for item in files:
            yield from _pool(system, item)


def _pool(system: WindowsSystem, item: Item) -> Iterator[Record]:
    try:
        read = configuration_file.read(item.blocks(), item.name)
    except EvidenceError as error:
        system.unreadable(error, item, "this resource pool is missing", NAME)
        return
    system.notices(read.notices, item.source)
    for setting in islice(read.settings, MOST):
        yield system.own(_record(item, setting))
    is_cut = len(read.settings) > MOST
    system.cover(item.path, "skipped by limit" if is_cut else
                 "partial" if read.partial else "read", NAME)


def _record(item: Item, setting: Setting) -> HostSetting:
    leaf = setting_record(setting, item.placed(), understood=False)
    return HostSetting(
        source=leaf.source, group="resource pools", name=leaf.key, key=item.path,
        value_type=leaf.value_type, value=leaf.value)
