"""A drill with every processor: processes of their own play its seeds.

They are started anew, not forked, and remember nothing of one seed for another: what a drill comes to does not depend
on how many there are.
"""

import subprocess
import sys
from collections.abc import Iterator

import msgspec

from tercio.drills.simulated.drill import Drill, episodes
from tercio.drills.simulated.episode import Episode

MODULE = "tercio.drills.simulated.players"


class Share(msgspec.Struct, frozen=True):
    """The seeds of a drill that one process plays."""

    drill: Drill
    seeds: tuple[int, ...]


class PlayerEnded(RuntimeError):
    """A process ended by itself; the text names the seed that it was to play."""


_told = msgspec.json.Decoder(tuple[Episode, ...])


def run(drill: Drill, processes: int) -> Iterator[tuple[Episode, ...]]:
    """Every seed's episodes, one for each defender, in the order of the seeds. Raises PlayerEnded."""
    seeds = range(drill.first, drill.first + drill.seeds)
    count = min(processes, len(seeds))
    if count <= 1:
        yield from (episodes(drill, seed) for seed in seeds)
        return
    players = [_started(Share(drill, tuple(seeds[number::count]))) for number in range(count)]
    try:
        for place, seed in enumerate(seeds):
            line = _line(players[place % count])
            if not line:
                raise PlayerEnded(f"the process that plays seed {seed} ended; play that seed alone to see why")
            yield _told.decode(line)
    finally:
        for player in players:
            player.kill()
            player.communicate()


def _started(share: Share) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-P", "-m", MODULE]
    player = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if player.stdin is not None:
        player.stdin.write(msgspec.json.encode(share))
        player.stdin.close()
        player.stdin = None
    return player


def _line(player: subprocess.Popen[bytes]) -> bytes:
    return player.stdout.readline() if player.stdout is not None else b""


def main() -> None:
    """Play the share on standard input; one line of JSON for each seed."""
    share = msgspec.json.decode(sys.stdin.buffer.read(), type=Share)
    for seed in share.seeds:
        sys.stdout.buffer.write(msgspec.json.encode(episodes(share.drill, seed)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
