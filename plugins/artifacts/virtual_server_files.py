"""Settings and networks of Virtual Server 2005."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError, NotThisFormat
from analyzer.formats import xml_tree
from analyzer.formats.virtual_server import network
from analyzer.machines import inventory, virtual_server
from analyzer.machines.setting_records import setting_record
from analyzer.plugin import artifact
from analyzer.records import Record, VirtualNetwork, VmSetting
from analyzer.system import WindowsSystem
from analyzer.volume import Item


@artifact(VirtualNetwork, VmSetting)
def virtual_server_files(system: WindowsSystem) -> Iterator[Record]:
    """Networks of Virtual Server 2005, registered or not, and every leaf of its Options.xml.

    Every leaf, too, of what Windows Virtual PC describes a machine by (.vmcx).
    """
    seen = set()
    for found in virtual_server.registrations(system, "Virtual Networks"):
        if found.item is not None:
            seen.add(found.item.source)
            yield from _network(system, found.item, found.link.path)
    for item in inventory(system).networks:
        if item.source not in seen:
            yield from _network(system, item, "")
    yield from _options(system)
    for item, settings in inventory(system).descriptions:
        for setting in settings:
            yield system.own(setting_record(setting, item.placed(), understood=False))


def _network(system: WindowsSystem, item: Item, registration_path: str) -> Iterator[Record]:
    source = item.placed()
    try:
        read = network(item.read(xml_tree.LARGEST))
    except EvidenceError as error:
        system.problem(error, source, "this virtual network is missing")
        return
    system.notices(read.notices, source)
    yield system.own(VirtualNetwork(
        source=source, name=read.name, network_id=read.network_id, path=item.path,
        registration_path=registration_path, made_at=read.made_at))
    for setting in read.settings:
        yield system.own(setting_record(setting, source, understood=False))


def _options(system: WindowsSystem) -> Iterator[Record]:
    for folder in virtual_server.folders(system):
        item = folder.child("Options.xml")
        try:
            tree = xml_tree.read(item.read(xml_tree.LARGEST), encoding="hex") if item else None
        except EvidenceError as error:
            what = "is no XML" if isinstance(error, NotThisFormat) else "cannot be read"
            system.problem(error, folder.source, f"Options.xml {what}: its settings are missing")
            continue
        if item is not None and tree is not None:
            system.notices(tree.notices, item.source)
            for setting in tree.settings:
                yield system.own(setting_record(setting, item.placed(), understood=False))
