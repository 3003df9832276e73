"""The composition root: the only place where the rooms are wired together.

`Service` says what there is and in which order it begins and ends; each other module says how one part is made out of
the rooms it stands between.
"""

from stasis_app.app.service import Service

__all__ = ["Service"]
