"""Access lists of the files of machines."""

from collections.abc import Iterator

from analyzer.accounts import Accounts, accounts
from analyzer.formats.security_descriptor import Ace
from analyzer.formats.sid import machine_id
from analyzer.machines.access import Subject, subjects
from analyzer.plugin import artifact
from analyzer.records import FileAccess, Record
from analyzer.system import WindowsSystem


@artifact(FileAccess)
def file_access(system: WindowsSystem) -> Iterator[Record]:
    """Owner and access list of virtual disks, configurations, links, saved states, folders.

    An entry for `S-1-5-83-1-...` is a machine's right: proof that the file was made its own.
    """
    known = accounts(system)
    for subject in subjects(system):
        for ace in subject.aces:
            yield system.own(_row(subject, known, ace, ace.kind))
        if not subject.security.dacl:
            yield system.own(_row(subject, known, None, "no list"
                                  if subject.security.dacl is None else "empty list"))


def _row(subject: Subject, known: Accounts, ace: Ace | None, kind: str) -> FileAccess:
    owner = subject.security.owner
    sid = ace.sid if ace is not None else ""
    return FileAccess(
        source=subject.source, vm_id=machine_id(sid) or subject.vm_id, path=subject.path,
        subject=subject.what, owner_sid=owner, owner_name=known.name(owner), sid=sid,
        account_name=known.name(sid), ace=kind, rights=ace.rights if ace else "",
        mask=ace.mask if ace else None, is_inherited=ace.is_inherited if ace else None,
        is_inherit_only=ace.is_inherit_only if ace else None,
        partial=bool(subject.security.notices))
