import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.app.offline import matching, undo_offline
from tercio.app.settings import Settings, load
from tercio.app.supervisor import hand_words, order_key, prepare
from tercio.loop.state import Memory
from tercio.model.canon import canonical
from tercio.model.commands import Action, Effect, EffectState, HostTarget
from tercio.model.records import CommandRow, Record, Transaction
from tercio.model.units import SECOND
from tercio.products.transports.orders import Line
from tercio.store.audit import verify
from tercio.store.errors import StateLocked
from tercio.store.keys import signing_key
from tercio.store.state import State
from tests.agents.given import effect
from tests.app.given import attacked, home, restored
from tests.loop.given import command
from tests.loop.shell import Peer
from tests.products.field import Namespace

NOW = 1_800_000_100 * SECOND


def undo(settings: Settings, target: str, now: int = NOW):
    return asyncio.run(undo_offline(settings, target, now))


def written(settings: Settings, kind: str) -> list[dict]:
    with State.read(settings.state) as reader:
        return [msgspec.json.decode(entry.body) for entry in reader.records(kind=kind)]


def effects(settings: Settings) -> list[Effect]:
    with State.read(settings.state) as reader:
        return list(reader.effects())


def short(settings: Settings) -> Settings:
    """Its hand listens where the tests of the loop put one."""
    (hand,) = settings.hands
    return msgspec.structs.replace(
        settings, hands=(msgspec.structs.replace(hand, socket=settings.file.parent / "gateway.sock", file=None),)
    )


def with_peer(settings: Settings, target: str):
    """Undo while somebody listens where the hand would, and keep what he was told."""

    async def both():
        async with Peer(settings.file.parent).listening() as peer:
            return await undo_offline(settings, target, NOW), peer

    return asyncio.run(both())


@pytest.mark.parametrize("name", ["lease", "lease without its kind", "incident", "all"])
def test_what_stands_is_cancelled_by_its_name(tmp_path: Path, name: str):
    settings, desk = attacked(tmp_path)
    settings, stands = short(settings), desk.effect
    target = {
        "lease": stands.lease,
        "lease without its kind": stands.lease.removeprefix("lse-")[:9],
        "incident": stands.incident[:12],
        "all": "all",
    }[name]
    heard, peer = with_peer(settings, target)
    assert heard.ok
    assert heard.answer == f"host ws1 ({stands.lease}): undone"
    (sent,) = peer.orders
    assert (sent.action, sent.lease, sent.target) == (Action.CANCEL, stands.lease, stands.target)
    assert peer.journaled == [True], "an order went out before it was journaled"
    (after,) = effects(settings)
    assert after.state == EffectState.RELEASED
    assert after.why.endswith("(offline) said undo")
    word = written(settings, "word")[-1]
    assert (word["word"]["kind"], word["word"]["target"]) == ("undo", target)
    assert verify(settings.state).ok


@pytest.mark.parametrize("whole", [False, True])
def test_the_next_loop_does_not_do_it_again_by_itself(tmp_path: Path, whole: bool):
    settings, desk = attacked(tmp_path)
    stands = desk.effect
    with_peer(short(settings), stands.incident if whole else stands.lease)
    memory = restored(settings).memory
    if whole:
        assert stands.incident in memory.stood_down
    else:
        assert memory.held_off[stands.incident] == ("host ws1",)
        assert stands.incident not in memory.stood_down
    assert restored(settings).effects == {}
    assert restored(settings).commands == {}


