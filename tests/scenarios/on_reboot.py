"""A gateway that is started anew, and a sensor that dies, played in one sandbox: prints what it saw as JSON."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tercio.drills.exercise import Follower
from tercio.drills.platform import Platform
from tercio.drills.range.network import firewall
from tercio.drills.range.range import Range
from tercio.drills.range.topology import GATEWAY
from tercio.model.commands import Effect
from tercio.store.audit import verify
from tercio.store.reader import Entry
from tercio.store.state import State

PATIENCE = 60.0
"""Seconds that anything may take, however slow the machine is."""
SETTINGS = {
    "tercio.toml": {
        'silent_after = "10s"': 'silent_after = "7s"',
        'wait = "60s"': 'wait = "2s"',
        'belief_half_life = "5s"': 'belief_half_life = "4s"',
        'quiet_least = "7s"': 'quiet_least = "3s"',
        'quiet_most = "10s"': 'quiet_most = "4s"',
    }
}
"""Leases that end soon. Suricata tells its counters every five seconds: one that lives is never silent for seven."""
WRITE = 9200003


class Stage:
    """A range, a Tercio on it, and what its journal said."""

    def __init__(self, plant: Range, folder: Path) -> None:
        self.plant, self.platform = plant, Platform(folder, plant, SETTINGS)
        self.platform.ready()
        self.entries: list[Entry] = []
        self.follower = Follower(self.platform.news, self.entries.append)

    def standing(self) -> list[Effect]:
        return [effect for effect in self.follower.effects.values() if effect.held and not effect.ended]

    def until(self, holds: Callable[[], object], what: str) -> None:
        if not self.follower.until(lambda: bool(holds()), PATIENCE):
            raise TimeoutError(f"{what}: not within {PATIENCE} s; effects: {list(self.follower.effects.values())}")

    def intrude(self, first: int) -> Effect:
        """The intruder writes where it does not stop the line, and goes on; returns the effect that stops him."""
        words = ("--write", "--seconds", "110", "--first", str(first), "--rate", "4", "--register", "7")
        self.plant.visit("intruder", *words)
        self.until(self.standing, "the intruder is contained")
        return self.standing()[0]

    def silences(self) -> list[bool]:
        return [json.loads(entry.body)["silent"] for entry in self.entries if entry.kind == "silence"]


def gateway_reboots(stage: Stage) -> dict[str, object]:
    """Its sets and its conntrack are empty, hand and sensor are dead; all start again. The loop runs elsewhere."""
    effect = stage.intrude(0)
    stage.until(lambda: stage.follower.effects[effect.lease].confirmed, "it is confirmed")
    began = time.time_ns() // 1000
    os.kill(stage.platform.parts()["hand"], signal.SIGKILL)
    done = stage.plant.run_in(GATEWAY, ["nft", "-f", "-"], f"flush ruleset\n{firewall()}")
    emptied = stage.plant.run_in(GATEWAY, ["conntrack", "-F"])
    stage.plant.restart_sensor()
    stage.until(lambda: stage.follower.effects[effect.lease].ended, "the loss is noticed")
    lost = stage.follower.effects[effect.lease]
    stage.until(stage.standing, "he is contained again")
    again = stage.standing()[0]
    stage.plant.stop(["intruder"])
    return {
        "status": [done.returncode, emptied.returncode],
        "state": lost.state,
        "why": lost.why,
        "noticed_s": round((lost.ended - began) / 1e6, 3),
        "contained_s": round((again.held - began) / 1e6, 3),
        "again": [again.lease != effect.lease, again.incident == effect.incident],
    }


def sensor_is_killed(stage: Stage) -> dict[str, object]:
    """Silence is a finding, and nothing acts by itself meanwhile; when the sensor speaks again, everything does."""
    stage.until(lambda: not stage.standing(), "all leases have ended")
    leases = set(stage.follower.effects)
    sensor = stage.plant.running["suricata"]
    sensor.kill()
    sensor.wait()
    stage.until(lambda: stage.silences() == [True], "the silence is noticed")
    before = stage.plant.trace("intruder").stat().st_size
    words = ("--write", "--seconds", "110", "--first", "1000", "--rate", "4", "--register", "7")
    stage.plant.visit("intruder", *words)
    stage.until(lambda: stage.plant.trace("intruder").stat().st_size > before, "the intruder is at work")
    acted = set(stage.follower.effects) - leases
    stage.plant.restart_sensor()
    stage.plant.stop(["intruder"])
    stage.until(lambda: stage.silences() == [True, False], "it speaks again")
    effect = stage.intrude(2000)
    stage.plant.stop(["intruder"])
    return {"acted_blind": sorted(acted), "acts_again": effect.lease not in leases, "silences": stage.silences()}


def lines(stage: Stage) -> dict[str, object]:
    """Write alerts in the sensor's file up to where it was read, and how many findings were made of them."""
    with State.read(stage.platform.state) as reader:
        found = reader.incidents(100)
    with State.open(stage.platform.state, origin="x") as state:
        ((_, end),) = state.restore().offsets.values()
    read = stage.plant.eve.read_bytes()[:end]
    alerts = [line for line in map(msgspec.json.decode, read.splitlines()) if line["event_type"] == "alert"]
    told = [entry for entry in stage.entries if entry.kind == "finding"]
    return {
        "alerts": sum(line["alert"]["signature_id"] == WRITE for line in alerts),
        "findings": len(told) + sum(incident.repeats for incident in found),
        "twice": len(told) - len({json.loads(entry.body)["finding"]["id"] for entry in told}),
    }


def play(folder: Path) -> dict[str, object]:
    plant = Range.up(folder / "range")
    try:
        stage = Stage(plant, folder / "tercio")
        try:
            seen = {scene.__name__: scene(stage) for scene in (gateway_reboots, sensor_is_killed)}
        finally:
            stage.platform.stop()
        stage.follower.follow()
        return {**seen, "lines": lines(stage), "audit": verify(stage.platform.state).wrong}
    finally:
        plant.down()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]))))
