"""Accounts of a system: who a SID is, as far as its own registry says.

SAM has the accounts and groups of the computer, SECURITY its name and that of its domain,
ProfileList everyone who has logged on here. Nothing is asked of a domain: an account of one has
the name of its profile folder at best, and that is said.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from analyzer.errors import Corrupt, EvidenceError
from analyzer.formats import sam
from analyzer.formats.hive import Key
from analyzer.formats.sid import (
    decode_sid,
    domain_of,
    name_by_rid,
    name_in_domain,
    well_known_name,
)
from analyzer.system import WINDOWS_NT, WindowsSystem

PROFILES = f"{WINDOWS_NT}\\ProfileList"
DOMAINS = "SAM\\Domains"
BUILTIN = "S-1-5-32"


@dataclass(frozen=True, slots=True)
class Principal:
    """One account, group or alias of SAM, with its place."""

    sid: str
    domain: str
    kind: str
    said: sam.User | sam.Group
    key: str
    """Path in the SAM hive."""

    @property
    def members(self) -> tuple[str, ...]:
        """SIDs of the direct members of a group or alias."""
        if isinstance(self.said, sam.User):
            return ()
        if self.kind == "alias":
            return self.said.members
        return tuple(f"{domain_of(self.sid)[0]}-{rid}" for rid in self.said.members)


@dataclass(frozen=True, slots=True)
class Profile:
    """One line of ProfileList."""

    sid: str
    path: str
    key: str

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return self.path.rstrip("\\").rpartition("\\")[2]


@dataclass(eq=False)
class Accounts:
    """What the hives say.

    domains     SID of the computer and of its domain -> name
    principals  those of SAM, in the order of its keys
    profiles    by SID
    groups      SID -> names of the groups and aliases that have it as a direct member
    """

    domains: dict[str, str] = field(default_factory=dict)
    principals: list[Principal] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    _by_sid: dict[str, Principal] = field(default_factory=dict)

    def add(self, principal: Principal) -> None:
        """The first of several with one SID gives it its name."""
        self.principals.append(principal)
        self._by_sid.setdefault(principal.sid, principal)
        for sid in principal.members:
            self.groups.setdefault(sid, []).append(principal.said.name)

    def domain_name(self, sid: str) -> str:
        """Name of the computer or domain that an account belongs to; "" if not known."""
        return self.domains.get(domain_of(sid)[0], "")

    def name(self, sid: str) -> str:
        r"""`WS01\kb`, `BUILTIN\Users`; "" where nothing names it.

        SAM comes first: its groups have the names of the system's language.
        """
        known = self._by_sid.get(sid)
        if known is not None:
            return f"{known.domain}\\{known.said.name}"
        fixed = well_known_name(sid)
        if fixed:
            return fixed
        domain, rid = self.domain_name(sid), domain_of(sid)[1]
        if domain and rid is not None and name_in_domain(rid):
            return f"{domain}\\{name_in_domain(rid)}"
        profile = self.profiles.get(sid)
        if profile is not None and profile.folder:
            return f"{domain}\\{profile.folder} (by its profile folder)".lstrip("\\")
        return name_by_rid(sid)


_KNOWN: "WeakKeyDictionary[WindowsSystem, Accounts]" = WeakKeyDictionary()


def accounts(system: WindowsSystem) -> Accounts:
    """The accounts of a system; read once. What cannot be read is noted in its ledger."""
    if system not in _KNOWN:
        _KNOWN[system] = _Reader(system).read()
    return _KNOWN[system]


class _Reader:
    def __init__(self, system: WindowsSystem) -> None:
        self._system, self._found = system, Accounts()

    def read(self) -> Accounts:
        if self._system.windows is not None:
            self._policy("PolPrDmS", "PolPrDmN")
            self._policy("PolAcDmS", "PolAcDmN")
            self._sam("Account")
            self._sam("Builtin")
            self._profiles()
        return self._found

    def _policy(self, sid: str, name: str) -> None:
        values = [self._system.registry.value("SECURITY", f"Policy\\{key}", "")
                  for key in (sid, name)]
        if values[0] is None or values[1] is None or not values[0].data:
            return  # a computer of a work group has no domain
        try:
            found = decode_sid(values[0].data, 0, len(values[0].data))[0]
            self._found.domains[found] = sam.counted_text(values[1].data)
        except EvidenceError as error:
            self._lost(error, "SECURITY", f"Policy\\{sid}", "the name of a domain is missing")

    def _sam(self, part: str) -> None:
        place = f"{DOMAINS}\\{part}"
        if self._system.registry.key("SAM", place) is None:
            return
        sid = self._domain(place) if part == "Account" else BUILTIN
        name = self._found.domains.get(sid, "") if part == "Account" else "BUILTIN"
        for folder, kind in (("Users", "user"), ("Groups", "group"), ("Aliases", "alias")):
            for key in self._rids(f"{place}\\{folder}"):
                try:
                    said = _DECODERS[kind](key)
                except EvidenceError as error:
                    self._lost(error, "SAM", key.path, f"this {kind} is missing")
                    continue
                if isinstance(said, sam.User):
                    self._system.notices(
                        said.notices, self._system.registry.source("SAM").at(key.path))
                self._found.add(Principal(f"{sid}-{said.rid}" if sid else "", name, kind, said,
                                          key.path))

    def _domain(self, place: str) -> str:
        """SID of the account domain, by SAM; its name by SECURITY, else SYSTEM."""
        value = self._system.registry.value("SAM", place, "V")
        try:
            if value is None:
                raise Corrupt("no value V")
            sid, name = sam.domain(value.data)
        except EvidenceError as error:
            self._lost(error, "SAM", place, "SIDs of its accounts are not known")
            return ""
        if not self._found.domains.get(sid):
            registry = self._system.registry
            self._found.domains[sid] = name or registry.text(
                "SYSTEM", f"{registry.control_set}\\Control\\ComputerName\\ComputerName",
                "ComputerName")
        return sid

    def _rids(self, path: str) -> Iterator[Key]:
        key = self._system.registry.key("SAM", path)
        for below in key.subkeys() if key is not None else ():
            if len(below.name) == 8 and set(below.name.upper()) <= set("0123456789ABCDEF"):
                yield below

    def _profiles(self) -> None:
        registry = self._system.registry
        key = registry.key("SOFTWARE", PROFILES)
        for below in key.subkeys() if key is not None else ():
            path = registry.text("SOFTWARE", f"{PROFILES}\\{below.name}", "ProfileImagePath")
            sid = below.name.removesuffix(".bak")
            self._found.profiles.setdefault(sid, Profile(sid, path, below.path))

    def _lost(self, error: EvidenceError, hive: str, key: str, effect: str) -> None:
        self._system.problem(error, self._system.registry.source(hive).at(key), effect)


def _value(key: Key, name: str) -> bytes:
    value = key.value(name)
    if value is None:
        raise Corrupt(f"no value {name}", key.offset)
    return value.data


_DECODERS: dict[str, Callable[[Key], sam.User | sam.Group]] = {
    "user": lambda key: sam.user(_value(key, "F"), _value(key, "V")),
    "group": lambda key: sam.group(_value(key, "C")),
    "alias": lambda key: sam.alias(_value(key, "C")),
}
