"""Resource metering of a machine: `configuration/global_settings/metrics`.

    devicetype*/{guid, deviceinstance*/{guid, metric*/{typecode, enabled, value, ...}}}

The definitions are given by their GUIDs: what each measures, and in which unit, is not known
from files alone. Times of metering stay raw in the settings: all that were seen are 0.

Source: FIELD-GUIDE 2.4 (measured on files of 2012 R2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.formats import guid
from analyzer.formats.vm_settings import Node, as_integer


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
