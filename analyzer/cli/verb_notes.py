"""What `--help` of each verb says at its end: examples, files written, exit codes.

The examples are run by a test, with host.E01 the bundled image, and case its case.
"""

from typing import Final

_CASE_CODES: Final = {0: "done", 2: "no such case, or the command line cannot be carried out"}
_ADDRESS_CODES: Final = {
    0: "done", 2: "no such image, volume or path", 3: "the evidence could not be read there"}
_WEB: Final = "'host.E01!/D:/VMs/WEB01/WEB01.vhd'"
_SNAPSHOT: Final = ("'host.E01!/D:/VMs/WEB01/Snapshots/B50C7839-8C97-4EBF-ABD2-F37363804484/"
                    "WEB01_F38EEF68-6BED-42B5-8C4D-D35C2F93AD00.avhd'")
_CONFIGURATION: Final = ("'host.E01!/D:/VMs/WEB01/Virtual Machines/"
                         "B50C7839-8C97-4EBF-ABD2-F37363804484.xml'")
_EXAMPLES: Final = {
    "analyze": ("vmtrail analyze host.E01 -o case",
                "vmtrail analyze c.E01 d.E01 -o case --jobs 4",
                "vmtrail analyze host.E01 -o case --resume"),
    "report": ("vmtrail report case", "vmtrail report case --format xlsx,ez"),
    "inventory": ("vmtrail inventory case", "vmtrail inventory case --format json > vms.json",
                  "vmtrail inventory case --timezone Europe/Berlin"),
    "findings": ("vmtrail findings case", "vmtrail findings case --severity medium --json"),
    "timeline": ("vmtrail timeline case --vm DC01 --from 2009-07-01 --to 2009-08-01",
                 "vmtrail timeline case --vm DC01 --story",
                 "vmtrail timeline case --format l2tcsv > case.l2t.csv",
                 "vmtrail timeline case --timezone Europe/Berlin > local.csv"),
    "query": ('vmtrail query case "SHOW TABLES"', 'vmtrail query case "DESCRIBE snapshot"',
              'vmtrail query case "SELECT name, created_at FROM snapshot ORDER BY 2"',
              'vmtrail query case --csv "SELECT path, verdict FROM disk_layer" > disks.csv'),
    "diff": ("vmtrail diff case-march case-may",
             "vmtrail diff case-march case-may --format csv > changes.csv"),
    "estate": ("vmtrail estate case", "vmtrail estate case --format json"),
    "verify": ("vmtrail verify case --no-hash --share 0.02",
               "vmtrail verify case --evidence . --no-hash --share 0.01"),
    "ls": ("vmtrail ls host.E01", "vmtrail ls 'host.E01!/D:/VMs'",
           f"vmtrail ls {_WEB[:-1]}!/C:/'"),
    "cat": ("vmtrail cat 'host.E01!/D:/VMs/WEB01/WEB01.vhd!/C:/bootmgr' > bootmgr",),
    "stat": ("vmtrail stat host.E01", f"vmtrail stat {_WEB}", f"vmtrail stat {_WEB} --json"),
    "export": (f"vmtrail export {_WEB} -o web.vhd", "vmtrail export case --to sqlite -o case.db"),
    "config": (f"vmtrail config {_CONFIGURATION}",),
    "mount": ("vmtrail mount host.E01 /mnt/host", f"vmtrail mount {_WEB} /mnt/web"),
    "plugins": ("vmtrail plugins", "vmtrail plugins --json"),
    "disk info": (f"vmtrail disk info {_WEB}",),
    "disk chain": (f"vmtrail disk chain {_SNAPSHOT}",),
    "disk export": (f"vmtrail disk export {_SNAPSHOT} -o web.raw --format raw",),
    "disk compare": (f"vmtrail disk compare {_WEB} {_SNAPSHOT}",),
}
_FILES: Final = {
    "analyze": "CASE/case.json, CASE/journal.jsonl, CASE/tables/, CASE/reports/, CASE/poison/",
    "report": "CASE/reports/ (docs/reports.md says which file is for what)",
    "export": "FILE",
    "disk export": "FILE, FILE.json; FILE.part while it lasts",
}
_CODES: Final[dict[str, dict[int, str]]] = {
    "analyze": {0: "finished; problems, if any, are in the report", 2: "nothing was begun",
                3: "no image could be read", 4: "partial: a volume or task was lost, or the disk "
                "is full", 5: "an error of vmtrail itself", 6: "another run is using the case",
                130: "interrupted (143: SIGTERM); --resume goes on"},
    "report": _CASE_CODES | {4: "a report could not be written", 5: "an error of vmtrail itself",
                             6: "another run is using the case"},
    "verify": {0: "all that was checked holds", 2: "the case or an image is not there",
               3: "an image could not be read", 4: "something no longer holds"},
    "config": {0: "done", 2: "no such file", 3: "it is no configuration",
               4: "damage hides a part of it"},
    "disk export": _ADDRESS_CODES | {4: "some ranges could not be read and are zeros in FILE"},
    "plugins": {0: "done"},
    **dict.fromkeys(("inventory", "findings", "timeline", "query", "diff", "estate"),
                    _CASE_CODES),
    **dict.fromkeys(("ls", "cat", "stat", "export", "mount", "disk info", "disk chain",
                     "disk compare"), _ADDRESS_CODES),
}


def notes(verb: str) -> str:
    """The end of the help of a verb."""
    codes = "\n".join(f"  {code:<3}  {text}" for code, text in _CODES[verb].items())
    writes = _FILES.get(verb, "nothing; what it finds goes to standard output")
    return "\n\n".join(("examples:\n" + "\n".join(f"  {line}" for line in _EXAMPLES[verb]),
                        f"writes:\n  {writes}", f"exit codes:\n{codes}"))


def examples() -> dict[str, tuple[str, ...]]:
    """The examples of each verb."""
    return dict(_EXAMPLES)
