import msgspec
import pytest

from tercio.app.concern import concerning
from tercio.model.commands import Effect
from tercio.model.journal import Spoken
from tercio.model.units import SECOND
from tercio.model.words import Window, WordKind
from tests.loop.given import START, Desk, content, window

HOUR = 3600 * SECOND


def told(desk: Desk) -> list[tuple[str, str]]:
    effects = {e["lease"]: msgspec.convert(e, Effect) for e in desk.records("effect")}.values()
    words = [msgspec.convert(record, Spoken) for record in desk.records("word")]
    found = concerning(words, desk.incident, effects, content().site)
    return [(each.word.kind, each.word.target) for each in found]


def of(asset: str, until: int = START + HOUR) -> Window:
    return msgspec.structs.replace(window(), asset=asset, until=until)


def test_its_lease_its_process_and_everything_concern_it():
    desk = Desk().contained()
    desk.say(WordKind.STAND_DOWN, "filling")
    desk.say(WordKind.STAND_DOWN, "all")
    desk.say(WordKind.STAND_TO, "filling")
    desk.say(WordKind.UNDO, desk.effect.lease)
    assert told(desk) == [
        ("stand-down", "filling"),
        ("stand-down", "all"),
        ("stand-to", "filling"),
        ("undo", desk.effect.lease),
    ]


def test_what_failed_concerns_only_what_it_names():
    desk = Desk().contained()
    assert desk.say(WordKind.STAND_DOWN, "fillling").startswith("not done: ")
    assert desk.say(WordKind.WINDOW_OPEN, window=of("nobody")).startswith("not done: ")
    assert desk.say(WordKind.STAND_TO, "all").startswith("not done: ")
    assert told(desk) == []
    lease = desk.effect.lease
    desk.say(WordKind.UNDO, lease)
    desk.answer()
    assert desk.say(WordKind.UNDO, lease).startswith("not done: ")
    assert [target for _, target in told(desk)] == [lease] * 2


@pytest.mark.parametrize(("station", "concerns"), [("ws1", True), ("plc1", True), ("ews1", False)])
def test_windows_of_other_stations_do_not(station: str, concerns: bool):
    desk = Desk()
    answer = desk.say(WordKind.WINDOW_OPEN, window=of(station))
    desk.say(WordKind.WINDOW_CLOSE, answer.partition(":")[0])
    desk.contained()
    kinds = [kind for kind, _ in told(desk)]
    assert kinds == (["window-open", "window-close"] if concerns else [])


def test_a_window_that_ended_before_it_began_and_older_words_do_not():
    desk = Desk()
    desk.say(WordKind.WINDOW_OPEN, window=of("ws1", START + 10 * SECOND))
    desk.say(WordKind.STAND_DOWN, "filling")
    desk.say(WordKind.STAND_TO, "filling")
    desk.pass_time(20 * SECOND)
    desk.contained()
    assert told(desk) == []
