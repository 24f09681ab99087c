"""Following one source's log file through rotation, truncation and restarts, by inotify."""

import errno
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tercio.model.events import Batch
from tercio.model.units import SECOND
from tercio.products.transports.logfile import LONGEST_LINE, LogFile, Loss, Mark, Whole, advice, end_of, inode_of
from tercio.products.transports.notices import Notices
from tercio.products.transports.rotation import Neighbour, Order, neighbours, opened, rotating, unmoved, with_inode

_LINGER = 60 * SECOND
_LINGERING, _REMEMBERED = 4, 32


__all__ = ["Loss", "Tail"]


class Tail:
    """Follows one file. Not thread-safe; wakes its loop by ``fileno`` and never waits.

    Call ``read`` when ``fileno`` is readable, at once again while ``behind``, and at least once a second: inotify sees
    no folder that does not exist yet, no network file system, and no target of a symbolic link that appears later.

    ``resume`` is the (generation, end) of the last batch that the caller kept. None starts at the beginning of the
    file, or (``from_end``) behind the last line that it has now; the first read then says where, by a batch without
    lines. ``since`` (an instant) is when the caller last kept anything: if the file to resume in is gone, rotated files
    last written before it count as read. ``behind`` says that the last read stopped for want of room, ``trouble`` what
    keeps the file from being followed (empty where nothing does).

    ``whole`` says how many of some lines are records to which nothing is added: the others wait for what follows.

    A file is left when its successor has a first line. What a slower writer still adds to it is read for another
    minute, but not after a restart in that minute. Files of one source must begin differently, as with a time.
    """

    def __init__(
        self,
        source: str,
        path: Path,
        resume: tuple[str, int] | None = None,
        since: int = 0,
        *,
        from_end: bool = False,
        whole: Whole = len,
    ) -> None:
        """Raises OSError where the kernel has no inotify instance left (fs.inotify.max_user_instances)."""
        self.source = source
        self.behind = False
        self.trouble = ""
        self._path, self._whole = path.absolute(), whole
        self._fresh = resume is None and from_end
        self._resume = end_of(self._path) if self._fresh else resume
        self._since: Order = (since * 1000, "", 0)
        self._after: Order | None = None
        self._file: LogFile | None = None
        self._lingering: list[tuple[LogFile, int]] = []
        self._done: deque[Mark] = deque(maxlen=_REMEMBERED)
        self._names: deque[str] = deque([self._resume[0]] if self._resume else [], maxlen=_REMEMBERED)
        self._losses: dict[str, Loss] = {}
        self._refused: set[int] = set()
        self._notices = Notices(self._path)

    def fileno(self) -> int:
        """Readable when there may be something to read."""
        return self._notices.fileno()

    def close(self) -> None:
        """Let go of all files."""
        for file in [kept for kept, _ in self._lingering] + ([self._file] if self._file else []):
            file.close()
        self._file, self._lingering = None, []
        self._notices.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def losses(self) -> tuple[Loss, ...]:
        """What was lost since the last call, one value a kind."""
        losses = tuple(self._losses.values())
        self._losses = {}
        return losses

    def read(self, now: int, limit_bytes: int = LONGEST_LINE) -> tuple[Batch, ...]:
        """What there is to read by now (an instant), about ``limit_bytes`` of it.

        Batches come in the order of writing, and the last one ends where reading goes on: it has no lines where
        only an older file had some. No error of the disk is raised: ``trouble`` says it, the next call tries again.
        """
        self.trouble, self.behind = "", False
        batches: list[Batch] = []
        room = limit_bytes
        try:
            self._notices.take()
            room = self._read_late(now, room, batches)
            more = room > 0
            while more and (self._file or self._find()):
                room, more = self._step(now, room, batches)
        except OSError as error:
            self.behind = error.errno == errno.ESTALE
            self.trouble = "" if self.behind else f"{self.source}: {self._path}: {advice(error)}"
        self.behind = self.behind or room <= 0
        self.trouble = self.trouble or (f"{self.source}: {self._notices.trouble}" if self._notices.trouble else "")
        if self._file and (self._fresh if not batches else batches[-1].generation != self._file.generation):
            batches.append(Batch(self.source, self._file.generation, self._file.offset, (), now))
        self._fresh = self._fresh and self._file is None
        return tuple(batches)

    def _step(self, now: int, room: int, batches: list[Batch]) -> tuple[int, bool]:
        """Read on in the current file, or go to the next: the room that is left, and whether to go on."""
        file = self._file
        if file is None:
            return room, False
        taken = self._take(file, now, room, batches)
        if taken is None:
            self._truncated(file)
            return room, True
        if taken or self._followed(file):
            return room - taken, 0 < taken < room
        following = self._next(*self._order(file))
        if following is None:
            return room, False
        taken = self._take(file, now, room, batches, finished=True)  # Nothing more can come now: the last look.
        if taken != 0:
            following.close()
            return room - (taken or 0), room > (taken or 0)
        self._done.append(file.mark())
        self._lingering.append((file, now + _LINGER))
        self._file = following
        return room, True

    def _take(self, file: LogFile, now: int, room: int, batches: list[Batch], *, finished: bool = False) -> int | None:
        """Move complete lines from the file to the batches: bytes consumed, or None where the content was replaced."""
        before = file.mark()
        lines = file.lines(room, finished=finished, whole=self._whole)
        if file.replaced():
            file.rewind(before)
            return None
        if lines:
            batches.append(Batch(self.source, file.generation, before.offset, lines, now))
        if file.skipped:
            self._lose("cut", file.skipped, f"the rest of a line over {LONGEST_LINE} bytes, up to byte {file.offset}")
            file.skipped = 0
        if file.broken and not lines:
            self._lose("unreadable", 0, f"{file.path.name} after byte {file.offset}: {file.broken}")
            file.broken = ""
        return file.offset - before.offset

    def _read_late(self, now: int, room: int, batches: list[Batch]) -> int:
        """Read what was added to files after their successor had begun; the room that is left."""
        kept = []
        for place, (file, until) in enumerate(self._lingering):
            leave = now >= until or place < len(self._lingering) - _LINGERING
            taken: int | None = room
            while taken and room > 0:
                taken = self._take(file, now, room, batches, finished=leave)
                room -= taken or 0
            again = self._file is not None and self._file.inode == file.inode
            if taken is None or again or (leave and not taken):
                if not again:
                    self._notices.drop(file.device, file.inode)
                file.close()
            else:
                kept.append((file, until))
        self._lingering = kept
        return room

    def _find(self) -> bool:
        """Open the file to begin with."""
        beside = neighbours(self._path)
        if self._resume is not None:
            generation, offset = self._resume
            self._file = self._resumed(generation, offset, beside)
            if self._file is None:
                if not unmoved(neighbours(self._path), beside):  # The look for it may have missed it.
                    raise rotating(self._path)
                self._file = self._next(self._since, beside)
                if self._file is None:
                    return False
                self._lose("gone", 0, f"the file that was read last ({generation}), after byte {offset}")
            self._resume = None
        else:
            if self._after is None:
                self._after = beside[-1].order if beside else (0, "", 0)
            self._file = self._next(self._after, beside)
        return self._file is not None

    def _resumed(self, generation: str, offset: int, beside: tuple[Neighbour, ...]) -> LogFile | None:
        """The file of that generation, else a copy of it, at that offset."""
        name = generation.partition(".")[0]
        print_ = name.partition("-")[2]
        same_inode = with_inode(self._path, inode_of(name))
        for same in opened(self._path, [same_inode] if same_inode else []):
            known = same.identify(finished=same.path != self._path) and same.generation == name
            if known and same.reach(offset) == offset:
                same.go_on(offset, generation)
                return same
            same.close()
        for copy in opened(self._path, beside):
            if copy.identify(finished=True) and copy.generation.partition("-")[2] == print_:
                copy.go_on(copy.reach(offset), generation)
                return copy
            copy.close()
        return None

    def _truncated(self, file: LogFile) -> None:
        """Leave content that is no longer there, for a copy of it if rotation made one."""
        mark = file.mark()
        copy = self._copy(mark)
        if copy is None:
            words = f"what {file.path.name} had after byte {mark.offset} when it was truncated"
            self._lose("truncated", 0, words)
        self._file, self._after = copy, (file.changed, "", -1 << 60)
        self._done.append(mark)
        file.close()

    def _copy(self, mark: Mark) -> LogFile | None:
        for copy in opened(self._path, neighbours(self._path)):
            if copy.identify(finished=True) and copy.copies(mark):
                copy.go_on(copy.reach(mark.offset), mark.generation)
                return copy
            copy.close()
        return None

    def _next(self, after: Order, beside: tuple[Neighbour, ...]) -> LogFile | None:
        """The oldest unread file after ``after``, once it has begun or (then it is finished) a file after it has."""
        found: LogFile | None = None
        try:
            for file in self._unread(after, beside):
                begun = file.identify()
                if found is None and (begun or file.reach(1)):
                    found = file
                else:
                    file.close()
                if begun and found is not None:
                    found.identify(finished=True)
                    self._name(found)
                    chosen, found = found, None
                    return chosen
        finally:
            if found is not None:
                found.close()
        return None

    def _unread(self, after: Order, beside: tuple[Neighbour, ...]) -> Iterator[LogFile]:
        """Rotated files that were not read yet, oldest first, then the followed one."""
        done = [*self._done, *([self._file.mark()] if self._file else [])]
        later = [n for n in beside if n.order > after and not (self._file and self._file.inode == n.inode)]
        for file in opened(self._path, later, self._refuse):
            if file.identify() and any(file.copies(mark) for mark in done):
                file.close()
            else:
                yield file
        followed = LogFile(self._path)
        if not unmoved(neighbours(self._path), beside):  # A file may have come in between.
            followed.close()
            raise rotating(self._path)
        yield followed

    def _refuse(self, place: Neighbour, error: OSError) -> None:
        if place.inode not in self._refused:
            self._refused.add(place.inode)
            self._lose("unreadable", 0, f"{place.path.name}: {error.strerror}")

    def _name(self, file: LogFile) -> None:
        """Go on where a file that came back was left; let no two contents share a name."""
        for mark in [*(kept.mark() for kept, _ in self._lingering), *reversed(self._done)]:
            if mark.generation == file.generation and file.continues(mark) and file.reach(mark.offset) == mark.offset:
                file.go_on(mark.offset, mark.generation)
                return
        name, times = file.generation, 1
        while file.generation in self._names:
            times += 1
            file.generation = f"{name}.{times}"
        self._names.append(file.generation)

    def _followed(self, file: LogFile) -> bool:
        """Whether the file is the one at the path now."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == (file.device, file.inode)

    def _order(self, file: LogFile) -> tuple[Order, tuple[Neighbour, ...]]:
        """Where a file stands among its neighbours, and they."""
        beside = neighbours(self._path)
        lowest: Order = (file.changed, "", -1 << 60)
        return next((n.order for n in beside if n.inode == file.inode), lowest), beside

    def _lose(self, kind: str, size: int, words: str) -> None:
        before = self._losses.get(kind, Loss(kind, 0, 0, ""))
        words = f"{self.source}: {self._path}: not read: {words}"
        self._losses[kind] = Loss(kind, before.times + 1, before.size + size, words)
