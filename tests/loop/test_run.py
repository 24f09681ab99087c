"""The shell: real files, a real state, real sockets; and what is left after a crash at any point."""

import asyncio
import bisect
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.loop import run as shell_of
from tercio.loop import sources
from tercio.loop.engine import turn
from tercio.loop.restart import recalled, restored, wanted
from tercio.loop.run import Shell, run
from tercio.loop.sources import Setup
from tercio.loop.state import Inputs, LoopState, Memory
from tercio.model.commands import Action, Command, EffectState
from tercio.model.events import Batch
from tercio.model.incidents import Incident
from tercio.model.journal import Told
from tercio.model.records import Transaction
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.products.transports import words
from tercio.products.transports.words import Said, say
from tercio.store.audit import verify
from tercio.store.state import State, StateUnusable
from tests.loop.given import (
    BASIS,
    EWS1,
    HIST1,
    HMI1,
    PLC1,
    SOURCE,
    START,
    WS1,
    Desk,
    alert,
    content,
    eve,
    fresh,
    poll,
    replace,
    reply,
    sifted,
)
from tests.loop.shell import ORIGIN, Peer, full, living, records, setup, until, write


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_of, "RETRY", 0.05)


def now() -> int:
    return time.time_ns() // 1000


def test_an_order_goes_out_only_once_it_is_on_disk(tmp_path: Path):
    async def story() -> None:
        async with Peer(tmp_path).listening() as hand, living(setup(tmp_path)):
            write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
            await until(lambda: hand.orders)
            assert all(done for command, done in zip(hand.commands, hand.journaled, strict=True) if command.lease)
            await until(lambda: [r for r in records(tmp_path, "effect") if b'"standing"' in r.body])

    asyncio.run(story())
    assert verify(tmp_path / "state").ok


def test_with_a_full_disk_nothing_is_ordered_and_afterwards_nothing_is_lost(tmp_path: Path):
    async def story() -> None:
        async with Peer(tmp_path).listening() as hand, living(setup(tmp_path)) as (shell, store):
            write(tmp_path, poll(now()))
            await until(lambda: shell._state.memory.views)
            with full(store):
                write(tmp_path, alert(now(), WS1, PLC1))
                await until(lambda: shell._pile.lots)
                held = len(shell._pile.lots)
                for _ in range(10):
                    write(tmp_path, poll(now()), alert(now(), EWS1, PLC1))
                    await asyncio.sleep(0.02)
                assert not hand.orders
                assert len(shell._pile.lots) == held, "nothing is read that cannot be written"
                assert not shell._state.incidents
            await until(lambda: len(shell._state.effects) == 2)
            assert {e.target.asset for e in shell._state.effects.values()} == {"ws1", "ews1"}
            assert sum(i.repeats for i in shell._state.incidents.values()) == 9
        assert len(records(tmp_path, "finding")) == 2

    asyncio.run(story())
    assert verify(tmp_path / "state").ok


def test_people_are_heard_with_the_name_that_the_kernel_knows(tmp_path: Path):
    async def story() -> None:
        async with Peer(tmp_path).listening(), living(setup(tmp_path)) as (shell, _):
            write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
            await until(lambda: [e for e in shell._state.effects.values() if e.held])
            (lease,) = shell._state.effects
            socket = tmp_path / "state" / "loop.sock"
            heard = await asyncio.to_thread(say, socket, Said(WordKind.UNDO, lease))
            assert heard.ok
            assert heard.answer.startswith(f"undoing host ws1 ({lease})")
            await until(lambda: not shell._state.effects)
        (said,) = records(tmp_path, "word")
        assert msgspec.json.decode(said.body)["word"]["who"] == pwd.getpwuid(os.geteuid()).pw_name

    asyncio.run(story())


def test_a_word_is_not_carried_out_after_its_speaker_was_told_that_nobody_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(words, "PATIENCE", 0.3)

    async def story() -> None:
        async with living(setup(tmp_path, hands={})) as (shell, store):
            socket = tmp_path / "state" / "loop.sock"
            with full(store):
                write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
                await until(lambda: shell._pile.lots)
                heard = await asyncio.to_thread(say, socket, Said(WordKind.STAND_DOWN))
                assert not heard.ok
            heard = await asyncio.to_thread(say, socket, Said(WordKind.STAND_DOWN, "filling"))
            assert heard.ok
            assert shell._state.memory.stood_down == ("filling",)

    asyncio.run(story())


