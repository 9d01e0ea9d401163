"""The forecast replayed on measured tasks, each by what tasks of other sources taught.

At each budget the controller decides as if nothing were known: the source hands out what a live
one found, and books what that took. The rivals are asked with the same findings.
"""

from __future__ import annotations

