"""Machine configuration XML of Hyper-V 2008 ... 2012 R2 (and 5.0 machines kept on later hosts).

    <configuration>
      <_83f8638b-8dca-4152-9eda-2ca8b33039b4_>     device data, `_<instance GUID>_`
      <global_settings> <manifest> <properties> <savedstate> <settings>

    properties/name type="string"                  leaves carry type=, containers do not

Three steps: the encoding from the bytes (xml_text), strict XML by lxml, hardened; and where that
refuses, what is certain before and after the damage (xml_salvage). lxml's own `recover` mode is
not used: it reports values that were cut in the middle as whole ones.

Source: FIELD-GUIDE 2, measured on two files of Server 2012 R2; docs/formats/vm-xml.md.
"""

import re
from typing import Final

from lxml import etree

from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported
from analyzer.formats import vm_configuration, vm_settings
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_salvage import MOST_TOKENS, salvage
from analyzer.formats.xml_text import XmlText, decode

__all__ = ["LARGEST", "VmConfiguration", "parse"]

LARGEST: Final = 16 * 2**20
"""Bytes. Real ones have 40 KB."""
_ROOT: Final = "configuration"
_SECTIONS: Final = ("global_settings", "manifest", "properties", "savedstate", "settings")
_DEVICE = re.compile(r"_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}_")
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_FIRST_TAG = re.compile(r"<(?![?!/])([^\s<>/]*)(.?)", re.DOTALL)
_PROLOG: Final = 4096
"""Characters in which the root's start tag is looked for."""


def parse(data: bytes) -> VmConfiguration:
    """The configuration of a machine or snapshot.

    Raises NotThisFormat for anything else, Unsupported above LARGEST, and Corrupt where it
    looks like one and no setting of it can be read.
    """
    if len(data) > LARGEST:
        raise Unsupported(f"XML of {len(data)} bytes: more than {LARGEST}")
    document = decode(data)
    _probe(document.text)
    notices = list(document.notices)
    at = document.text.find("<!DOCTYPE")
    if at >= 0:
        notices.append(Notice("XML-DOCTYPE", "has a document type, as Hyper-V writes none",
                              "its entities are not resolved", document.offset_of(at)))
    root = _strict(document.text)
    partial = root is None
    if root is None:
        root = _salvaged(document, notices)
    elif document.odd_end:
        notices.append(Notice("XML-TAIL", "half a character after the end", "ignored"))
    vm_settings.number(root)
    settings = tuple(vm_settings.leaves(root))
    _check(root, partial=partial, empty=not settings)
    return vm_configuration.build(root, settings, notices, partial=partial)


def _probe(text: str) -> None:
    """Raises NotThisFormat as soon as the root's name says so."""
    if f"</{_ROOT}>" in text[-200:]:
        return  # whatever happened to its beginning
    if not text.lstrip().startswith("<"):
        raise NotThisFormat("no XML", 0)
    first = _FIRST_TAG.search(_COMMENT.sub("", text[:_PROLOG]))
    if first is None or first[1] == _ROOT or (not first[2] and _ROOT.startswith(first[1])):
        return
    raise NotThisFormat(f"XML with root {first[1][:80]!a}")


def _strict(text: str) -> Node | None:
    """The tree of well-formed XML without references to entities; None for any other."""
    if text.count("<") > MOST_TOKENS:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False,
                             dtd_validation=False, huge_tree=False, remove_comments=True,
                             remove_pis=True, collect_ids=False, encoding="utf-8")
    try:
        top = etree.fromstring(text.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        return None
    if next(top.iter(etree.Entity), None) is not None:
        return None
    return _node(top)


def _node(top: etree._Element) -> Node:
    """lxml's element as Node; libxml2 has made sure that it is at most 256 deep."""
    root = Node(str(top.tag), top.get("type", ""))
    pending = [(top, root)]
    while pending:
        element, node = pending.pop()
        if len(element) == 0:
            node.text = element.text or ""
        for child in element:
            below = Node(str(child.tag), child.get("type", ""))
            node.children.append(below)
            pending.append((child, below))
    return root


def _salvaged(document: XmlText, notices: list[Notice]) -> Node:
    """What is left of a damaged file, with a notice of what is lost."""
    found = salvage(document.text)
    if found.root is None:
        raise Corrupt(f"nothing of the XML can be read: {found.damage}",
                      document.offset_of(found.lost_from))
    start = document.offset_of(found.lost_from)
    length = document.offset_of(found.lost_to) - start
    what = found.damage or "not well-formed"
    effect = f"{length} bytes are not read" if found.damage else "read leniently"
    notices.append(Notice("XML-PARTIAL", what, effect, start, length))
    return found.root


def _check(root: Node, *, partial: bool, empty: bool) -> None:
    """Tells configurations of machines from those of .NET programs, which share the root."""
    if root.name != _ROOT:
        raise NotThisFormat(f"XML with root {root.name[:80]!a}")
    ours = any(child.name in _SECTIONS or _DEVICE.fullmatch(child.name) for child in root.children)
    if ours and not empty:
        return
    if partial and (ours or not root.children):
        raise Corrupt("torn before the first setting")
    raise NotThisFormat("XML configuration of something other than a virtual machine")