def test_a_hand_that_the_settings_no_longer_have_is_not_asked_again_and_again(tmp_path: Path):
    async def story() -> None:
        async with living(setup(tmp_path, hands={})) as (shell, _):
            write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
            await until(lambda: [r for r in records(tmp_path, "effect") if b"no hand 'gateway' any more" in r.body])
            assert "host ws1" in next(iter(shell._state.memory.held_off.values()))

    asyncio.run(story())


def test_a_hand_that_comes_late_gets_the_same_order_and_the_log_says_once_that_it_was_away(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    async def story() -> None:
        async with living(setup(tmp_path)) as (shell, _):
            write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
            await until(lambda: shell._state.commands)
            (first,) = shell._state.commands
            await asyncio.sleep(2.2)
            async with Peer(tmp_path).listening() as hand:
                await until(lambda: hand.orders)
                assert hand.orders[0].id == first
                await until(lambda: [e for e in shell._state.effects.values() if e.held])

    asyncio.run(story())
    assert capfd.readouterr().err.count("does not answer") == 1


def test_what_has_piled_up_is_read_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    portions: list[int] = []

    def watched(of: object, state: LoopState, given: Inputs) -> object:
        portions.append(sum(lot.end - lot.offset for lot in given.lots))
        return turn(of, state, given)

    monkeypatch.setattr(shell_of, "turn", watched)
    monkeypatch.setattr(sources, "AT_ONCE", 2000)
    lines = [*(poll(now() + number) for number in range(100)), alert(now(), WS1, PLC1)]

    async def story() -> None:
        async with Peer(tmp_path).listening() as hand, living(setup(tmp_path)):
            write(tmp_path, *lines)
            await until(lambda: [order for order in hand.orders if order.lease])

    asyncio.run(story())
    assert sum(portions) == sum(map(len, lines))
    assert max(portions) < 2 * 2000, "about as much as is asked for, and never twice that"
    assert sum(portions) > 10 * 2000


def test_a_signal_ends_it_and_leaves_no_socket(tmp_path: Path):
    of = setup(tmp_path, hands={})

    async def story() -> None:
        task = asyncio.create_task(run(of))
        await until((of.folder / "loop.sock").exists)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, 5)

    asyncio.run(story())
    assert not (of.folder / "loop.sock").exists()
    State.open(of.folder, origin=ORIGIN).close()


def test_nothing_restored_is_a_fresh_start(tmp_path: Path):
    with State.open(tmp_path, origin=ORIGIN) as store:
        state, written, followed = restored(store.restore(), content(), START)
    assert replace(state, memory=replace(state.memory, basis=BASIS.digest)) == fresh(flushed=0)
    assert (written, followed) == (0, frozenset())


def test_what_is_restored_is_what_was_written_and_unanswered_commands_go_out_again(tmp_path: Path):
    desk = Desk()
    desk.take(poll(desk.now))
    result = desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    with State.open(tmp_path, origin=ORIGIN) as store:
        store.commit(result.transaction)
        state, written, followed = restored(store.restore(), content(), desk.now)
    (first,) = [command for command in result.orders if command.lease]
    assert (written, followed) == (desk.now, {SOURCE})
    assert state == replace(
        desk.state, commands={first.id: (first, 0)}, queries={}, flushed=desk.now, reviewed=0, seen={}
    )
    again = turn(content(), state, Inputs(now=desk.now, draw=0.5))
    assert first in again.orders


def test_a_sensor_that_was_silent_stays_silent_through_a_restart_until_it_speaks(tmp_path: Path):
    desk = Desk()
    desk.take(poll(desk.now))
    result = desk.take(after=11 * SECOND)
    with State.open(tmp_path, origin=ORIGIN) as store:
        store.commit(result.transaction)
        state, *_ = restored(store.restore(), content(), desk.now + SECOND)
    quiet = turn(content(), state, Inputs(now=desk.now + SECOND, draw=0.5))
    assert quiet.state.memory.silent == (SOURCE,)
    assert quiet.transaction is None


