"""Data of the features of a switch port: `Connection/Feature_<GUID>/Setting_<GUID>/Data`.

The bytes are the properties of the feature's WMI class in the order of their `WmiDataId`, each
aligned to its own size, a boolean one byte; `Version` 0x0400 is interface version 4, whose class
has the properties of versions 1 to 4. Found by us on three real settings, all of the class
Msvm_EthernetSwitchPortOffloadSettingData (versions 1 and 4: twelve values, of which 512, 100, 1,
16, 1 and 3 are its documented defaults at the places that this order gives them). A setting of
version 5 that a public program writes has the same and four bytes more. That it holds
for VLAN, bandwidth and security is inference: no file with one was ever seen, so what is said of
them says so, and the bytes stand beside it.

Source: MicrosoftDocs/win32 desktop-src/HyperV_v2/msvm-ethernetswitchport*settingdata.md (names,
types, WmiDataId, InterfaceVersion of the properties); docs/formats/vm-xml.md.
"""

import struct
from dataclasses import dataclass
from typing import Final

OFFLOAD: Final = "C885BFD1-ABB7-418F-8163-9F379C9F7166"
VLAN: Final = "952C5004-4465-451C-8CB8-FA9AB382B773"
BANDWIDTH: Final = "24AD3CE1-69BD-4978-B2AC-DAAD389D699C"
SECURITY: Final = "776E0BA7-94A1-41C8-8F28-951F524251B5"
_MODES: Final = {0: "none", 1: "access", 2: "trunk", 3: "private"}
_PRIVATE: Final = {0: "none", 1: "isolated", 2: "community", 3: "promiscuous"}
_MONITOR: Final = {0: "none", 1: "destination", 2: "source"}


@dataclass(frozen=True, slots=True)
class _Property:
    """`code` is that of struct; `words` are the meanings of its numbers, if it has some."""

    name: str
    code: str
    since: int = 1
    words: dict[int, str] | None = None
    most: int = 2**64 - 1


_CLASSES: Final = {
    OFFLOAD: (
        _Property("IPsec offload limit", "I"), _Property("VMQ weight", "I"),
        _Property("IOV weight", "I"), _Property("IOV queue pairs", "I"),
        _Property("IOV interrupt moderation", "I"),
        _Property("packet direct processors", "I", 2),
        _Property("packet direct moderation count", "I", 2),
        _Property("packet direct moderation interval", "I", 2),
        _Property("VRSS", "?", 3), _Property("VMMQ", "?", 3),
        _Property("VMMQ queue pairs", "I", 3), _Property("VRSS least queue pairs", "I", 4),
        _Property("VRSS queue scheduling", "I", 4),
        _Property("VRSS without primary processor", "?", 4),
        _Property("VRSS independent host spreading", "?", 4),
        _Property("VRSS channel affinity", "I", 4)),
    VLAN: (
        _Property("VLAN mode", "I", words=_MODES, most=3),
        _Property("access VLAN", "H", most=4095), _Property("native VLAN", "H", most=4095),
        _Property("private mode", "I", words=_PRIVATE, most=3),
        _Property("primary VLAN", "H", most=4095), _Property("secondary VLAN", "H", most=4095)),
    BANDWIDTH: tuple(_Property(name, "Q") for name in (
        "reservation", "weight", "limit", "burst limit", "burst size")),
    SECURITY: (
        _Property("MAC spoofing allowed", "?"), _Property("DHCP guard", "?"),
        _Property("router guard", "?"), _Property("monitor mode", "B", words=_MONITOR, most=2),
        _Property("monitor session", "B"), _Property("priority tags kept", "?"),
        _Property("virtual subnet", "I", most=2**24 - 1), _Property("teaming allowed", "?")),
}
_DOCUMENTED: Final = 4
"""Version of the class for offload that is published; later ones append to it."""
_LONGER: Final = (VLAN, SECURITY)
"""Bitmaps of VLANs, a name of a team follow: arrays whose form is not known."""


def meaning(feature_id: str, version: int | None, data: bytes) -> str:
    """`VLAN mode access (1), access VLAN 12, ...`; "" where the data fit no known layout."""
    if version is None:
        return ""
    properties = [p for p in _CLASSES.get(feature_id, ()) if p.since <= version >> 8]
    if not properties:
        return ""
    places, end = _places(properties)
    widest = max(struct.calcsize(p.code) for p in properties)
    beyond = len(data) - -(-end // widest) * widest
    is_later = feature_id == OFFLOAD and version >> 8 > _DOCUMENTED
    if len(data) < end or (beyond and feature_id not in _LONGER and not is_later):
        return ""
    said = []
    for known, at in zip(properties, places, strict=True):
        (value,) = struct.unpack_from(f"<{known.code}".replace("?", "B"), data, at)
        if value > (1 if known.code == "?" else known.most):
            return ""
        said.append(_word(known, value))
    if is_later and beyond > 0:
        said.append(f"{beyond} bytes of a later version")
    unsure = "" if feature_id == OFFLOAD else " (unsure: by the order of WMI's properties)"
    return ", ".join(said) + unsure


def _places(properties: list[_Property]) -> tuple[list[int], int]:
    """(offset of each, where the last of them ends)."""
    places, end = [], 0
    for known in properties:
        size = struct.calcsize(known.code)
        places.append(-(-end // size) * size)
        end = places[-1] + size
    return places, end


def _word(known: _Property, value: int) -> str:
    """A property with its value; the number beside the word."""
    if known.code == "?":
        return f"{known.name} {'yes' if value else 'no'}"
    if known.words is not None:
        return f"{known.name} {known.words[value]} ({value})"
    return f"{known.name} {value}"
