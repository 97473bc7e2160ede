"""A workbook in which every text is text, whatever stands in it.

XlsxWriter takes a text that begins with `<r>` and ends with `</r>` for mark-up of its own and puts
it into the sheet as it is: a machine with such a name makes the workbook unreadable, or a formula.
And it escapes `_x0041_x0042_` so that a reader shows `_x0041B`. Characters that XML cannot hold are
written as `_xHHHH_`, and the underscore of a text that reads like that as `_x005F_` (ECMA-376-1,
22.9.2.19, ST_Xstring).
"""

import re
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

_UNHELD = r"[\x00-\x08\x0b-\x1f\ufffe\uffff]"
_ESCAPED: Final = re.compile(rf"{_UNHELD}|_(?=x[0-9A-Fa-f]{{4}}(?:_|{_UNHELD}))")
"""What is escaped: an underscore, too, that an escape behind it would make the head of another."""


class TextSheet(Worksheet):  # type: ignore[misc] # XlsxWriter has no types
    """A sheet without rich strings; overrides two steps of writing a cell's XML."""

    @staticmethod
    def _escape_control_characters(data: str | int) -> str | int:
        if not isinstance(data, str):
            return data
        return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", data)

    def _xml_rich_inline_string(self, string: str, attributes: Any = ()) -> None:
        self._xml_inline_string(string, False, attributes)  # noqa: FBT003 - no space at its ends


class TextBook(Workbook):  # type: ignore[misc] # XlsxWriter has no types
    """Makes such sheets."""

    worksheet_class = TextSheet
