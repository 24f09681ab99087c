"""What must survive on a real kernel, played in one sandbox: prints what it saw as JSON.

Tercio is started, spoken to and killed as users and accidents do it; only the journal, nft and the actors' traces are
believed.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tercio.drills.exercise import Follower
from tercio.drills.platform import Platform
from tercio.drills.range.range import Range
from tercio.drills.range.topology import GATEWAY, HOSTS, SEGMENTS
from tercio.drills.range.traces import Session, Write, read_trace
from tercio.model.commands import Effect
from tercio.store.audit import verify

WS1 = HOSTS["ws1"].address4
SPARE = f"{SEGMENTS['office'].prefix4}.199"
"""An address that nobody has."""
CONNECT = """
import socket
try:
    socket.create_connection(("{to}", 502), 10, ("{own}", 0)).close()
    print("reached")
except OSError as error:
    print(type(error).__name__)
"""
TABLE = ("inet", "tercio")
BY_DHCP = {f'mac = "{HOSTS[name].mac}"\n': "" for name in ("ws1", "ws2")}
"""The office's machines have their addresses by DHCP: the site does not list which machine has which."""
PATIENCE = 60.0
"""Seconds that anything may take, however slow the machine is."""
EARLY = 0.4
"""Seconds by which a kernel's timeout may differ from the lease that it was made for."""


def processes(folder: Path) -> dict[str, int]:
    """The processes of one Tercio, by part, as the kernel lists them."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = path.joinpath("cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if any(word.startswith(str(folder)) for word in words) and "python" in words[0]:
            part = next((name for name in ("up", "loop", "tercio.products.hand") if name in words), "")
            found[part.rpartition(".")[2]] = int(path.name)
    return found


def kill_all(platform: Platform) -> None:
    """Everything of Tercio at one blow: nothing can start anything again."""
    found = processes(platform.folder)
    os.kill(found["up"], signal.SIGSTOP)
    for part in ("loop", "hand", "up"):
        os.kill(found[part], signal.SIGKILL)
    platform.process.wait()


def denied(plant: Range) -> int:
    """How often the rules' own set names the intruder: 0 or 1, were nothing doubled."""
    listed = plant.run_in(GATEWAY, ["nft", "-j", "list", "set", *TABLE, "hosts4"])
    if listed.returncode:
        return 0
    elements = [e for each in json.loads(listed.stdout)["nftables"] for e in each.get("set", {}).get("elem", ())]
    return json.dumps(elements).count(f'"{WS1}"')


def claims(plant: Range) -> int:
    """How many leases claim the intruder's address."""
    listed = plant.run_in(GATEWAY, ["nft", "list", "set", *TABLE, "claimed_hosts4"])
    return listed.stdout.count(f" . {WS1} ")


class Stage:
    """A range, a Tercio on it, and what its journal said."""

    def __init__(self, plant: Range, folder: Path) -> None:
        self.plant = plant
        self.platform = Platform(folder, plant, {"site.toml": BY_DHCP})
        self.platform.ready()
        self.follower = Follower(self.platform.news, lambda entry: self.kinds.append((entry.kind, entry.subject)))
        self.kinds: list[tuple[str, str]] = []
        self.most = 0

    @property
    def effects(self) -> dict[str, Effect]:
        return self.follower.effects

    def standing(self) -> list[Effect]:
        return [effect for effect in self.effects.values() if effect.held and not effect.ended]

    def until(self, holds: Callable[[], object], what: str) -> None:
        def looked() -> bool:
            self.most = max(self.most, denied(self.plant), claims(self.plant))
            return bool(holds())

        if not self.follower.until(looked, PATIENCE):
            raise TimeoutError(f"{what}: not within {PATIENCE} s; effects: {list(self.effects.values())}")

    def intrude(self, seconds: float, first: int) -> Effect:
        """The intruder writes where it does not stop the line; returns the effect that stops him."""
        before = set(self.effects)
        self.plant.visit(
            "intruder", "--write", "--seconds", str(seconds), "--first", str(first), "--rate", "10", "--register", "7"
        )
        self.until(lambda: any(e.lease not in before for e in self.standing()), "the intruder is contained")
        return next(e for e in self.standing() if e.lease not in before)

    def landed(self, first: int) -> int:
        """How many writes from this number on the controller has acknowledged."""
        written = read_trace(self.plant.trace("intruder")).records
        return sum(isinstance(each, Write) and each.sequence >= first and each.outcome == "acked" for each in written)

    def silence(self) -> None:
        self.plant.stop(["intruder"])


