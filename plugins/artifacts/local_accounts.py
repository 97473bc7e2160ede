"""Accounts, groups and profiles of a system."""

from collections.abc import Iterator

from analyzer.accounts import Accounts, Principal, Profile, accounts
from analyzer.formats.sam import User
from analyzer.plugin import artifact
from analyzer.records import Account, Record
from analyzer.system import WindowsSystem


@artifact(Account)
def local_accounts(system: WindowsSystem) -> Iterator[Record]:
    """Users, groups and aliases of SAM, and whoever else has a profile; never a password."""
    known = accounts(system)
    for principal in known.principals:
        yield system.own(_principal(system, known, principal))
    told = {principal.sid for principal in known.principals}
    for profile in known.profiles.values():
        if profile.sid not in told:
            yield system.own(_profile(system, known, profile))


def _principal(system: WindowsSystem, known: Accounts, found: Principal) -> Account:
    said = found.said
    source = system.registry.source("SAM").at(found.key)
    profile = known.profiles.get(found.sid)
    if not isinstance(said, User):
        return Account(source=source, sid=found.sid, account_name=said.name, domain=found.domain,
                       kind=found.kind, comment=said.comment,
                       members=found.members, groups=tuple(known.groups.get(found.sid, ())),
                       basis=found.key, partial=said.partial)
    return Account(
        source=source, sid=found.sid, account_name=said.name, domain=found.domain,
        kind=found.kind, full_name=said.full_name, comment=said.comment, flags=said.flags,
        groups=tuple(known.groups.get(found.sid, ())), profile_path=profile.path if profile else "",
        logon_count=said.logon_count, basis=found.key, last_logon_at=said.last_logon_at,
        password_set_at=said.password_set_at, bad_password_at=said.bad_password_at)


def _profile(system: WindowsSystem, known: Accounts, profile: Profile) -> Account:
    return Account(
        source=system.registry.source("SOFTWARE").at(profile.key), sid=profile.sid,
        account_name=known.name(profile.sid), domain=known.domain_name(profile.sid),
        kind="profile", groups=tuple(known.groups.get(profile.sid, ())), profile_path=profile.path,
        basis=profile.key)
