"""Names of machines by their id, for rows that carry the id only."""

from analyzer.plugin import Tables


def machine_names(tables: Tables) -> dict[str, str]:
    """Id -> name; several names of one id (a copy, a rename) are joined with ` / `."""
    names: dict[str, list[str]] = {}
    for row in tables.rows("virtual_machine"):
        known = names.setdefault(row["vm_id"], [])
        if row["name"] not in known:
            known.append(row["name"])
    return {vm_id: " / ".join(known) for vm_id, known in names.items()}
