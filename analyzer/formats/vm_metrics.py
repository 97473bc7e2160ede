"""Resource metering of a machine: `configuration/global_settings/metrics`.

    devicetype*/{guid, deviceinstance*/{guid, metric*/{typecode, enabled, value, ...}}}

What each definition measures is told by its GUID, as Microsoft.Virtualization.Client.Management
(Hyper-V Manager) names it; the devices that it stands at in real files agree. Its unit is in no
file. Times of metering stay raw in the settings: all that were seen are 0.

Source: FIELD-GUIDE 2.4 (measured on files of 2012 R2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.formats import guid
from analyzer.formats.vm_settings import Node, as_integer

NAMES: Final = {
    "3F6F1051-C8FC-47EF-9821-C07240848748": "average processor",
    "04BDF59E-580D-4441-8828-FFFE44472D2D": "average memory",
    "394DCE66-458F-4895-AE56-41D7C9602A49": "maximum memory",
    "FF85EA46-9933-4436-BE5D-C96827399966": "minimum memory",
    "AD29978B-AAB6-44AE-81CD-0609BF929F18": "maximum disk allocation",
    "A4BCA0D9-C27D-4BC8-A7E3-7ED13C89E373": "average disk throughput",
    "72544D55-3035-41DA-B9D7-6C5A39BF8F35": "average disk latency",
    "A9DFBC22-E05F-438D-9405-22E2078353D6": "disk data read",
    "534FA8D7-9875-4FAB-BAA6-2424DF29B31E": "disk data written",
    "4E1D459F-7861-46A4-887C-B64397C97E1B": "normalized disk operations",
    "A6C250B0-867B-4CE7-9C47-A4F00AA6BB15": "incoming network traffic",
    "3C215D49-078B-4D9F-8E2E-0C844642D3BB": "outgoing network traffic",
}
"""Definition -> what it measures."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one device."""

    device_id: str
    instance: str
    definition_id: str
    place: str
    """Of a drive, `0\\0\\L`: controller, slot; "" for others."""
    enabled: bool | None
    value: int | None
    resource_id: str
    """Resource type it counts for."""


def metrics(root: Node) -> tuple[Metric, ...]:
    """Every metric, in order of the file."""
    return tuple(_metrics(root.child("global_settings/metrics")))


def _metrics(node: Node | None) -> Iterator[Metric]:
    for kind in _named(node, "devicetype"):
        device_id = guid.normalise(kind.text_at("guid"))
        for instance in _named(kind, "deviceinstance"):
            instance_id = guid.normalise(instance.text_at("guid"))
            for metric in _named(instance, "metric"):
                definition, _, place = metric.text_at("typecode").partition(";")
                yield Metric(device_id, instance_id, guid.normalise(definition), place,
                             metric.bool_at("enabled"), as_integer(metric.text_at("value")),
                             guid.normalise(metric.text_at("resourcetypeid")))


def _named(node: Node | None, name: str) -> Iterator[Node]:
    return (child for child in (node.children if node is not None else ()) if child.name == name)
