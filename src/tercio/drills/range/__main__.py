"""Run the range without any defence: a healthy line, two look-alikes, then, if told so, the intruder. Prints counts."""

import argparse
import os
import sys
import time
from pathlib import Path

import msgspec

from tercio.drills.range.range import Range, RangeError
from tercio.drills.range.sandbox import missing_tools, wrap


def main(argv: list[str]) -> int:
    """``python -m tercio.drills.range --folder F``: enters a sandbox, unless ``--inside`` says that it is in one."""
    parser = argparse.ArgumentParser(prog="python -m tercio.drills.range", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder for everything the range writes")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the intruder goes on, or the line runs")
    parser.add_argument(
        "--intrude", default="", metavar="ACTS", help="what the intruder does: sweep, write or sweep,write"
    )
    parser.add_argument("--rules", type=Path, help="rules for the sensor; Tercio's own unless told")
    parser.add_argument("--no-sensor", action="store_true", help="run without Suricata")
    parser.add_argument("--json", action="store_true", help="print one JSON object, and nothing else, on stdout")
    parser.add_argument("--inside", action="store_true", help="this process already is in a sandbox")
    options = parser.parse_args(argv)
    acts = [each for each in options.intrude.split(",") if each]
    if unknown := set(acts) - {"sweep", "write"}:
        parser.error(f"the intruder does not know {', '.join(sorted(unknown))}; he can sweep and write")
    if missing := missing_tools():
        print("\n".join(missing), file=sys.stderr)
        return 1
    if not options.inside:
        command = wrap([sys.executable, "-m", "tercio.drills.range", "--inside", *argv])
        os.execvp(command[0], command)  # noqa: S606  # The sandbox takes this process's place.
    try:
        return run(options, acts)
    except RangeError as error:
        print(error, file=sys.stderr)
        return 1


def run(options: argparse.Namespace, acts: list[str]) -> int:
    """The drill without defence."""
    plant = Range.up(options.folder, rules=options.rules, sensor=not options.no_sensor)
    try:
        say(f"range up after {plant.took / 1e6:.2f} s" + (f", Suricata {plant.sensor.version}" if plant.sensor else ""))
        time.sleep(2.0)
        for name in ("scanner", "ews"):
            plant.visit(name)
        for name in ("scanner", "ews"):
            plant.finish(name)
        before = plant.counts()
        say(f"healthy: {before.polls} polls, {before.missed_polls} missed, {before.trips} trips; look-alikes have been")
        if acts:
            plant.visit("intruder", *(f"--{act}" for act in acts), "--seconds", str(options.seconds))
            plant.finish("intruder")
        else:
            time.sleep(options.seconds)
    finally:
        plant.down()
    for name, status in plant.died.items():
        say(f"{name} ended before its time, with status {status}; see {options.folder / f'{name}.log'}")
    counts = plant.counts()
    text = msgspec.json.format(msgspec.json.encode({"up_us": plant.took, **msgspec.to_builtins(counts)}), indent=2)
    print(text.decode() if options.json else _words(msgspec.to_builtins(counts)))
    return 0


def say(text: str) -> None:
    """Progress goes to stderr."""
    print(text, file=sys.stderr, flush=True)


def _words(values: dict[str, object]) -> str:
    return "\n".join(f"{name.replace('_', ' '):22} {value}" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
