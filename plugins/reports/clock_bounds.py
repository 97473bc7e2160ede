"""How far a guest's clock can have been from its host's: bounds that follow, never a guess.

A snapshot is taken at a time of the host's clock. What a guest wrote before it is in its state,
what it wrote later is not; so a time of the guest's clock lies on one side of it:

    shut down in the state of snapshot S:       guest clock - host clock >= shut down - taken(S)
    shut down after the state's parent P only:  guest clock - host clock <= shut down - taken(P)

Both hold for the moment of that shut-down; clocks drift and are set. A parent that another host
took was dated by that host's clock.
"""

from typing import Any, Final

from analyzer.plugin import Tables
from analyzer.times import TICKS_PER_SECOND

Row = dict[str, Any]

UNKNOWN: Final = "not known"
_State = tuple[str, str]
"""Machine id, snapshot id; "" for the present."""


def clock_bounds(tables: Tables) -> dict[str, str]:
    """System id of a guest -> the bounds in words; guests without any are left out."""
    taken: dict[_State, int | None] = {}
    parents: dict[_State, _State] = {}
    for row in tables.rows("snapshot"):
        own = row["vm_id"], row["snapshot_id"]
        taken[own] = row["created_at"]
        if row["parent_id"]:
            parents[own] = row["vm_id"], row["parent_id"]
        if row["is_current"]:
            parents[row["vm_id"], ""] = own
    guests = [row for row in tables.rows("system") if row["vm_id"]]
    shut = {(row["vm_id"], row["snapshot_id"]): row["shutdown_at"] for row in guests}
    found: dict[str, str] = {}
    for row in guests:
        own = row["vm_id"], row["snapshot_id"]
        at, parent = row["shutdown_at"], parents.get(own)
        low = _difference(at, taken.get(own))
        is_later = parent in shut and None not in (at, shut[parent]) and at > shut[parent]
        high = _difference(at, taken.get(parent)) if parent and is_later else None
        text = " and ".join(filter(None, (_told("at least", low), _told("at most", high))))
        if text:
            found[row["system_id"]] = f"guest clock - host clock, at its last shut-down: {text}"
    return found


def _difference(guest: int | None, host: int | None) -> int | None:
    return None if guest is None or host is None else guest - host


def _told(word: str, ticks: int | None) -> str:
    """`at least -6d 02:48:11`: whole seconds, rounded so that the bound holds."""
    if ticks is None:
        return ""
    is_low = word == "at least"
    whole = ticks // TICKS_PER_SECOND if is_low else -(-ticks // TICKS_PER_SECOND)
    days, rest = divmod(abs(whole), 86_400)
    return (f"{word} {'-' if whole < 0 else '+'}{days}d "
            f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}")
