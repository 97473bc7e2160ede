"""InitialStore.xml: the authorization store of Hyper-V up to Server 2012 (AzMan XML).

    AzAdminManager Guid MajorVersion
      AzApplicationGroup Guid Name: Member*, NonMember*, AppMemberLink*, LdapQuery, BizRule
      AzApplication Guid Name
        AzOperation Guid Name: OperationID
        AzTask Guid Name RoleDefinition: OperationLink*, TaskLink*, BizRule
        AzRole Guid Name: TaskLink*, OperationLink*, Member* (SIDs), AppMemberLink*
        AzApplicationGroup, AzScope Guid Name: AzTask, AzRole, AzApplicationGroup

Links are GUIDs. A role assignment (AzRole) names tasks and members; what its members may do is
every operation that those tasks reach. A damaged file is read on behind each damage, as all XML
is (xml_salvage); what has no proved place there grants nothing.

Sources: [MS-AZMP] 2.1 ... 2.4; FIELD-GUIDE 12; docs/formats/azman.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported
from analyzer.formats import xml_tree
from analyzer.formats.xml_text import XmlText, decode, rejoined
from analyzer.formats.xml_tokens import MOST_TOKENS

LARGEST: Final = 16 * 2**20
"""Bytes. Real ones have 20 KB."""
ROOT: Final = "AzAdminManager"
_MOST_NOTICES: Final = 100
_MOST_LINKS: Final = 1_000_000
"""Followed for all roles together; a store that Windows wrote has 33 operations."""
_PIECE: Final = 65536


@dataclass(slots=True)
class Element:
    """One element as it stands; `whole` is False where the file breaks off inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: "list[Element]" = field(default_factory=list)
    whole: bool = False

    @property
    def name(self) -> str:
        """Its Name attribute."""
        return self.attributes.get("Name", "")

    @property
    def guid(self) -> str:
        """Its Guid attribute as links name it."""
        return self.attributes.get("Guid", "").strip().lower()

    def texts(self, tag: str) -> tuple[str, ...]:
        """Text of each whole child with this tag that has any."""
        return tuple(text for child in self.children
                     if child.tag == tag and child.whole and (text := child.text.strip()))


