"""`choose`: one of several choices."""

from flows.steps.base import Basic


class Choose(Basic):
    """One press answers."""

    name = "choose"


KIND = Choose()
