"""Settings of Hyper-V Manager and vmconnect in a user's profile: what was managed, from where.

`AppData\\Roaming\\Microsoft\\Windows\\Hyper-V\\Client\\1.0`, XML (UTF-8):

    configuration / Microsoft.Virtualization.Client.* / setting[@name][@type] / value

    virtmgmt.VMBrowser.config     BrowserComputerNames, AutoCompleteComputerNames (joined by ";"),
                                  PreviousSelectedServer
    vmconnect.rdp.<GUID>.config   VmName, VmServerName, RedirectedDrives ... of one machine
    others                        clientsettings, vmconnect, vmwizards, user .config

Sources: FIELD-GUIDE 12; AutomatedLab's and other public writers of vmconnect.rdp.*.config;
docs/formats/hyperv-client.md. No file as Hyper-V Manager wrote it was seen.
"""

import re
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Notice
from analyzer.formats import xml_tree
from analyzer.formats.guid import normalise
from analyzer.formats.vm_settings import Node

LARGEST: Final = 4 << 20
_CONNECTED: Final = re.compile(r"vmconnect\.rdp\.(.+)\.config", re.IGNORECASE)
_HOSTS: Final = ("BrowserComputerNames", "AutoCompleteComputerNames", "PreviousSelectedServer")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """One file: (name, value) of each setting in order, and what damage cost."""

    settings: tuple[tuple[str, str], ...]
    notices: list[Notice]

    def value(self, name: str) -> str:
        """The first value of a setting; "" where it is absent."""
        return next((text for known, text in self.settings if known == name), "")

    def hosts(self) -> dict[str, tuple[str, ...]]:
        """Computers that Hyper-V Manager lists -> the settings that name each."""
        found: dict[str, tuple[str, ...]] = {}
        for setting in _HOSTS:
            for host in filter(None, map(str.strip, self.value(setting).split(";"))):
                found[host] = (*found.get(host, ()), setting)
        return found


def machine_of(name: str) -> str:
    """GUID of the machine that a file `vmconnect.rdp.<GUID>.config` is about; "" for others."""
    match = _CONNECTED.fullmatch(name)
    return normalise(match[1]) if match else ""


def parse(data: bytes) -> ClientSettings:
    """The settings of a file; raises NotThisFormat, Unsupported, Corrupt as xml_tree does."""
    tree = xml_tree.read(data, "configuration")
    found: list[tuple[str, str]] = []
    pending = [tree.root]
    while pending:
        node = pending.pop()
        if node.name == "setting":
            found.append((node.attributes.get("name", ""), _text(node)))
        pending += reversed(node.children)
    return ClientSettings(tuple(found), tree.notices)


def _text(setting: Node) -> str:
    value = setting.child("value")
    return value.text if value is not None else setting.text
