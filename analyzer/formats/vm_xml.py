"""Machine configuration XML of Hyper-V 2008 ... 2012 R2 (and 5.0 machines kept on later hosts).

    <configuration>
      <_83f8638b-8dca-4152-9eda-2ca8b33039b4_>     device data, `_<instance GUID>_`
      <global_settings> <manifest> <properties> <savedstate> <settings>

    properties/name type="string"                  leaves carry type=, containers do not

Source: FIELD-GUIDE 2, measured on three files of Server 2012 R2; docs/formats/vm-xml.md.
"""

import re
from typing import Final

from analyzer.errors import Corrupt, NotThisFormat
from analyzer.formats import vm_configuration, xml_tree
from analyzer.formats.vm_configuration import ROOT, VmConfiguration
from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_salvage import APART
from analyzer.formats.xml_tree import LARGEST

__all__ = ["LARGEST", "ROOT", "VmConfiguration", "parse"]

_SECTIONS: Final = ("global_settings", "manifest", "properties", "savedstate", "settings")
_DEVICE = re.compile(r"_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}_")


def parse(data: bytes) -> VmConfiguration:
    """The configuration of a machine or snapshot.

    Raises NotThisFormat for anything else, Unsupported above LARGEST, and Corrupt where it
    looks like one and no setting of it can be read.
    """
    tree = xml_tree.read(data, ROOT)
    _check(tree.root, partial=tree.partial, empty=not tree.settings)
    return vm_configuration.build(tree.root, tree.settings, tree.notices, partial=tree.partial)


def _check(root: Node, *, partial: bool, empty: bool) -> None:
    """Tells configurations of machines from those of .NET programs, which share the root."""
    apart = [node for child in root.children if child.name.startswith(APART)
             for node in child.children]
    ours = any(node.name in (*_SECTIONS, root.name) or _DEVICE.fullmatch(node.name)
               for node in root.children + apart)
    if ours and not empty:
        return
    if partial and (ours or not root.children):
        raise Corrupt("torn before the first setting")
    raise NotThisFormat("XML configuration of something other than a virtual machine")
