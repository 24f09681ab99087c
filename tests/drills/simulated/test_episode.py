import msgspec
import pytest

from tercio.drills.simulated.deeds import Deed, Goal
from tercio.drills.simulated.defenders import Sensed, Tercio
from tercio.drills.simulated.episode import START, play
from tercio.drills.simulated.parameters import FITTED
from tercio.model.commands import Action, Command, HostTarget, Response
from tercio.model.sifted import Sifted
from tercio.model.units import HOUR, SECOND
from tercio.model.words import Word
from tests.drills.simulated.given import MINUTE, Idle, cast, day, scenario, window

SHORT = msgspec.structs.replace(FITTED, length=10 * HOUR)


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    one, again, other = (play(scenario(seed, parameters=SHORT), Tercio, "tercio") for seed in (3, 3, 4))
    assert msgspec.json.encode(one) == msgspec.json.encode(again)
    assert msgspec.json.encode(one) != msgspec.json.encode(other)


def test_undefended_he_reaches_his_goal():
    told = play(scenario(1), Idle, "idle")
    assert told.impacts
    assert told.attack > 0
    assert (told.acts, told.trips, told.production, told.refused) == ((), (), 0, 0)
    assert START < told.began < told.impacts[0].at
    assert told.contained == 0


def test_a_defence_changes_the_world_and_not_its_dice():
    """Common random numbers: until the first act, both defenders are given the very same."""
    seen: dict[str, list[tuple[int, Sensed]]] = {}

    def watching(name, of):
        def made(brief):
            defender = of(brief)
            see, seen[name] = defender.see, []

            def noted(now, sensed):
                seen[name].append((now, sensed))
                return see(now, sensed)

            defender.see = noted
            return defender

        return made

    told = play(scenario(2, parameters=SHORT), watching("tercio", Tercio), "tercio")
    play(scenario(2, parameters=SHORT), watching("idle", Idle), "idle")
    assert told.contained

    def matched(name):
        return [
            (match.rule, seen_.event.time, seen_.event.src)
            for _, sensed in seen[name]
            for lot in sensed.lots
            for seen_ in lot.seen
            for match in seen_.matches
            if seen_.event.received < told.contained
        ]

    assert matched("tercio") == matched("idle") != []


def test_only_sensed_values_reach_a_defender():
    idle = []

    def made(brief):
        idle.append(Idle(brief))
        return idle[0]

    play(scenario(1, parameters=SHORT), made, "idle")
    for _, sensed in idle[0].given:
        assert all(isinstance(lot, Sifted) for lot in sensed.lots)
        assert all(isinstance(each, Response) for each in sensed.responses)
        assert all(isinstance(word, Word) for word in sensed.words)
    assert set(idle[0].brief.__struct_fields__) == {"site", "reaches", "sources", "start", "seed"}


def test_a_benign_day_sees_no_act():
    told = play(scenario(1, players=lambda *a: (day(*a),)), Tercio, "tercio")
    assert (told.acts, told.hostile, told.impacts, told.disturbed, told.began) == ((), 0, (), 0, 0)


def test_what_is_announced_is_heard_before_it_is_done():
    told = play(scenario(1, players=lambda e, _p, _s, start: (window(e, start),)), Tercio, "tercio")
    assert told.wrong == ()


@pytest.mark.parametrize("seed", range(3))
def test_what_happened_adds_up(seed):
    told = play(scenario(seed, parameters=SHORT), Tercio, "tercio")
    assert told.hostile >= told.landed + told.refused
    assert told.wrong == tuple(act for act in told.acts if not act.right)
    assert all(START < act.since < act.ended <= START + SHORT.length for act in told.acts)
    assert told.production == sum(t.cost for t in told.trips) + sum(a.cost for a in told.acts)
    if told.contained:
        assert told.sensed <= told.contained == min(act.since for act in told.acts if act.right)


def test_an_intruder_who_comes_back_after_release_is_counted():
    class Hasty(Idle):
        """Blocks the first workstation for a minute at the first record."""

        def see(self, now, sensed):
            first, self.given = not self.given, [*self.given, (now, sensed)]
            if not first:
                return ()
            address = self.brief.site.assets["ws1"].addresses
            return (denial(HostTarget("ws1", address), now),)

    def back(_estate, _parameters, _seed, start):
        yield Deed(at=start + MINUTE, actor="ws1", dst="hist1", service="https", hostile=True)
        yield Deed(at=start + MINUTE + 30 * SECOND, actor="ws1", dst="hist1", service="https", hostile=True)
        yield Deed(at=start + 300 * MINUTE, actor="ws1", dst="hist1", service="https", hostile=True, goal=Goal.NONE)

    given = scenario(1, players=lambda *a: (back(*a), day(*a)))
    told = play(given, Hasty, "hasty")
    assert [act.right for act in told.acts] == [True]
    assert (told.hostile, told.returned) == (3, True)


def denial(target, now):
    return Command(
        id="cmd-1",
        lease="lse-1",
        incident="i",
        decision="d",
        hand="gateway",
        action=Action.DENY,
        target=target,
        issued=now,
        until=now + 70 * MINUTE,
    )


def test_a_play_that_goes_back_in_time_is_an_error():
    def wrong(_estate, _parameters, _seed, start):
        yield Deed(at=start + HOUR, actor="ws1")
        yield Deed(at=start + MINUTE, actor="ws1")

    with pytest.raises(ValueError, match="back in time"):
        play(scenario(1, players=lambda *a: (wrong(*a),)), Idle, "idle")


def test_several_play_beside_each_other():
    told = play(scenario(1, parameters=SHORT, players=lambda *a: (*cast(*a), *cast(*a))), Idle, "idle")
    alone = play(scenario(1, parameters=SHORT), Idle, "idle")
    assert told.hostile == 2 * alone.hostile
