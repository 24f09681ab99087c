"""What can be wrong with a state; every message says where, why and what to do."""


class StateError(Exception):
    """The state can't be used as asked."""


class StateLocked(StateError):
    """Another process writes this state."""


class StateUnwritable(StateError):
    """The disk took nothing of a transaction: it is full, or it failed. Nothing was half written."""


class StateFull(StateUnwritable):
    """The same, because its disk has no room left."""


class StateUnusable(StateError):
    """There is no state, or it is of another version, or it is damaged."""
