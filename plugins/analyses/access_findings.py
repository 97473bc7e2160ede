"""What access lists and groups say about machines and their masters."""

from collections.abc import Iterator

from analyzer.formats.sid import HYPERV_ADMINISTRATORS, machine_id
from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

BASIS = "direct: its SID, S-1-5-83-1-..., is in the access list"


@analysis("account", "disk_layer", "file_access", "virtual_machine", yields=(Finding,))
def access_findings(tables: Tables) -> Iterator[Record]:
    """Disks that let in machines whose configurations do not name them; Hyper-V Administrators."""
    known = {(row["system_id"], row["vm_id"]): row for row in tables.rows("virtual_machine")}
    users = {(row["system_id"], row["path"], row["vm_id"]) for row in tables.rows("disk_layer")}
    for row in tables.rows("file_access"):
        vm_id, path = machine_id(row["sid"]), row["path"]
        machine = known.get((row["system_id"], vm_id))
        if row["subject"] != "virtual disk" or machine is None or machine["format"] == "none":
            continue
        if (row["system_id"], path, vm_id) not in users:
            yield Finding.about(row, "DISK-FORMER", f"{path} has an entry for "
                                f"{machine['name'] or vm_id}, whose configuration does not "
                                "name it", BASIS)
    accounts = list(tables.rows("account"))
    names = {(row["system_id"], row["sid"]): f"{row['domain']}\\{row['account_name']}"
             for row in accounts if row["kind"] != "profile"}
    for row in accounts:
        if row["sid"] == HYPERV_ADMINISTRATORS and len(row["members"]):
            members = [names.get((row["system_id"], sid), sid) for sid in row["members"]]
            yield Finding.about(row, "HYPERV-ADMINS", f"{row['account_name']} has the members "
                                f"{', '.join(members)}", "direct: alias 578 of SAM")
