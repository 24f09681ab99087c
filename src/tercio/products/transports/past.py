"""What a log file holds before the place where its reader stopped."""

from pathlib import Path

from tercio.model.events import Batch
from tercio.products.transports.tail import Tail

LATEST = 4_194_304
"""So many bytes before the place are read."""


def past(source: str, path: Path, place: tuple[str, int], now: int, room: int = LATEST) -> tuple[Batch, ...]:
    """The latest whole lines before ``place`` (generation, offset), about ``room`` bytes of them, in order; nothing
    where that file is gone. Raises OSError where the kernel has no inotify instance left."""
    generation, offset = place
    found: list[Batch] = []
    with Tail(source, path, (generation, max(0, offset - room))) as tail:
        while batches := tail.read(now):
            kept = [each for batch in batches if (each := _before(batch, generation, offset)).lines]
            found += kept
            if not kept or not tail.behind or kept[-1].end >= offset:
                break
    return tuple(found)


def _before(batch: Batch, generation: str, offset: int) -> Batch:
    lines: list[bytes] = []
    end = batch.offset
    for line in batch.lines if batch.generation == generation else ():
        end += len(line)
        if end > offset:
            break
        lines.append(line)
    return Batch(batch.source, batch.generation, batch.offset, tuple(lines), batch.received)
