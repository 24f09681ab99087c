"""Where the milliseconds of one strike go: the loop's own trace, joined with what sensor and hand said."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from bench.machine import percentile
from tercio.drills.platform import Platform

TRACE = "TERCIO_BENCH_TRACE"
FOLDER = Path(__file__).with_name("trace")

STAGES = ("sensor", "wake", "read", "turn", "commit", "send", "hand")
"""In order, from the packet to *held*: Suricata writes its record; the loop awakes; it reads; it takes its turn; commit
A; the order is signed and sent; the hand obeys and reads back. What lies between them is the event loop's own."""

WATCHED = {"loop": "tercio loop --settings", "hand": "tercio.products.hand", "suricata": "suricata -c"}
"""Which processes' CPU time is told, by words in their command lines."""


class Note(msgspec.Struct):
    """One call of one stage, as ``trace/sitecustomize.py`` notes it. Instants and ``cpu`` in microseconds."""

    stage: str
    begin: int
    end: int
    cpu: int = 0
    lines: int = 0
    source: str = ""
    lease: str = ""
    leases: list[str] = []
    written: dict[str, int] = {}


class Strike(msgspec.Struct, frozen=True):
    """What is known of one strike from records: the lease that stopped it, the source that saw it, the instants of the
    completing packet and of *held*."""

    lease: str
    source: str
    packet: int
    held: int


class Traced(Platform):
    """The platform, whose loop is traced."""

    @property
    def trace(self) -> Path:
        """Where the loop leaves its notes when it ends."""
        return self.folder / "trace.jsonl"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start ``tercio up`` with the trace in its surroundings."""
        paths = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
        before = dict(os.environ)
        os.environ.update({TRACE: str(self.trace), "PYTHONPATH": os.pathsep.join(paths)})
        try:
            return super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def notes(self) -> list[Note]:
        """What the loop noted, once it has ended; nothing where it left nothing."""
        lines = self.trace.read_bytes().splitlines() if self.trace.exists() else []
        return [msgspec.json.decode(line, type=Note) for line in lines]


def split(notes: Iterable[Note], strikes: Iterable[Strike]) -> list[dict[str, float]]:
    """Per strike the milliseconds in each of ``STAGES``, in ``total``, and the CPU time of turn and commit."""
    found = []
    by_stage: dict[str, list[Note]] = {}
    for note in notes:
        by_stage.setdefault(note.stage, []).append(note)
    for strike in strikes:
        turn = next((note for note in by_stage.get("turn", []) if strike.lease in note.leases), None)
        if turn is None:
            continue
        woken = [note for note in by_stage["woken"] if note.end <= turn.begin][-1]
        commit = next(note for note in by_stage["commit"] if note.begin >= turn.end)
        send = next((note for note in by_stage.get("send", []) if note.lease == strike.lease), None)
        if send is None:
            continue
        awake = max(woken.end, strike.packet)  # An earlier record may have woken it.
        written = woken.written.get(strike.source, 0)
        if not strike.packet <= written <= awake:
            written = awake
        spans = {
            "sensor": written - strike.packet,
            "wake": awake - written,
            "read": turn.begin - awake,
            "turn": turn.end - turn.begin,
            "commit": commit.end - commit.begin,
            "send": send.end - commit.end,
            "hand": strike.held - send.end,
            "total": strike.held - strike.packet,
            "turn_cpu": turn.cpu,
            "commit_cpu": commit.cpu,
        }
        found.append({name: span / 1000 for name, span in spans.items()})
    return found


def medians(spans: list[dict[str, float]]) -> dict[str, float | None]:
    """The median of each stage over all strikes (milliseconds); they need not add up to the median of the whole."""
    names = spans[0] if spans else dict.fromkeys((*STAGES, "total"))
    return {name: percentile([each[name] for each in spans], 0.5) for name in names}


def turns(notes: Iterable[Note]) -> dict[str, float | int | None]:
    """How the loop was busy: turns, lines read, the longest turn (milliseconds), CPU time a line (microseconds)."""
    kept = list(notes)
    cpu = sum(note.cpu for note in kept if note.stage != "woken")
    lines = sum(note.lines for note in kept)
    spans = [(note.end - note.begin) / 1000 for note in kept if note.stage == "turn"]
    return {
        "turns": len(spans),
        "lines": lines,
        "longest_turn_ms": max(spans, default=None),
        "cpu_us_per_line": round(cpu / lines, 1) if lines else None,
    }


def cpu_seconds() -> dict[str, float]:
    """CPU time so far of the processes that take part (``WATCHED``), as the kernel counts it."""
    spent = dict.fromkeys(WATCHED, 0.0)
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            name = _known(folder)
            spent |= {name: spent[name] + _spent(folder)} if name else {}
    return spent


def _known(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
    return next((name for name, part in WATCHED.items() if part in words and "setpriv" not in words.split(" ")[0]), "")


def _spent(folder: Path) -> float:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Share of one core that each process took meanwhile."""
    return {name: round(max(0.0, after[name] - before[name]) / seconds, 3) for name in after}


class Background:
    """The process that appends records of innocent hosts to a file of its own."""

    def __init__(self, path: Path, rate: float, seed: int) -> None:
        words = [sys.executable, str(Path(__file__).with_name("background.py")), str(path), str(rate), str(seed)]
        path.touch()
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> float:
        """End it; records a second that it really wrote."""
        said, _ = self._process.communicate("")
        told = json.loads(said)
        return float(round(told["records"] / told["seconds"], 1))
