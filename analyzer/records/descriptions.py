"""What each field of a record class means, as its source says below the field."""

import ast
import inspect
import re
import textwrap


def field_texts(record: type) -> dict[str, str]:
    """Field name -> the string that stands below it in the class, on one line."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) \
                and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            found[statement.target.id] = " ".join(str(following.value.value).split())
    return found


def aligned_texts(kind: type) -> dict[str, str]:
    """Field name -> what the docstring of the class says of it, in lines `name   text`."""
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(kind) or "").splitlines():
        named = re.match(r"(\w+) {2,}(\S.*)", line)
        if named:
            name, found[named[1]] = named[1], named[2]
        elif name and line.startswith("  "):
            found[name] += f" {line.strip()}"
    return found