def loop_is_killed(stage: Stage) -> dict[str, object]:
    """The loop dies while a lease stands; the supervisor starts it again."""
    stage.most, count = 0, len(stage.effects)
    effect = stage.intrude(4, 0)
    before = processes(stage.platform.folder)["loop"]
    os.kill(before, signal.SIGKILL)
    stage.until(lambda: processes(stage.platform.folder).get("loop", before) != before, "the loop is back")
    stage.until(lambda: stage.effects[effect.lease].renewed, "the lease is renewed")
    stage.until(lambda: stage.effects[effect.lease].ended, "the lease is released")
    stage.plant.finish("intruder")
    return {
        "leases": len(stage.effects) - count,
        "state": stage.effects[effect.lease].state,
        "most_elements": stage.most,
        "left": denied(stage.plant) + claims(stage.plant),
    }


def people_undo(stage: Stage) -> dict[str, object]:
    """Undo of the incident, stand-to, stand-down; the intruder goes on all the while."""
    effect = stage.intrude(60, 100)
    undone = stage.platform.tercio("undo", effect.incident)
    stage.until(lambda: stage.effects[effect.lease].ended, "the undo is done")
    left = denied(stage.plant)
    before, count = stage.landed(100), len(stage.effects)
    stage.until(lambda: stage.landed(100) > before + 5, "the intruder writes again")
    acted = len(stage.effects) - count
    told = stage.platform.tercio("stand-to", effect.incident)
    stage.until(stage.standing, "told to, it acts again")
    again = stage.standing()[0]
    down = stage.platform.tercio("stand-down")
    stage.until(lambda: stage.effects[again.lease].ended, "everything is taken back")
    before, count = stage.landed(100), len(stage.effects)
    stage.until(lambda: stage.landed(100) > before + 5, "the intruder writes again")
    stage.silence()
    return {
        "codes": [undone.returncode, told.returncode, down.returncode],
        "words": [undone.stdout, told.stdout, down.stdout],
        "left": left,
        "acted_after_undo": acted,
        "acted_after_stand_down": len(stage.effects) - count,
        "states": [stage.effects[effect.lease].state, stage.effects[again.lease].state],
    }


def table_is_deleted(stage: Stage) -> dict[str, object]:
    """Somebody deletes Tercio's table while it runs: it is noticed, journaled, and decided anew."""
    stage.platform.tercio("stand-to", "all")
    effect = stage.intrude(20, 2000)
    stage.plant.run_in(GATEWAY, ["nft", "delete", "table", *TABLE])
    stage.until(lambda: stage.effects[effect.lease].state == "lost", "the loss is noticed")
    stage.until(stage.standing, "he is contained again")
    stage.silence()
    return {"why": stage.effects[effect.lease].why, "again": stage.standing()[0].lease != effect.lease}


def all_is_killed(stage: Stage) -> dict[str, object]:
    """Everything of Tercio dies while a lease stands and the intruder keeps on writing."""
    effect = stage.intrude(30, 3000)
    kill_all(stage.platform)
    alive = sorted(processes(stage.platform.folder))
    during, before = denied(stage.plant), stage.landed(3000)
    while denied(stage.plant) + claims(stage.plant):
        if time.time() > effect.until / 1e6 + PATIENCE:
            raise TimeoutError("the wall outlived its lease")
    gone = time.time() - effect.until / 1e6
    stage.until(lambda: stage.landed(3000) > before, "the intruder writes again")
    stage.silence()
    return {"alive": alive, "denied": during, "early": gone < -EARLY, "block": [effect.held, effect.until]}


def table_is_deleted_when_dead(stage: Stage) -> dict[str, object]:
    """The documented way to disable everything without Tercio."""
    stage.platform.process = stage.platform.start()
    stage.platform.ready()
    stage.intrude(60, 4000)
    kill_all(stage.platform)
    before = stage.landed(4000)
    during = denied(stage.plant)
    deleted = stage.plant.run_in(GATEWAY, ["nft", "delete", "table", *TABLE])
    stage.until(lambda: stage.landed(4000) > before, "the intruder writes again")
    stage.silence()
    return {"denied": during, "status": deleted.returncode, "landed": stage.landed(4000) - before}


