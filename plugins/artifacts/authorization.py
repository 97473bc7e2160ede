"""The authorization store of Hyper-V: who may do what, by role."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.accounts import accounts
from analyzer.errors import EvidenceError, NotInEvidence
from analyzer.formats import azman
from analyzer.plugin import artifact
from analyzer.records import AccessGrant, Record
from analyzer.system import REGISTER, VIRTUALIZATION, WINDOWS_NT, WindowsSystem
from analyzer.volume import Item

PLACES = (f"{REGISTER}\\InitialStore.xml",
          "ProgramData\\Microsoft\\Virtual Machine Manager\\HyperVAuthStore.xml")
"""Of Hyper-V, and of System Center Virtual Machine Manager."""
WITHOUT_EFFECT, DEPRECATED = (6, 3), (6, 2)
"""Windows versions since when Hyper-V does not go by the store, and warns of it."""


@artifact(AccessGrant)
def authorization(system: WindowsSystem) -> Iterator[Record]:
    """Roles of InitialStore.xml (Authorization Manager): members, scope, operations, scripts."""
    known, validity = accounts(system), _validity(system)
    for item in _stores(system):
        try:
            store = azman.parse(item.read(azman.LARGEST))
        except EvidenceError as error:
            system.problem(error, item.source, "who may do what by this store is not known")
            continue
        system.notices(store.notices, item.source)
        place = item.placed()
        for grant in store.grants:
            for member in grant.members or (azman.Membership(""),):
                yield system.own(AccessGrant(
                    source=replace(place, detail=f"AzRole {grant.role}"), path=item.path,
                    application=grant.application, scope=grant.scope, role=grant.role,
                    sid=member.sid, account_name=known.name(member.sid),
                    membership=_membership(grant, member), tasks=grant.tasks,
                    operations=grant.operations, validity=validity, partial=grant.partial,
                    condition="\n".join(filter(None, (*grant.conditions, member.condition)))))


def _membership(grant: azman.Grant, member: azman.Membership) -> str:
    if not grant.members:
        return "no member"
    if not member.through:
        return "member"
    return f"{'excluded' if member.is_excluded else 'member'} by the group {member.through}"


def _validity(system: WindowsSystem) -> str:
    """By the version of Windows: deprecated in 2012, without effect in 2012 R2 (FIELD-GUIDE 12)."""
    registry = system.registry
    version = registry.text("SOFTWARE", WINDOWS_NT, "CurrentVersion")  # 6.3 since 2012 R2
    parts = version.split(".")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return "not known: the version of Windows cannot be read"
    number = int(parts[0]), int(parts[1])
    if number >= WITHOUT_EFFECT:
        return f"without effect: Windows {version} does not go by the store"
    return "in effect, deprecated" if number >= DEPRECATED else "in effect"


def _stores(system: WindowsSystem) -> Iterator[Item]:
    """The store that the registry names, and those in the usual places; each once."""
    if system.windows is None:
        return
    root = system.windows.volume.windows_path("/")
    named = system.registry.text("SOFTWARE", VIRTUALIZATION, "StoreLocation")
    kind, _, path = named.partition("://")
    if named and kind.lower() != "msxml":
        system.problem(NotInEvidence(f"the store is at {named!a}"),
                       system.registry.source("SOFTWARE").at(VIRTUALIZATION),
                       "who may do what is not known")
        path = ""
    seen: set[str] = set()
    for place in filter(None, (path, *(root + place for place in PLACES))):
        try:
            item = system.find(place)
        except EvidenceError as error:
            system.problem(error, system.source.at(place), "this store is not read")
            system.cover(f"{place}: authorization store", "unreadable")
            continue
        if item is None or item.entry.is_directory:
            system.cover(f"{place}: authorization store", "absent")
        elif item.path.lower() not in seen:
            seen.add(item.path.lower())
            system.cover(f"{place}: authorization store", "read")
            yield item
