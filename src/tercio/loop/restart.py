"""A loop takes over what the last one left: its state, and the raw lines that windows still rest on. Pure."""

from collections.abc import Sequence

import msgspec

from tercio.brain.correlate.whereabouts import Census
from tercio.brain.detect.windows import Windows
from tercio.loop.sift import sift
from tercio.loop.state import Content, LoopState, Memory
from tercio.model.events import Batch
from tercio.model.records import Cited
from tercio.store.state import Restored, StateUnusable


def restored(left: Restored, content: Content, now: int) -> tuple[LoopState, int, frozenset[str]]:
    """The state that the last loop left, when it was written, and the sources that it followed, also where it had read
    nothing of them yet; every command without an answer is sent again.

    A sensor that was silent stays silent until it speaks; the others get their time anew. A first start is written by
    its first turn: where reading began must outlive a crash before the first line. Raises StateUnusable.
    """
    memory = _memory(left.snapshot)
    followed = frozenset(memory.heard)
    written = max(memory.heard.values(), default=0)
    silent = {source: memory.heard[source] for source in memory.silent if source in memory.heard}
    memory = msgspec.structs.replace(memory, heard={source: silent.get(source, now) for source in content.sensors})
    state = LoopState(
        memory=memory,
        offsets=left.offsets,
        incidents={incident.id: incident for incident in left.incidents},
        effects={effect.lease: effect for effect in left.effects},
        commands={row.command.id: (row.command, 0) for row in left.commands},
        flushed=now if left.snapshot else 0,
    )
    return state, written, followed


def _memory(snapshot: bytes) -> Memory:
    """Raises StateUnusable where it is not of this version: who stood down, and on what, must not be forgotten."""
    if not snapshot:
        return Memory(windows=Windows())
    try:
        return msgspec.json.decode(snapshot, type=Memory)
    except msgspec.DecodeError as error:
        raise StateUnusable(
            f"the snapshot of the state is damaged or of another version ({error}). "
            "Restore a backup, or start with the version that wrote it."
        ) from error


def wanted(state: LoopState) -> frozenset[str]:
    """The ids of events that windows rest on and whose lines are not at hand.

    Reading goes on behind the last line that was written as read, and nothing before it counts again; but a finding
    keeps what it cites raw, and some of that may lie before.
    """
    tracks = state.memory.windows.tracks.values()
    resting = {sighting.event for groups in tracks for track in groups.values() for sighting in track}
    return frozenset(resting - state.seen.keys())


def recalled(content: Content, state: LoopState, batches: Sequence[Batch]) -> dict[str, Cited]:
    """The lines at hand, and the wanted ones among lines that were read before; all else in these is passed over."""
    names, found, census = wanted(state), dict(state.seen), Census(content.site, state.memory.at)
    sensors = {name: sensor._replace(observes=lambda _: False) for name, sensor in content.sensors.items()}
    matched = msgspec.structs.replace(content, sensors=sensors)  # What no rule matches was never wanted.
    read = (seen for batch in batches for lot in sift(matched, batch) for seen in lot.seen)
    mine = (seen for seen in read if seen.matches and seen.event.id in names)
    found.update((seen.event.id, Cited(census.take(seen.event), seen.line)) for seen in mine)
    return found
