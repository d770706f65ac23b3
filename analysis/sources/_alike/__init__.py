"""Documents that are alike become rows together: one of them is read, and the others differ from it in known values.

Formats of one document a record repeat themselves: of thousands of spans of one operation only ids, times, a statement
or a path differ. What is left of a document without those is its likeness (:mod:`analysis._kernels.json_documents`).
The readable reader makes the row of the first document of each likeness; those of all others follow from it by columns.
What the reader would not take for plain, it is given itself.
"""

from __future__ import annotations

from analysis.sources._alike.forms import Form, Target, fields
from analysis.sources._alike.reading import Alike, Made, Reader

__all__ = ["Alike", "Form", "Made", "Reader", "Target", "fields"]
