"""What is known of a disk file and of its chain, as plain values for people and programs."""

from typing import Any

from analyzer import times
from analyzer.disks.chain import Chain


def layer_summary(chain: Chain, depth: int) -> dict[str, Any]:
    """One file of a chain: where it is, what it is, how it was found, what is wrong with it."""
    file = chain.files[depth]
    layer = file.layer
    return {
        "path": file.path, "address": file.source.address, "mft_entry": file.source.entry,
        "found_by": chain.bases[depth], "format": layer.format, "kind": layer.kind,
        "size": layer.size, "disk_id": layer.disk_id, "verdict": chain.verdict(depth),
    }


def layer_facts(chain: Chain, depth: int = 0) -> dict[str, Any]:
    """Everything that one file says of itself."""
    layer = chain.files[depth].layer
    facts = layer_summary(chain, depth)
    facts |= {
        "original_size": layer.original_size, "file_size": layer.container.size,
        "block_size": layer.block_size, "sector_size": layer.sector_size,
        "creator_application": layer.creator.application,
        "creator_version": layer.creator.version, "creator_host_os": layer.creator.host_os,
        "created_at": times.iso(layer.creator.created_at),
        "in_saved_state": layer.in_saved_state, "parent": None,
        "notices": [{"code": n.code, "what": n.what, "effect": n.effect, "start": n.start,
                     "length": n.length} for n in layer.notices],
    }
    if layer.link_id != layer.disk_id:
        facts[layer.link_name] = layer.link_id
    if layer.parent is not None:
        facts["parent"] = {
            "ids": list(layer.parent.wanted),
            "changed_at": times.iso(layer.parent.changed_at), "name": layer.parent.name,
            "locators": [list(pair) for pair in layer.parent.locators],
        }
    return facts


def chain_facts(chain: Chain) -> dict[str, Any]:
    """The layers, top first, and what can be said of the whole."""
    lost = chain.unreadable(0)
    return {
        "layers": [layer_summary(chain, depth) for depth in range(len(chain.files))],
        "verdict": chain.whole_verdict, "broken": chain.broken,
        "unreadable_ranges": len(lost), "unreadable_bytes": sum(length for _, length in lost),
        "notices": [{"code": n.code, "what": n.what, "effect": n.effect} for n in chain.notices],
    }