@pytest.mark.parametrize("snapshot", [b"{", b"{}", b'{"windows":3}', b"[]"])
def test_a_snapshot_that_cannot_be_read_is_not_forgotten_silently(tmp_path: Path, snapshot: bytes):
    with State.open(tmp_path, origin=ORIGIN) as store:
        store.commit(Transaction(time=START, snapshot=snapshot))
        with pytest.raises(StateUnusable, match="Restore a backup"):
            restored(store.restore(), content(), START)


class Life:
    """One life of a loop on a real state, told by steps: crashes where it is told, reads again what was not written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = State.open(folder, origin=ORIGIN)
        self.state: LoopState = fresh()
        self.file: list[bytes] = []
        self.now = START
        self.standing: dict[str, Command] = {}

    def step(self, lines: tuple[bytes, ...], crash: str) -> None:
        self.now += SECOND
        self.file += lines
        if crash == "before the commit":
            turn(content(), self.state, Inputs(now=self.now, draw=0.5, lots=sifted(content(), *self.unread())))
            self.crash()
        result = self.turn(self.unread())
        if crash == "before the order":
            self.crash()
            result = self.turn(self.unread())
        responses = tuple(reply(command, self.now) for command in result.orders if command.action != Action.QUERY)
        if crash == "before the answer":
            self.crash()
            again = self.turn(self.unread())
            responses = tuple(reply(command, self.now) for command in again.orders if command.action != Action.QUERY)
        self.turn((), responses)
        if crash == "after the answer":
            self.crash()

    def unread(self) -> tuple[Batch, ...]:
        offset = self.state.offsets.get(SOURCE, ("g", 0))[1]
        begin, rest = 0, []
        for line in self.file:
            if begin >= offset:
                rest.append(line)
            begin += len(line)
        return (Batch(SOURCE, "g", offset, tuple(rest), self.now),) if rest else ()

    def turn(self, batches: tuple[Batch, ...], responses: tuple = ()):
        result = turn(
            content(), self.state, Inputs(now=self.now, draw=0.5, lots=sifted(content(), *batches), responses=responses)
        )
        if result.transaction is not None:
            self.store.commit(result.transaction)
        self.state = result.state
        return result

    def crash(self) -> None:
        self.store.close()
        self.store = State.open(self.folder, origin=ORIGIN)
        state, *_ = restored(self.store.restore(), content(), self.now)
        end = state.offsets.get(SOURCE, ("g", 0))[1]
        read = self.file[: bisect.bisect_right(list(itertools.accumulate(map(len, self.file))), end)]
        with State.read(self.folder) as reader:
            state = replace(state, seen={cited.event.id: cited for cited in reader.cited(wanted(state))})
        self.state = replace(state, seen=recalled(content(), state, (Batch(SOURCE, "g", 0, tuple(read), self.now),)))

    def came_to(self) -> tuple:
        """What it all came to, without the instants of reading."""
        self.turn(self.unread())
        self.store.close()
        with State.read(self.folder) as reader:
            entries = list(reader.records(after_seq=0))
            told = [msgspec.json.decode(e.body, type=Told) for e in entries if e.kind == "finding"]
            raw = {c.event.id: c.raw for c in reader.cited(event for each in told for event in each.finding.events)}
        findings = [(each.finding.id, each.absent) for each in told]
        chosen = [msgspec.json.decode(e.body)["decision"]["chosen"]["title"] for e in entries if e.kind == "decision"]
        targets = sorted((repr(e.target), e.state, e.since, e.held) for e in self.state.effects.values())
        incidents = [timeless(incident) for _, incident in sorted(self.state.incidents.items())]
        assert verify(self.folder).ok
        windows = replace(self.state.memory.windows, purged=0)
        return findings, raw, chosen, targets, incidents, windows, self.state.offsets


def timeless(incident: Incident) -> Incident:
    return replace(incident, updated=0)


KINDS = st.sampled_from(["poll", "write", "late write", "other write", "sweep", "handshake", "noise", "broken"])
CRASHES = st.sampled_from(["", "", "before the commit", "before the order", "before the answer", "after the answer"])


def lines_of(kinds: list[str], at: int) -> tuple[bytes, ...]:
    made = {
        "poll": poll(at),
        "write": alert(at, WS1, PLC1),
        "late write": alert(START, WS1, PLC1, sport=50000),
        "other write": alert(at, EWS1, PLC1),
        "sweep": b"".join(alert(at, "10.77.10.66", PLC1, 9200002, "forgeable", dport=port) for port in range(1, 5)),
        "handshake": alert(at, "10.77.10.66", "10.77.20.10", 9200001),
        "noise": eve("dns", at, WS1, "10.77.10.1"),
        "broken": b'{"event_type":"alert"\n',
    }
    return (poll(at), *(line for kind in kinds for line in made[kind].splitlines(keepends=True)))


@settings(max_examples=10)
@given(st.lists(st.tuples(st.lists(KINDS, max_size=3), CRASHES), min_size=3, max_size=7))
def test_a_crash_after_any_commit_changes_nothing_of_what_it_comes_to(steps: list[tuple[list[str], str]]):
    ends = []
    for crashing in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            life = Life(Path(folder))
            for number, (kinds, crash) in enumerate(steps):
                life.step(lines_of(kinds, START + number * SECOND), crash if crashing else "")
            ends.append(life.came_to())
    assert ends[0] == ends[1]


def test_such_a_life_contains_an_intruder_and_its_memory_is_whole(tmp_path: Path):
    life = Life(tmp_path)
    life.step(lines_of([], START), "")
    life.step(lines_of(["write"], START + SECOND), "before the answer")
    (effect,) = life.state.effects.values()
    assert effect.state == EffectState.STANDING
    with State.read(tmp_path):
        assert msgspec.json.decode(life.store.restore().snapshot, type=Memory).leases == life.state.memory.leases
    life.store.close()


def test_in_idle_moments_what_was_written_ahead_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        async with Peer(tmp_path).listening(), living(setup(tmp_path)) as (shell, _):
            write(tmp_path, poll(now()), alert(now(), WS1, PLC1))
            await until(lambda: shell._state.incidents)
            (incident,) = shell._state.incidents
            await until(lambda: incident.encode() in (tmp_path / "state" / "state.db").read_bytes())

    monkeypatch.setattr(shell_of, "SETTLE", 0.05)
    asyncio.run(story())


@pytest.mark.parametrize("whole", [False, True])
def test_a_first_start_reads_what_comes_and_the_past_only_if_told(tmp_path: Path, whole: bool):
    async def story() -> None:
        write(tmp_path, *(poll(now()) for _ in range(3)), alert(now(), WS1, PLC1))
        made = setup(tmp_path, from_start=frozenset({SOURCE}) if whole else frozenset())
        async with Peer(tmp_path).listening(), living(made) as (shell, _):
            await until(lambda: shell._state.offsets.get(SOURCE, ("", 0))[1] == (tmp_path / "eve.json").stat().st_size)
            assert bool(shell._state.incidents) is whole
            write(tmp_path, poll(now()), alert(now(), EWS1, PLC1))
            await until(lambda: shell._state.incidents)

    asyncio.run(story())


@pytest.mark.parametrize("there", [True, False])
def test_where_a_first_start_began_outlives_a_crash_before_its_first_line(tmp_path: Path, there: bool):
    """Else the next start would be a first one, too, and what was written meanwhile would be skipped as the past."""

    made = setup(tmp_path, hands={})
    if there:
        write(tmp_path, alert(now(), WS1, PLC1))
    else:
        (tmp_path / "eve.json").unlink()
    one_turn(made)
    write(tmp_path, poll(now()), alert(now(), EWS1, PLC1))
    after = one_turn(made)
    assert [set(incident.sources) for incident in after.incidents.values()] == [{"ews1"}]


def test_whoever_sees_that_a_loop_runs_may_believe_that_it_wrote_where_it_began(tmp_path: Path):
    async def story() -> None:
        write(tmp_path, poll(now()))
        async with living(setup(tmp_path, hands={})) as (_, store):
            assert store.restore().offsets[SOURCE][1] == (tmp_path / "eve.json").stat().st_size

    asyncio.run(story())


def one_turn(of: Setup) -> LoopState:
    """A loop that dies after its first turn; returns the state that it had."""
    with State.open(of.folder, origin=ORIGIN) as store:
        shell = Shell(of, store)
        try:
            assert shell._take_turn()
        finally:
            shell._sources.close()
        return shell._state


SMALL_DISK = """
import asyncio
import sys
from pathlib import Path
from tests.loop.given import EWS1, PLC1, WS1, alert, poll
from tests.loop.shell import Peer, living, records, setup, until, write
from tests.loop.test_run import now
from tercio.loop import run as shell_of
from tercio.loop import sources
from tercio.model.commands import Action
from tercio.model.words import WordKind
from tercio.products.transports.words import Said, say
from tercio.store.audit import verify

