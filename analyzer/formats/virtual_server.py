"""The other XML files of Virtual Server 2005 and Windows Virtual PC.

    Options.xml   settings of the service
    *.vnc         a virtual network
    *.vmcx        Windows Virtual PC: root <vm_description>; names the .vmc of a machine

None written by Virtual Server was ever seen, so nothing rests on element names but these: a
leaf `name`, and a leaf `id` of 16 bytes, which .vmc files have for networks too. Such an id is
a UUID; one of version 1 holds the time at which it was made.

Source: FIELD-GUIDE 13, 0.12; RFC 9562 5.1 (time of a UUID).
"""

from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Notice, NotThisFormat
from analyzer.formats import vmc, xml_tree
from analyzer.formats.vm_settings import Setting

DESCRIPTION: Final = "vm_description"
_UUID_EPOCH: Final = 5_748_192_000_000_000
"""1582-10-15 before 1601-01-01, in ticks."""


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network; "" and None where the file does not say."""

    name: str
    network_id: str
    """GUID, upper case."""
    made_at: int | None
    settings: tuple[Setting, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """A .vmcx of Windows Virtual PC; `machines` are Windows paths of the .vmc files it names."""

    machines: tuple[str, ...]
    settings: tuple[Setting, ...]
    notices: tuple[Notice, ...]


def network(data: bytes) -> Network:
    """The network of a .vnc file; raises NotThisFormat for anything else, as xml_tree does."""
    tree = xml_tree.read(data, encoding="hex")
    if any(setting.key.startswith(f"{vmc.ROOT}/hardware/") for setting in tree.settings):
        raise NotThisFormat("the XML of a machine, not of a network")
    network_id, name = b"", ""
    for setting in tree.settings:
        last = setting.key.rpartition("/")[2]
        if last == "id" and isinstance(setting.value, bytes) and len(setting.value) == 16:
            network_id = network_id or setting.value
        elif last == "name":
            name = name or setting.text.strip()
    made_at = time_of(network_id)
    if made_at is not None and made_at not in times.CLOCK:
        tree.notices.append(Notice(
            times.TIME_RANGE, f"the id {vmc.guid_of(network_id)} has the time {made_at} (ticks "
            "since 1601): of no year from 1980 to 2099", "the time is left out"))
        made_at = None
    wanted = {"name": name, "id of 16 bytes": network_id}
    missing = [word for word, value in wanted.items() if not value]
    if missing:
        tree.notices.append(Notice("XML-VALUE", f"the network has no {' and no '.join(missing)}",
                                   "what it is called by machines is not known"))
    return Network(name, vmc.guid_of(network_id), made_at, tree.settings, tuple(tree.notices))


def time_of(network_id: bytes) -> int | None:
    """Ticks out of a UUID of version 1, whatever they say; None for any other."""
    if len(network_id) != 16 or network_id[6] >> 4 != 1 or network_id[8] >> 6 != 2:
        return None
    digits = network_id.hex()
    return int(digits[13:16] + digits[8:12] + digits[:8], 16) - _UUID_EPOCH


def description(data: bytes) -> Description:
    """The description; raises NotThisFormat for anything else, as xml_tree does."""
    tree = xml_tree.read(data, DESCRIPTION, "hex")
    texts = (setting.text.strip() for setting in tree.settings)
    named = tuple(dict.fromkeys(text for text in texts if text.lower().endswith(".vmc")))
    if not named:
        tree.notices.append(Notice("VM-LINK", "a machine description that names no .vmc",
                                   "which machine it registers is not known"))
    return Description(named, tree.settings, tuple(tree.notices))
