"""The pages of tables: which tables stand on which, and the columns that a line of each shows."""

from dataclasses import dataclass
from typing import Final

from analyzer.records import TABLES, column_types

TIMES: Final = {"event": "at", "life_event": "happened_at", "log_event": "logged_at",
                "event_actor": "logged_at"}
"""Tables that are sorted by a time, and drawn on an axis."""
SHOWN: Final = {
    "event": ("at", "what", "subject", "vm_id", "system_id", "table"),
    "life_event": ("happened_at", "vm_id", "what", "subject", "certainty", "basis"),
    "finding": ("severity", "code", "title", "what", "basis", "vm_id"),
    "finding_rule": ("severity", "code", "title", "reason", "false_positives", "reference"),
    "problem": ("code", "what", "effect", "vm_id", "plugin"),
    "coverage": ("state", "place", "plugin", "system_id"),
    "volume": ("state", "volume_id", "drive_letter", "format", "offset", "size", "vm_id"),
    "log_event": ("logged_at", "meaning", "event_id", "vm_id", "vm_name", "concerns", "channel"),
    "event_actor": ("logged_at", "meaning", "account_name", "user_sid", "logon_host", "basis"),
    "file_access": ("path", "subject", "account_name", "ace", "rights", "owner_name", "vm_id"),
    "account": ("account_name", "domain", "kind", "sid", "flags", "last_logon_at", "system_id"),
    "vm_setting": ("key", "value", "value_type", "vm_id", "snapshot_id", "understood"),
    "file_entry": ("path", "size", "allocated", "note", "si_modified_at", "system_id"),
    "disk_layer": ("verdict", "path", "layer", "depth", "vm_id", "snapshot_id"),
    "snapshot": ("state", "name", "created_at", "vm_id", "parent_id"),
}
FILES: Final = 200_000
"""A list of files that is longer stays out of the report; its times are on the timeline."""
_LATER: Final = {"source", "system_id", "vm_id", "snapshot_id"}
_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class DataPage:
    """One page of tables."""

    file: str
    title: str
    about: str
    tables: tuple[str, ...]
    is_counted_whole: bool = False
    """The menu has the rows of all its tables, not of the first, which the others explain."""

    @property
    def counted(self) -> tuple[str, ...]:
        """Tables whose rows the menu counts."""
        return self.tables if self.is_counted_whole else self.tables[:1]


PAGES: Final = (
    DataPage("timeline.html", "Timeline",
             "Every dated moment in the evidence, and the story that was joined from them. Times "
             "are UTC as the system that wrote them reckoned; nothing is corrected. An opened "
             "row of a guest says how far its clock can have been from its host's.",
             ("event", "life_event")),
    DataPage("findings.html", "Findings",
             "What the analyses concluded, and why. What is not here was not found in what could "
             "be read. finding rule says what each code means and what else looks the same.",
             ("finding", "finding_rule")),
    DataPage("problems.html", "Problems",
             "What could not be read or trusted, and what that costs.", ("problem",)),
    DataPage("coverage.html", "Looked at",
             "Places that were looked at, and volumes. Nothing is said to be absent outside the "
             "places that were read.", ("coverage", "volume")),
    DataPage("logs.html", "Logs",
             "Events of the logs of Hyper-V and Windows, and under whose account they were "
             "written.", ("log_event", "event_actor")),
    DataPage("witnesses.html", "Other witnesses",
             "What else tells of machines: profiles of users, bins, journals, access logs, saved "
             "states, deleted keys.",
             ("user_trace", "recycled_file", "journal_entry", "attached_disk", "access_log_client",
              "access_log_machine", "saved_state", "vm_runtime_state", "disk_companion",
              "vm_export", "guest_identity", "deleted_registry_key", "vm_former_setting",
              "role_evidence"), is_counted_whole=True),
    DataPage("access.html", "Access",
             "Who owns the files of machines and who may do what: access lists, roles of the "
             "authorization store, accounts.", ("file_access", "access_grant", "account")),
)
_PLACED: Final = {table for page in PAGES for table in page.tables}
EVERYTHING: Final = DataPage(
    "tables.html", "All tables", "Every other table of the case.",
    tuple(sorted(table for table in TABLES if table not in _PLACED)))


def shown(table: str) -> tuple[str, ...]:
    """Columns of a line; the row opens to show all."""
    names = list(column_types(TABLES[table]))
    own = [name for name in names if name not in _LATER]
    wanted = SHOWN.get(table) or (*own[:_MOST], "vm_id")
    return tuple(name for name in wanted if name in names)


def page_of(table: str) -> str:
    """The page that a table stands on."""
    return next((page.file for page in PAGES if table in page.tables), EVERYTHING.file)
