"""``bench kill``: SIGKILL at twelve named points of loop and hand, then at random, on the range; what is left of it."""

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from bench.elements import Monitor, additions, standing
from bench.field import PATIENCE, SETTINGS, Course, Crashing, falls
from bench.loop import Striker, machines
from bench.machine import interval, machine, percentile, tell
from tercio.drills.range.network import RUN
from tercio.drills.range.range import Range
from tercio.drills.range.sandbox import wrap
from tercio.store.audit import verify


def main(argv: list[str]) -> int:
    """Run the bench; enters a sandbox by itself. Status 1 where anything was lost, doubled or left behind."""
    parser = argparse.ArgumentParser(prog="bench kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many, named points and random ones together")
    parser.add_argument("--seed", type=int, default=1, help="order, victims and moments")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.kills < 1:
        parser.error("at least one kill")
    if not options.inside:
        words = wrap([sys.executable, "-P", "-m", "bench", "kill", "--inside", *argv])
        os.execvp(words[0], words)  # noqa: S606  # The sandbox takes this process's place.
    with tempfile.TemporaryDirectory(prefix="tercio-kill-") as place:
        result = measure(Path(place), options.kills, options.seed)
    tell(result, as_json=options.json)
    return 1 if result["lost"] or result["doubled"] or result["left_behind"] else 0


def measure(folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Kill so often on one range; then let every lease end, take all down, and count."""
    plant = Range.up(folder / "range")
    try:
        machines(plant)
        platform = Crashing(folder / "tercio", plant, changes=SETTINGS)
        try:
            platform.ready()
            with Monitor(folder / "monitor.json") as monitor, contextlib.closing(Striker(100.0)) as attacker:
                course = Course(plant, platform, attacker)
                for number, fall in enumerate(falls(kills, seed)):
                    say(f"kill {number + 1} of {kills}: {fall.name}")
                    course.play(number, fall)
                left = ended(course)
                seen = monitor.alive()
                added = additions(monitor.lines())
        finally:
            platform.stop()
        left += [f"process {name}" for name in platform.parts()]
        verdict = verify(platform.state, anchor=course.anchor)
    finally:
        plant.down()
    left += [f"namespace {path.name}" for path in sorted(RUN.iterdir())]
    twice = [f"{key} ({many} times)" for key, many in added.items() if many > 1]
    counts = plant.counts()
    return {
        "bench": "kill",
        "kills": kills,
        "lost": len(course.lost),
        "doubled": len(twice),
        "left_behind": len(left),
        "wrong": [*course.lost, *twice, *left],
        "monitor_ran_throughout": seen,
        "elements_added": sum(added.values()),
        "findings": len(course.journal.counts()),
        "findings_counted_twice": sum(many > 1 for many in course.journal.counts().values()),
        "commands": len(course.journal.commands),
        "commands_without_an_end": course.journal.open(),
        "audit_ok": verdict.ok,
        "journal_records": verdict.size,
        "contained_p50_s": percentile(course.seconds, 0.5),
        "contained_p95_s": percentile(course.seconds, 0.95),
        "intervals95": {f"contained_p{s}_s": interval(course.seconds, s / 100, seed) for s in (50, 95)},
        "by_point": dict(course.done),
        "missed_polls": counts.missed_polls,
        "polls": counts.polls,
        "replayed_writes": counts.replayed_writes,
        "n": kills,
        "seed": seed,
        "machine": machine(),
    }


def ended(course: Course) -> list[str]:
    """Wait until every lease has ended; what stands or is unanswered after that was left behind."""
    journal = course.journal

    def over() -> bool:
        course.revive()
        return all(effect.ended for effect in journal.follower.effects.values()) and not journal.open()

    journal.follower.until(over, PATIENCE)
    effects = [effect for effect in journal.follower.effects.values() if not effect.ended]
    return [
        *(f"lease {effect.lease} ({effect.state})" for effect in effects),
        *(f"element {name} {key} {comment}" for name, key, comment in sorted(standing(course.plant))),
    ]


def say(text: str) -> None:
    """Progress, on standard error."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{text:<70}", end=end, file=sys.stderr, flush=True)