def test_a_renewal_that_was_never_answered_is_not_sent_again(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    renewal = msgspec.structs.replace(command("cmd-renewal", desk.effect.lease), until=NOW * 2)
    row = CommandRow(renewal, "ordered")
    with State.open(settings.state, origin="tercio/test") as store:
        record = Record("command", row.command.id, NOW, canonical(row))
        store.commit(Transaction(time=NOW, records=(record,), commands=(row,)))
    assert "cmd-renewal" in restored(settings).commands
    with_peer(short(settings), desk.effect.lease)
    assert restored(settings).commands == {}


def test_a_hand_that_is_gone_keeps_the_order_for_the_loop(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    heard = undo(short(settings), "all")
    assert not heard.ok
    assert f"host ws1 ({desk.effect.lease}): not undone: hand gateway at " in heard.answer
    (after,) = effects(settings)
    assert after.state == EffectState.STANDING
    ((sent, _),) = restored(settings).commands.values()
    assert (sent.action, sent.lease) == (Action.CANCEL, desk.effect.lease)


def test_a_hand_that_the_settings_lost_is_said(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    heard = undo(msgspec.structs.replace(settings, hands=()), "all")
    assert not heard.ok
    assert "the settings have no hand 'gateway'; its own time ends it" in heard.answer


def test_while_a_loop_writes_nobody_else_does(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    with State.open(settings.state, origin="tercio/test"), pytest.raises(StateLocked, match="a state has one writer"):
        undo(settings, "all")
    assert not [word for word in written(settings, "word") if "offline" in word["word"]["who"]]


@pytest.mark.parametrize("target", ["", "lse-nothing", "inc", "\x1b[31m", "%"])
def test_a_name_that_means_nothing_changes_nothing(tmp_path: Path, target: str):
    settings, desk = attacked(tmp_path, released=True)
    before = verify(settings.state).root
    heard = undo(settings, target)
    assert not heard.ok
    assert repr(target) in heard.answer
    assert verify(settings.state).root == before
    assert not desk.state.effects


def test_nothing_stands_nothing_is_done(tmp_path: Path):
    settings, _ = attacked(tmp_path, released=True)
    assert undo(settings, "all").answer == "nothing stands; there is nothing to undo"


def test_a_snapshot_of_another_version_stays_as_it_is(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=NOW, snapshot=b'{"windows":7}'))
    heard, _ = with_peer(short(settings), desk.effect.lease)
    assert heard.ok
    with State.open(settings.state, origin="tercio/test") as store:
        assert store.restore().snapshot == b'{"windows":7}'


def test_a_name_means_one_thing_or_none():
    one, two, far = effect(lease="lse-1a"), effect(lease="lse-1b"), effect(lease="lse-2", incident="inc-2")
    standing = (one, two, far)
    assert matching(standing, "lse-1a") == (one,)
    assert matching(standing, "1b") == (two,)
    assert matching(standing, "inc-2") == (far,)
    assert matching(standing, "inc-1") == (one, two)
    assert matching(standing, "all") == standing
    assert matching((), "all") == "nothing stands; there is nothing to undo"
    for vague in ("lse-1", "l", "2"):
        words = matching(standing, vague)
        assert isinstance(words, str)
        assert "is not one lease or incident: " in words
    assert matching((one, effect(lease="lse-1ab")), "lse-1a") == (one,), "a whole name is no beginning"


@given(st.lists(st.tuples(st.text("ab1", min_size=1, max_size=3), st.text("ab1", min_size=1, max_size=2)), unique=True),
       st.text("abl1se-inc", max_size=4))  # fmt: skip
def test_whatever_is_named_is_one_lease_or_one_incident(names: list[tuple[str, str]], target: str):
    standing = tuple(effect(lease=f"lse-{lease}-{n}", incident=f"inc-{i}") for n, (lease, i) in enumerate(names))
    hit = matching(standing, target)
    if not isinstance(hit, str):
        assert len(hit) == 1 or len({e.incident for e in hit}) == 1
        assert hit == tuple(e for e in standing if e in hit)


@pytest.fixture
def space(as_root: None) -> Iterator[Namespace]:  # noqa: ARG001
    made = Namespace()
    yield made
    made.end()


@pytest.mark.usefixtures("as_root")
def test_a_real_wall_falls_without_loop_and_without_a_running_hand(tmp_path: Path, space: Namespace):
    """The whole way: a hand in a namespace raised a wall, everything died, one command takes it down."""
    settings = load(home(tmp_path, hand=True))
    start = ("nsenter", f"--net=/proc/{space.pid}/ns/net")
    settings = msgspec.structs.replace(settings, hands=(msgspec.structs.replace(settings.hands[0], start=start),))
    prepare(settings)
    now = time.time_ns() // 1000
    order = msgspec.structs.replace(
        command("cmd-1", "lse-1"), issued=now, until=now + 600 * SECOND, target=HostTarget("ws1", ("10.9.9.9",))
    )
    raise_wall(settings, order)
    assert "10.9.9.9" in space.nft("list set inet tercio hosts4")
    row = CommandRow(order, "done")
    stands = effect(lease="lse-1", command="cmd-1", hand="gateway", target=order.target, since=now, until=order.until)
    with State.open(settings.state, origin="tercio/test") as store:
        told = (Record("effect", "lse-1", now, canonical(stands)), Record("command", "cmd-1", now, canonical(row)))
        store.commit(Transaction(time=now, records=told, effects=(stands,), commands=(row,)))
    heard = undo(settings, "all", now)
    assert heard.answer == "host ws1 (lse-1): undone"
    assert "10.9.9.9" not in space.nft("list set inet tercio hosts4")
    assert effects(settings)[0].state == EffectState.RELEASED
    assert not settings.hands[0].socket.exists(), "the hand that was started for it is still there"


def raise_wall(settings: Settings, order) -> None:
    """As the loop would, through a hand that then dies of SIGKILL."""

    async def through() -> None:
        hand = settings.hands[0]
        process = await asyncio.create_subprocess_exec(*hand_words(hand), stderr=asyncio.subprocess.DEVNULL)
        line = Line(hand.name, str(hand.socket), signing_key(order_key(settings)).sign)
        try:
            for _ in range(500):
                if not await line.connect():
                    break
                await asyncio.sleep(0.02)
            assert (await line.order(order)).held
        finally:
            await line.close()
            process.send_signal(signal.SIGKILL)
            await process.wait()

    asyncio.run(through())


def test_what_offline_writes_the_loop_could_have_written(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    with_peer(short(settings), desk.effect.lease)
    with State.open(settings.state, origin="tercio/test") as store:
        snapshot = store.restore().snapshot
    memory = msgspec.json.decode(snapshot, type=Memory)
    assert canonical(memory) == snapshot
    assert memory.windows == desk.state.memory.windows
