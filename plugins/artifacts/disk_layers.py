"""Virtual disks of a host, layer by layer."""

import re
from collections.abc import Iterator
from typing import Final

from analyzer.disks.chain import Chain
from analyzer.disks.layer import ParentLink
from analyzer.machines import Node, inventory
from analyzer.plugin import artifact
from analyzer.records import NOT_HERE, DiskLayer, Record
from analyzer.system import WindowsSystem

VOLUME: Final = re.compile(r"\\\\\?\\Volume\{([0-9A-Fa-f-]{36})\}")


@artifact(DiskLayer)
def disk_layers(system: WindowsSystem) -> Iterator[Record]:
    """The chain behind every drive of every machine and snapshot, and of disks nobody names."""
    found = inventory(system)
    for configured in found.configured():
        snapshot_id = configured.snapshot_id if isinstance(configured, Node) else ""
        chains = {d.chain.files[0].path: d.chain for d in configured.drives if d.chain is not None}
        for chain in chains.values():
            for depth in range(len(chain.files)):
                yield system.own(_layer(system, chain, depth, configured.vm_id, snapshot_id))
    for chain in found.loose:
        for depth in range(len(chain.files)):
            yield system.own(_layer(system, chain, depth, "", ""))


def _layer(system: WindowsSystem, chain: Chain, depth: int, vm_id: str,
           snapshot_id: str) -> DiskLayer:
    file = chain.files[depth]
    layer, link = file.layer, file.layer.parent
    lost = chain.unreadable(depth)
    top = "named by the configuration" if vm_id else "found on the volume"
    return DiskLayer(
        source=file.source, vm_id=vm_id, snapshot_id=snapshot_id, disk_id=layer.disk_id,
        path=file.path, chain=chain.files[0].source.address, depth=depth, layer=layer.kind,
        format=layer.format, size=layer.size, file_size=layer.container.size,
        original_size=layer.original_size, block_size=layer.block_size,
        link_id=layer.link_id,
        parent_id=link.parent_id if link is not None else "",
        parent_path=link.hints[0] if link is not None and link.hints else "",
        parent_volume=_volume(system, link) if link is not None else "",
        found_by=chain.bases[depth] or top, creator=layer.creator.application,
        creator_version=layer.creator.version, creator_os=layer.creator.host_os,
        in_saved_state=layer.in_saved_state, verdict=chain.verdict(depth),
        unreadable_bytes=sum(length for _, length in lost), unreadable_ranges=len(lost),
        created_at=layer.creator.created_at)


def _volume(system: WindowsSystem, link: ParentLink) -> str:
    """The volume GUID of a VHDX's parent locator against those in MountedDevices."""
    text = dict(link.locators).get("volume_path", "")
    match = VOLUME.match(text)
    if match is None:
        return text
    names = [volume.name for volume in system.volumes if match[1].upper() in volume.guids]
    return f"{match[0]} ({names[0] if names else NOT_HERE})"
