"""Network adapters of a machine, with the features of the switch port they are connected to.

    Connection/Feature_<GUID>/Setting_<GUID>/{Version, Data}     2012 and later

What their data mean is told by port_features.

Source: FIELD-GUIDE 2.8.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.formats import guid, port_features, vm_guids
from analyzer.formats.vm_settings import Node, Reader, as_bytes, as_integer

_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[-:]?){5}[0-9A-Fa-f]{2}")
_NO_MAC: Final = "00-00-00-00-00-00"
_FEATURE = re.compile(r"(Feature|Setting)_([0-9A-Fa-f-]{36})")


@dataclass(frozen=True, slots=True)
class Feature:
    """One setting of one feature of a port."""

    feature_id: str
    name: str
    """"" for a GUID that is not known."""
    setting_id: str
    version: int | None
    data: bytes | None
    """None where the text is no bytes."""
    meaning: str
    """`IPsec offload limit 512, ...`; "" where the layout is not known (port_features)."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One network adapter."""

    name: str
    adapter: str
    """synthetic or legacy."""
    mac: str
    """`00-15-5D-01-07-DC`; "" where none was given out yet, or none could be read."""
    mac_is_static: bool | None
    is_connected: bool | None
    switch_id: str
    switch_name: str
    port_name: str
    channel_id: str = ""
    """GUID by which boot entries name it."""
    cluster_monitored: bool | None = None
    prevents_ip_spoofing: bool | None = None
    pool_id: str = ""
    replica_test_switch: str = ""
    features: tuple[Feature, ...] = ()


def adapter(device: str, name: str, node: Node, reader: Reader) -> Adapter:
    """The adapter in `node`, listed in the manifest as `name`."""
    switch = node.text_at("SwitchName")
    resource = node.text_at("Connection/HostResources/HostResource")
    friendly = node.text_at("Connection/AltSwitchName")
    return Adapter(
        name=node.text_at("FriendlyName") or name,
        adapter="synthetic" if device == vm_guids.ETHERNET else "legacy",
        mac=_mac(node, reader),
        mac_is_static=node.bool_at("MacAddressIsStatic"),
        is_connected=node.bool_at("IsConnected"),
        switch_id=guid.normalise(switch) or guid.normalise(resource),
        switch_name=friendly or ("" if guid.normalise(switch) else switch),
        port_name=node.text_at("PortName"),
        channel_id=guid.normalise(node.text_at("ChannelInstanceGuid")),
        cluster_monitored=node.bool_at("ClusterMonitored"),
        prevents_ip_spoofing=node.bool_at("Connection/PreventIPSpoofing"),
        pool_id=node.text_at("Connection/PoolId"),
        replica_test_switch=node.text_at("Connection/TestReplicaSwitchName"),
        features=tuple(_features(node.child("Connection"))),
    )


def _mac(node: Node, reader: Reader) -> str:
    text = node.text_at("MacAddress")
    if not _MAC.fullmatch(text):
        if text:
            reader.unfit(f"{node.name}/MacAddress", text, "a MAC address")
        return ""
    digits = re.sub("[-:]", "", text).upper()
    mac = "-".join(digits[at : at + 2] for at in range(0, 12, 2))
    return "" if mac == _NO_MAC else mac


def _features(connection: Node | None) -> Iterator[Feature]:
    for node in connection.children if connection is not None else ():
        match = _FEATURE.fullmatch(node.name)
        if match is None or match[1] != "Feature":
            continue
        feature_id = match[2].upper()
        for setting in node.children:
            inner = _FEATURE.fullmatch(setting.name)
            if inner is None or setting.child("Data") is None:
                continue
            data = as_bytes(setting.text_at("Data"))
            version = as_integer(setting.text_at("Version"))
            yield Feature(feature_id, vm_guids.FEATURES.get(feature_id, ""), inner[2].upper(),
                          version, data,
                          "" if data is None else
                          port_features.meaning(feature_id, version, data))
