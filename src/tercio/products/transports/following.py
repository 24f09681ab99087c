"""One source's file as it is followed, with words for what of it could not be read."""

from tercio.model.events import Batch
from tercio.products.transports.tail import Tail


class Following:
    """A tail that says in words what was lost, each time, and what keeps its file from being followed, once."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.source = tail.source
        self._trouble = ""

    def read(self, now: int, room: int) -> tuple[tuple[Batch, ...], tuple[str, ...]]:
        """What there is to read by now (an instant), about ``room`` bytes of it, and what must be told of it."""
        batches = self.tail.read(now, room)
        words = [f"{loss.words} (times: {loss.times}, bytes: {loss.size})" for loss in self.tail.losses()]
        if self.tail.trouble and self.tail.trouble != self._trouble:
            words.append(self.tail.trouble)
        self._trouble = self.tail.trouble
        return batches, tuple(words)