folder = Path(sys.argv[1])
shell_of.RETRY = 0.05

def fill():
    with (folder / "state" / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

async def story():
    async with Peer(folder).listening() as hand, living(setup(folder)) as (shell, store):
        assert store.refill()
        write(folder, poll(now()), alert(now(), WS1, PLC1))
        await until(lambda: [e for e in shell._state.effects.values() if e.held], 60)
        fill()
        write(folder, alert(now(), EWS1, PLC1))
        await until(lambda: shell._spare, 60)
        (lease,) = shell._state.effects
        heard = await asyncio.to_thread(say, folder / "state" / "loop.sock", Said(WordKind.UNDO, lease))
        print("heard", heard.ok)
        await until(lambda: not shell._state.effects, 60)
        journaled = [done for command, done in zip(hand.commands, hand.journaled) if command.lease]
        print("cancelled", hand.orders[-1].action == Action.CANCEL, all(journaled))
        print("new", len([o for o in hand.orders if o.action == Action.DENY]), store.reserved > 0)
        (folder / "state" / "filler").unlink()
        await until(lambda: [e for e in shell._state.effects.values() if e.held], 60)
        print("afterwards", len([o for o in hand.orders if o.action == Action.DENY]) > 1, shell._spare)
    print("told", [b"its disk is full" in r.body for r in records(folder, "loss")])
    print("whole", verify(folder / "state").ok)

asyncio.run(story())
"""


def test_on_a_full_disk_the_reserve_keeps_people_heard_and_afterwards_all_is_made_up(tmp_path: Path):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("mounting a small disk needs root and unshare")
    (tmp_path / "state").mkdir()
    mount = 'mount -t tmpfs -o size=16m,mode=700 none "$0" && exec "$@"'
    script = [sys.executable, "-c", SMALL_DISK, str(tmp_path)]
    argv = ["unshare", "-m", "sh", "-c", mount, str(tmp_path / "state"), *script]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "heard True",
        "cancelled True True",
        "new 1 True",
        "afterwards True False",
        "told [True, False]",
        "whole True",
    ], done.stderr


@pytest.mark.parametrize("lost", [False, True])
def test_a_finding_cites_the_lines_that_another_life_read(tmp_path: Path, lost: bool):
    """A sweep whose fourth port is seen after a crash: nothing counts twice, and all its lines are kept."""
    made = setup(tmp_path, hands={}, from_start=frozenset({SOURCE}))
    handshake = alert(now(), WS1, HIST1, 9200001)
    probes = [alert(now(), WS1, PLC1, 9200002, "forgeable", dport=port) for port in (502, 102, 80, 22)]
    write(tmp_path, handshake, *probes[:3])
    one_turn(made)
    if lost:
        (tmp_path / "eve.json").unlink()
    write(tmp_path, probes[3])
    one_turn(made)
    (told,) = [msgspec.json.decode(r.body, type=Told) for r in records(tmp_path, "finding")]
    with State.read(made.folder) as reader:
        kept = reader.cited(told.finding.events)
    assert len(told.finding.events) == 5
    assert len(kept) == (1 if lost else 5)
    assert {cited.event.id for cited in kept} == set(told.finding.events) - set(told.absent)
    assert verify(made.folder).ok


def test_a_line_that_was_cited_before_the_crash_stays_as_it_was_journaled(tmp_path: Path):
    """Read again it would carry another instant of reading, and the audit would find a changed event."""
    made = setup(tmp_path, hands={}, from_start=frozenset({SOURCE}))
    handshake = alert(now(), WS1, HIST1, 9200001)
    write(tmp_path, handshake)
    for target in (PLC1, HMI1):
        ports = (502, 102, 80, 22, 4840)
        write(tmp_path, *(alert(now(), WS1, target, 9200002, "forgeable", dport=port) for port in ports))
        one_turn(made)
    told = [msgspec.json.decode(r.body, type=Told) for r in records(tmp_path, "finding")]
    assert len(told) > 1
    assert len({event for each in told for event in each.finding.events}) < sum(len(t.finding.events) for t in told)
    assert verify(made.folder).wrong == ""
