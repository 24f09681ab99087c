"""What a word of a person comes to, whichever it is."""

import msgspec

from tercio.loop.state import LoopState, Memory
from tercio.model.incidents import Incident
from tercio.model.precision import Precision
from tercio.model.words import NOT_DONE


class Heard(msgspec.Struct, frozen=True):
    """What a word came to: the memory after it, leases to cancel, one sentence for whoever said it, the ``incident``
    that it changed, and what is ``learned`` of rules by it."""

    memory: Memory
    cancel: tuple[str, ...]
    answer: str
    incident: Incident | None = None
    learned: tuple[Precision, ...] = ()


def refused(state: LoopState, why: str) -> Heard:
    """A word that changes nothing, and why."""
    return Heard(state.memory, (), f"{NOT_DONE}{why}")


def begins(name: str, text: str) -> bool:
    """With or without its kind: ``lse-0a1b`` and ``0a1b`` begin the same name."""
    return name.startswith(text) or name.partition("-")[2].startswith(text)