def address_moves(stage: Stage) -> dict[str, object]:
    """An office address passes to another machine by DHCP; the new one goes on with its day under it."""
    plant, address, before = stage.plant, HOSTS["ws1"].address4, len(stage.effects)
    plant.visit("lease", "--store", str(plant.folder / "passed"))
    status = plant.finish("lease")

    def works() -> bool:
        came = read_trace(plant.trace("jump")).records
        return any(isinstance(each, Session) and each.peer == address for each in came)

    stage.until(works, "the new machine works under the address")
    stage.follower.wait(1.0)
    back = moves_back(stage, "back")
    return {"status": [status, back], "effects": len(stage.effects) - before}


def talks(stage: Stage) -> None:
    """The first machine does something everyday under its address, so that it is known whose that is."""
    stage.plant.run_in("ws1", ["python3", "-c", CONNECT.format(own=WS1, to=HOSTS["jump1"].address4)])
    stage.follower.wait(1.0)


def moves_back(stage: Stage, store: str) -> int:
    """The address is the first machine's again, and the second has its own."""
    plant = stage.plant
    plant.visit("lease", "--hosts", "ws2", "ws1", "--store", str(plant.folder / store))
    back = plant.finish("lease")
    plant.run_in("ws2", ["ip", "addr", "add", f"{HOSTS['ws2'].address4}/24", "dev", "eth0"])
    plant.run_in("ws2", ["ip", "route", "replace", "default", "via", f"{SEGMENTS['office'].prefix4}.1"])
    talks(stage)
    return back


def denied_address_moves(stage: Stage) -> dict[str, object]:
    """The intruder is refused; then his address passes to another machine by DHCP, and he stays refused without it."""
    plant, mac = stage.plant, HOSTS["ws1"].mac
    talks(stage)
    effect = stage.intrude(60, 900)
    stage.silence()
    machines = plant.run_in(GATEWAY, ["nft", "list", "set", *TABLE, "macs2"]).stdout.count(mac)
    named = [effect.target.addresses, effect.target.macs]
    plant.visit("lease", "--store", str(plant.folder / "moved"))
    status = plant.finish("lease")

    def let_go() -> bool:
        now = stage.effects[effect.lease]
        return bool(now.ended) or WS1 not in now.target.addresses

    stage.until(let_go, "the address is let go")
    after = stage.effects[effect.lease]
    reached = plant.run_in("ws2", ["python3", "-c", CONNECT.format(own=WS1, to=HOSTS["plc1"].address4)])
    back = moves_back(stage, "moved-back")
    plant.run_in("ws1", ["ip", "addr", "add", f"{SPARE}/24", "dev", "eth0"])
    spare = plant.run_in("ws1", ["python3", "-c", CONNECT.format(own=SPARE, to=HOSTS["plc1"].address4)])
    plant.run_in("ws1", ["ip", "addr", "del", f"{SPARE}/24", "dev", "eth0"])
    standing = not stage.effects[effect.lease].ended
    stage.until(lambda: stage.effects[effect.lease].ended, "the lease is over")
    return {
        "late": bool(after.ended),
        "status": [status, back],
        "named": named,
        "machines": machines,
        "left": [after.target.addresses, after.target.macs],
        "why": after.why,
        "new_owner": reached.stdout.strip(),
        "old_under_another_address": spare.stdout.strip() if standing else "the lease was over",
    }


def play(folder: Path) -> dict[str, object]:
    plant = Range.up(folder / "range")
    seen: dict[str, object] = {}
    stages: list[Stage] = []
    try:
        stages.append(Stage(plant, folder / "one"))
        for scene in (
            *([denied_address_moves, address_moves] if shutil.which("busybox") else []),
            loop_is_killed,
            people_undo,
            table_is_deleted,
        ):
            seen[scene.__name__] = scene(stages[0])
        stages[0].platform.stop()
        plant.run_in(GATEWAY, ["nft", "delete", "table", *TABLE])
        stages.append(Stage(plant, folder / "two"))
        for scene in (all_is_killed, table_is_deleted_when_dead):
            seen[scene.__name__] = scene(stages[1])
        verdicts = [verify(stage.platform.state) for stage in stages]
    finally:
        for stage in stages:
            stage.platform.stop()
        plant.down()
    block = seen["all_is_killed"]["block"]
    counts = plant.counts([tuple(block)])
    return {
        **seen,
        "audit": [verdict.wrong for verdict in verdicts],
        "replayed": counts.replayed_writes,
        "missed_polls": counts.missed_polls,
        "polls": counts.polls,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(play(Path(sys.argv[1]))))
