"""Records of accounts, and of who may do what."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Record):
    """One account, group or alias that an installation knows."""

    sid: str
    account_name: str
    """Its name; "" where only the SID is known."""
    domain: str
    """Computer or domain that gave it out; BUILTIN for the built-in groups; "" if not known."""
    kind: str
    """user, group, alias, profile (known from ProfileList only)."""
    full_name: str = ""
    comment: str = ""
    flags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Groups and aliases of this installation that have it as a direct member."""
    members: tuple[str, ...] = ()
    """SIDs of the direct members of a group or alias."""
    profile_path: str = ""
    logon_count: int | None = None
    """As counted since the last reset; wraps at 65,536."""
    basis: str
    """Registry key that says so."""
    partial: bool = False
    """True where members could not be read whole."""
    last_logon_at: int | None = moment("Account last logged on")
    password_set_at: int | None = moment("Password of account last set")
    bad_password_at: int | None = moment("Wrong password for account last given")

    TOPIC: ClassVar[str] = "account"

    def describe(self) -> str:
        return f"{self.domain}\\{self.account_name} ({self.sid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant(Record):
    """One member of one role of an authorization store, and what the role may do."""

    path: str
    application: str
    scope: str
    """"" for the whole application."""
    role: str
    sid: str
    """"" for a role without members, and for members by a query or rule."""
    account_name: str = ""
    membership: str
    """member, no member, or by which group; excluded where the group says so."""
    tasks: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    """All that the tasks of the role reach."""
    condition: str = ""
    """Scripts and queries that narrow it down, as text; they are not evaluated."""
    validity: str
    """Whether this version of Windows goes by the store."""
    partial: bool = False

    NEVER_SEEN: ClassVar[str] = (
        "InitialStore.xml of a real host; its elements are those of other real authorization "
        "stores.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccess(Record):
    """One entry of the access list of a file or folder that belongs to machines.

    `vm_id` is the machine that the trustee is; for any other trustee the machine whose file it
    is, where that is one.
    """

    path: str
    """Windows path of the file or folder."""
    subject: str
    """What the file is: virtual disk, configuration, link, saved state, companion of a disk,
    run-time state, register, folder; "$Secure" for a stored list that none of these has (any
    more)."""
    owner_sid: str
    """Owner of the file."""
    owner_name: str = ""
    """Who that is by this system's registry; "" where nothing names it."""
    sid: str
    """Of the trustee; "" where the list is absent, empty or cannot be read."""
    account_name: str = ""
    """Who the trustee is, in the same way."""
    ace: str
    """allowed, denied ...; no list (everyone may do everything), empty list (no one)."""
    rights: str = ""
    """The rights in words."""
    mask: int | None = None
    """The rights as they stand."""
    is_inherited: bool | None = None
    """True where a folder above gives it."""
    is_inherit_only: bool | None = None
    """True where it concerns only what lies below a folder."""
    partial: bool = False
    """True where entries of this list could not be read."""
