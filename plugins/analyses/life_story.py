"""The story of each machine, joined from all that tells of it."""

from collections.abc import Iterator
from itertools import chain

from analyzer.plugin import Tables, analysis
from analyzer.records import LifeEvent, Record
from plugins.story.clocks import clocks_set_back
from plugins.story.from_files import from_files
from plugins.story.from_journal import from_journal
from plugins.story.from_logs import from_logs
from plugins.story.from_settings import from_disks, from_guests, from_machines
from plugins.story.from_traces import from_access_log, from_deleted_keys, from_users
from plugins.story.joining import lines
from plugins.story.owners import Owners


@analysis("access_log_machine", "deleted_registry_key", "disk_layer", "file_access", "file_entry",
          "guest_identity", "journal_entry", "log_event", "recycled_file", "saved_state",
          "snapshot", "system", "user_trace", "virtual_machine",
          yields=(LifeEvent,))
def life_story(tables: Tables) -> Iterator[Record]:
    """What happened to each machine, in order, with witnesses, certainty and contradictions.

    Machines that only logs, lists, journals or the bin know have a story too, and so has a disk
    that no machine names. Times within two minutes that tell the same are one line.
    """
    owners = Owners(tables)
    witnesses = (from_machines, from_disks, from_files, from_guests, from_logs, from_journal,
                 from_users, from_access_log, from_deleted_keys)
    yield from lines(chain.from_iterable(told(tables, owners) for told in witnesses),
                     clocks_set_back(tables))
