"""XML of evidence -> the tree of settings (vm_settings.Node): one reader for every kind of file.

Three steps: the encoding from the bytes (xml_text), strict XML by lxml, hardened; and where that
refuses, what is certain before, between and after the damages (xml_salvage). lxml's own `recover`
mode is not used: it reports values that were cut in the middle as whole ones.
"""

from dataclasses import dataclass
from typing import Final

from lxml import etree

from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported
from analyzer.formats import vm_settings
from analyzer.formats.vm_settings import Encoding, Node, Setting
from analyzer.formats.xml_salvage import salvage
from analyzer.formats.xml_text import XmlText, decode, rejoined
from analyzer.formats.xml_tokens import MOST_TOKENS, first_tag

LARGEST: Final = 16 * 2**20
"""Bytes. Real configurations have 40 KB."""
MOST_LOSSES: Final = 100
"""Damages that have a notice each."""


@dataclass(frozen=True, slots=True)
class XmlTree:
    """A file's elements; `partial` where damage hides some, which a notice tells."""

    root: Node
    settings: tuple[Setting, ...]
    """Every leaf, in order of the file."""
    notices: list[Notice]
    partial: bool


def read(data: bytes, name: str = "", encoding: Encoding = "base64") -> XmlTree:
    """The tree of a file whose root element is `name`; "" takes any.

    `encoding` is that of leaves of type bytes. Raises NotThisFormat for anything else,
    Unsupported above LARGEST, and Corrupt where nothing can be read.
    """
    if len(data) > LARGEST:
        raise Unsupported(f"XML of {len(data)} bytes: more than {LARGEST}")
    document = _probed(data, name)
    notices = list(document.notices)
    at = document.text.find("<!DOCTYPE")
    if at >= 0:
        notices.append(Notice("XML-DOCTYPE", "has a document type, as Hyper-V writes none",
                              "its entities are not resolved", document.offset_of(at)))
    root = _strict(document.text)
    partial = root is None
    if root is None:
        root = salvaged(rejoined(data, document), name, notices)
    elif document.odd_end:
        notices.append(Notice("XML-TAIL", "half a character after the end", "ignored"))
    if name and root.name != name:
        raise NotThisFormat(f"XML with root {root.name[:80]!a}")
    vm_settings.number(root)
    return XmlTree(root, tuple(vm_settings.leaves(root, encoding)), notices, partial)


def _probed(data: bytes, name: str) -> XmlText:
    """The text of `data`; raises NotThisFormat as soon as the root's name says so."""
    document = decode(data)
    if name:
        try:
            _probe(document.text, name)
        except NotThisFormat:
            document = rejoined(data, document)
            _probe(document.text, name)
    return document


def _probe(text: str, name: str) -> None:
    """Raises NotThisFormat where neither the first nor the last tag is that of `name`."""
    if f"</{name}>" in text[-200:]:
        return  # whatever happened to its beginning
    if not text.lstrip().startswith("<"):
        raise NotThisFormat("no XML", 0)
    found, is_whole = first_tag(text)
    if found is None or found == name or (not is_whole and name.startswith(found)):
        return
    raise NotThisFormat(f"XML with root {found[:80]!a}")


def _strict(text: str) -> Node | None:
    """The tree of well-formed XML without references to entities; None for any other.

    None too where text stands beside elements: it belongs to no leaf, and salvage says so.
    """
    if text.count("<") > MOST_TOKENS:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False,
                             dtd_validation=False, huge_tree=False, remove_comments=True,
                             remove_pis=True, collect_ids=False, encoding="utf-8")
    try:
        top = etree.fromstring(text.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        return None
    if next(top.iter(etree.Entity), None) is not None or any(map(_has_text_between, top.iter())):
        return None
    return _node(top)


def _has_text_between(element: etree._Element) -> bool:
    texts = (element.text, *(child.tail for child in element)) if len(element) else ()
    return any(text and not text.isspace() for text in texts)


def _node(top: etree._Element) -> Node:
    """lxml's element as Node; libxml2 has made sure that it is at most 256 deep."""
    root = _empty(top)
    pending = [(top, root)]
    while pending:
        element, node = pending.pop()
        if len(element) == 0:
            node.text = element.text or ""
        for child in element:
            below = _empty(child)
            node.children.append(below)
            pending.append((child, below))
    return root


def _empty(element: etree._Element) -> Node:
    attributes = {str(name): str(value) for name, value in element.items() if name != "type"}
    return Node(str(element.tag), element.get("type", ""), attributes=attributes)


def salvaged(document: XmlText, name: str, notices: list[Notice]) -> Node:
    """What is left of a damaged file, with a notice of each stretch that is lost.

    Raises Corrupt where that is nothing.
    """
    found = salvage(document.text, name, document.offset_of)
    lost = [(document.offset_of(loss.start), document.offset_of(loss.end), loss)
            for loss in found.losses[:MOST_LOSSES]]
    if found.root is None:
        why = found.losses[0].why if found.losses else "no element"
        raise Corrupt(f"nothing of the XML can be read: {why}", lost[0][0] if lost else 0)
    if not lost:
        notices.append(Notice("XML-PARTIAL", "not well-formed", "read leniently"))
    for start, end, loss in lost:
        effect = f"{end - start} bytes are not read"
        if loss.apart:
            effect += f"; the place of {loss.apart} elements is not proved, they stand apart"
        inside = f", inside {loss.inside}" if loss.inside else ""
        notices.append(Notice("XML-PARTIAL", f"{loss.why}{inside}", effect, start, end - start))
    if len(found.losses) > len(lost):
        notices.append(Notice("XML-PARTIAL", f"{len(found.losses) - len(lost)} more damages",
                              "as those before", lost[-1][0]))
    return found.root
