"""``bench restraint``: Tercio on the simulated site, under parameters that nothing was fitted on, beside baselines."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench.machine import machine, tell
from tercio.drills.baselines import BASELINES, CLAIRVOYANT, TERCIO, WITHOUT
from tercio.drills.simulated.benign import DAY
from tercio.drills.simulated.bounds import poisson_upper
from tercio.drills.simulated.drill import Drill, scenario
from tercio.drills.simulated.episode import Episode
from tercio.drills.simulated.harm import Act
from tercio.drills.simulated.players import run
from tercio.drills.simulated.restraint import restraint
from tercio.drills.simulated.rules import CONTROL_LEVEL
from tercio.drills.simulated.trials import curve
from tercio.model.commands import ConduitTarget, FlowTarget, HostTarget
from tercio.model.site import Site

BESIDE = (CLAIRVOYANT, *BASELINES, *(f"without {arm}" for arm in WITHOUT))
"""Who plays the same seeds."""

DEEP = 11_000
"""Benign site-days of a deep run: with no wrong act among them, 0.1 a year are excluded with 95 % certainty."""

YEAR = 365 * DAY


def main(argv: list[str]) -> int:
    """Run the bench; status 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="bench restraint", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="episodes, every second one a benign day")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--trials", type=int, default=100, help="up to so many hostile trials a day")
    parser.add_argument("--deep", action="store_true", help=f"also {DEEP:,} benign site-days")
    parser.add_argument("--days", type=int, default=DEEP, help="benign site-days of the deep run")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="how many play")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    options = parser.parse_args(argv)
    if min(options.seeds, options.seed, options.days, options.processes) < 1:
        parser.error("at least one")
    result = measure(options)
    tell(result, as_json=options.json)
    return 1 if result["targets_missed"] else 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Play, score, and say on what."""
    drill = Drill(seeds=options.seeds, first=options.seed, defenders=(TERCIO, *BESIDE))
    told = played(drill, options.processes)
    keys = restraint(told, drill)
    keys["attacker_cost_ratio"] = tuple(curve(options.seed, options.trials))
    if options.deep:
        benign = Drill(seeds=options.days, first=options.seed, intruders=(), defenders=(TERCIO,))
        keys |= days(benign, played(benign, options.processes))
    result: dict[str, Any] = msgspec.to_builtins(keys)
    return {"bench": "restraint", **result, "targets_missed": missed(result), "currency": "EUR", "machine": machine()}


def played(drill: Drill, processes: int) -> list[Episode]:
    """All episodes of a drill."""
    told: list[Episode] = []
    for place, each in enumerate(run(drill, processes), 1):
        told += each
        if place % 10 == 0 or place == drill.seeds:
            say(f"seed {place:,} of {drill.seeds:,}")
    return told


def days(drill: Drill, told: Sequence[Episode]) -> dict[str, Any]:
    """Wrong acts by site-year of a drill's benign days, those that touch control apart, with exact one-sided 95 %
    bounds."""
    total = sum(each.length for each in told)
    years = total / YEAR
    wrong = [controls(scenario(drill, each.seed).estate.site, act) for each in told for act in each.wrong]
    counts = {"ot": sum(wrong), "it": len(wrong) - sum(wrong)}
    a_year = {f"wrong_{name}_per_site_year": round(many / years, 4) for name, many in counts.items()}
    bounds = {f"wrong_{name}_per_site_year_upper95": poisson_upper(many) / years for name, many in counts.items()}
    return {
        "benign_site_days": round(total / DAY, 2),
        **{f"wrong_{name}": many for name, many in counts.items()},
        **a_year,
        **{name: round(bound, 4) for name, bound in bounds.items()},
        "benign_questions_a_day": round(sum(each.questions for each in told) / (total / DAY), 4),
        "deep_wrong_seeds": sorted({each.seed for each in told if each.wrong}),
    }


def controls(site: Site, act: Act) -> bool:
    """Whether an act touches control: an end of it lies in such a zone, or it cuts flows of a process that has one."""
    match act.target:
        case HostTarget(asset=name):
            zones = {site.zone_of(name)}
        case FlowTarget(src=src, dst=dst):
            zones = {site.zone_of(src), site.zone_of(dst)}
        case ConduitTarget(src_zone=one, dst_zone=other):
            zones = {one, other}
    control = {name for name, zone in site.zones.items() if zone.level <= CONTROL_LEVEL}
    return bool(control & zones) or bool(control and act.cuts)


TARGETS = {
    "wrong_rate": 0.01,
    "wrong_benign_rate": 0.01,
    "wrong_rate_upper95": 0.02,
    "wrong_ot_per_site_year_upper95": 0.1,
    "wrong_it_per_site_year_upper95": 1.0,
}
"""What must not be exceeded, where it was measured."""

LEAST_CONTAINED = 0.95


def missed(result: Mapping[str, Any]) -> list[str]:
    """The targets that a result misses."""
    found = [name for name, most in TARGETS.items() if name in result and result[name] > most]
    contained = result["contained_before_impact"]
    found += ["contained_before_impact"] if contained is None or contained < LEAST_CONTAINED else []
    return found + [f"money_saved: {name}" for name in BASELINES if result["money_saved"][name]["lower95"] <= 0]


def say(text: str) -> None:
    """Progress, on standard error."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{text:<70}", end=end, file=sys.stderr, flush=True)
