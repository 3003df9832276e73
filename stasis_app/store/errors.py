"""What can be wrong with the storage."""


class StoreError(Exception):
    """The storage can't be used as configured; the text says what is wrong and how to mend it."""