@dataclass(frozen=True, slots=True)
class Membership:
    """Who: a SID, or "" with a query or rule; `through` says by which groups, "" directly."""

    sid: str
    through: str = ""
    is_excluded: bool = False
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """One role assignment, resolved.

    scope       "" for the whole application; names of nested scopes joined by `/`
    tasks       names of role definitions and tasks, in the order met
    operations  names of operations, in the order met
    conditions  business rules (scripts) of those tasks, as text
    partial     True where links lead nowhere or the file breaks off inside it
    """

    application: str
    scope: str
    role: str
    members: tuple[Membership, ...]
    tasks: tuple[str, ...]
    operations: tuple[str, ...]
    conditions: tuple[str, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class Store:
    """The file. `version` is MajorVersion.MinorVersion."""

    version: str
    grants: tuple[Grant, ...]
    notices: tuple[Notice, ...]


def parse(data: bytes) -> Store:
    """The store in `data`.

    Raises NotThisFormat for anything else, Unsupported above LARGEST, Corrupt where there is
    nothing to read or a document type, which AzMan does not write.
    """
    if len(data) > LARGEST:
        raise Unsupported(f"XML of {len(data)} bytes: more than {LARGEST}")
    document = decode(data)
    notices = list(document.notices)
    if f"<{ROOT}" not in document.text:
        raise NotThisFormat("no AzMan store", 0)
    at = document.text.find("<!DOCTYPE")
    if at >= 0 or document.text.count("<") > MOST_TOKENS:
        raise Corrupt("a document type, or more markup than a store has", max(at, 0))
    root = _read(document) or _salvaged(rejoined(data, document), notices)
    if root.tag != ROOT:
        raise NotThisFormat(f"XML with root {root.tag[:80]!a}")
    version = ".".join(root.attributes.get(f"{part}Version", "?") for part in ("Major", "Minor"))
    return Store(version, tuple(_Links(root, notices).grants()), tuple(notices[:_MOST_NOTICES]))


def _read(document: XmlText) -> Element | None:
    """The tree of a store that is well-formed; None for any other."""
    parser = etree.XMLPullParser(
        ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, huge_tree=False, remove_comments=True, remove_pis=True,
        collect_ids=False, encoding="utf-8")
    data = document.text.encode("utf-8", "replace")
    tree = _Tree()
    try:
        for at in range(0, len(data), _PIECE):
            parser.feed(data[at:at + _PIECE])
            tree.take(parser)
        parser.close()
    except etree.XMLSyntaxError:
        return None
    tree.take(parser)
    return tree.root


def _salvaged(document: XmlText, notices: list[Notice]) -> Element:
    """What is left of a torn one; an element whose start tag is lost has no name and is no role."""
    top = xml_tree.salvaged(document, ROOT, notices)
    root = Element(top.name, top.attributes, whole=top.whole)
    pending = [(top, root)]
    while pending:
        node, element = pending.pop()
        for child in node.children:
            below = Element(child.name, child.attributes, child.text, whole=child.whole)
            if not child.headless:
                element.children.append(below)
                pending.append((child, below))
    return root


class _Tree:
    """Builds elements out of the events of a parser."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []

    def take(self, parser: "etree.XMLPullParser") -> None:
        """The events so far; an element that has ended is freed in the parser."""
        for event, found in parser.read_events():
            assert isinstance(found, etree._Element)
            if event == "start":
                made = Element(str(found.tag), {str(k): str(v) for k, v in found.attrib.items()})
                if self._open:
                    self._open[-1].children.append(made)
                elif self.root is None:
                    self.root = made
                self._open.append(made)
            else:
                ended = self._open.pop()
                ended.text, ended.whole = found.text or "", True
                found.clear()


class _Links:
    """Resolves what the roles of a store link to."""

    def __init__(self, root: Element, notices: list[Notice]) -> None:
        self._root, self._notices, self._followed = root, notices, 0
        self._known: dict[tuple[str, str], Element] = {}
        pending = [root]
        while pending:
            element = pending.pop()
            pending += reversed(element.children)
            if element.guid:
                self._known.setdefault((element.tag, element.guid), element)

    def grants(self) -> Iterator[Grant]:
        """Every role assignment, in the order of the file."""
        for application in self._root.children:
            if application.tag != "AzApplication":
                continue
            pending = [("", application)]
            while pending:
                scope, place = pending.pop()
                below = [child for child in place.children if child.tag == "AzScope"]
                pending += [(f"{scope}/{child.name}".lstrip("/"), child)
                            for child in reversed(below)]
                for role in place.children:
                    if role.tag == "AzRole":
                        yield self._grant(application.name, scope, role)

    def _grant(self, application: str, scope: str, role: Element) -> Grant:
        tasks, complete = self._reach("AzTask", role, "TaskLink")
        operations: dict[str, None] = {}
        for holder in (role, *tasks):
            for link in holder.texts("OperationLink"):
                operation = self._follow("AzOperation", link)
                complete = complete and operation is not None
                operations[operation.name if operation else f"unknown operation {link}"] = None
        members, known = self._members(role)
        whole = complete and known and role.whole and all(task.whole for task in tasks)
        if not whole:
            self._say(f"role {role.name[:80]!a}: a link leads nowhere or the file breaks off")
        rules = tuple(rule for task in tasks for rule in task.texts("BizRule"))
        return Grant(application, scope, role.name, members,
                     tuple(dict.fromkeys(task.name for task in tasks)), tuple(operations), rules,
                     not whole)

    def _reach(self, tag: str, start: Element, link: str) -> tuple[list[Element], bool]:
        """Elements that links lead to from `start`, each once; and whether all lead somewhere."""
        found: dict[int, Element] = {}
        complete, pending = True, [start]
        while pending:
            here = pending.pop()
            below = []
            for name in here.texts(link):
                target = self._follow(tag, name)
                complete = complete and target is not None
                if target is not None and id(target) not in found:
                    found[id(target)] = target
                    below.append(target)
            pending += reversed(below)
        return list(found.values()), complete

    def _follow(self, tag: str, link: str) -> Element | None:
        self._followed += 1
        return self._known.get((tag, link.lower())) if self._followed <= _MOST_LINKS else None

    def _members(self, role: Element) -> tuple[tuple[Membership, ...], bool]:
        groups, complete = self._reach("AzApplicationGroup", role, "AppMemberLink")
        rows = [Membership(sid) for sid in role.texts("Member")]
        for group in groups:
            complete = complete and group.whole
            rows += [Membership(sid, group.name) for sid in group.texts("Member")]
            rows += [Membership(sid, group.name, is_excluded=True)
                     for sid in group.texts("NonMember")]
            rows += [Membership("", group.name, condition=text)
                     for tag in ("LdapQuery", "BizRule") for text in group.texts(tag)]
        return tuple(dict.fromkeys(rows)), complete

    def _say(self, what: str) -> None:
        self._notices.append(Notice("AZMAN", what, "what it grants is not known whole"))
