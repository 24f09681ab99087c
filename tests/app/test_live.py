import io
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tercio.app.lines import SAY
from tercio.app.live import STAGES, Telling
from tercio.model.canon import canonical
from tercio.model.commands import Status
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.store.reader import Entry
from tests.agents.given import NOW, effect
from tests.app.given import visible
from tests.loop.given import HIST1, WS1, Desk, alert, content, poll

SWISS = msgspec.structs.replace(content().site, currency="CHF")


class Screen:
    """A telling, and what its terminal shows."""

    def __init__(self, width: int = 100) -> None:
        self._out = io.StringIO()
        console = Console(file=self._out, width=width, force_terminal=True, color_system=None)
        self.telling = Telling(console, SWISS)

    def show(self, desk: Desk) -> list[str]:
        """Tell everything that a loop journaled; the lines that came."""
        records = [r for turn in desk.turns if turn.transaction for r in turn.transaction.records]
        for number, record in enumerate(records, 1):
            self.telling.show(Entry(number, record.kind, record.subject, record.time, record.body))
        return self.lines

    @property
    def text(self) -> str:
        return self._out.getvalue()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.text.splitlines()]


def staged(lines: list[str], stage: str) -> list[str]:
    return [line for line in lines if re.match(rf"\d\d:\d\d:\d\d\.\d{{3}} +{stage}  ", line)]


def test_a_containment_is_told_step_by_step_in_the_order_of_the_loop():
    lines = Screen(200).show(Desk().contained())
    stages = [match[1] for line in lines if (match := re.match(r"\d\d:\d\d:\d\d\.\d{3} +(\w+)  ", line))]
    assert stages == ["detect", "decide", "correlate", "authorise", "order", "act", "verify", "correlate"]
    assert staged(lines, "correlate")[1].endswith(" is contained.")
    assert "block ws1" in staged(lines, "order")[0]


def test_a_decision_shows_its_alternatives_in_the_sites_currency():
    text = Screen().show(Desk().contained())
    table = [line for line in text if line.startswith("    ")]
    assert any(line.startswith("    ->  block host ws1") for line in table)
    assert any("do nothing" in line for line in table)
    assert "CHF" in "\n".join(text)
    assert "EUR" not in "\n".join(text)


def test_renewals_are_one_brief_line_each():
    desk = Desk().contained()
    screen = Screen(200)
    before = len(screen.show(desk))
    desk.turns.clear()
    desk.pass_time(100 * SECOND)
    assert desk.effect.renewed >= 2
    news = screen.show(desk)[before:]
    renewed = [line for line in news if "renewed until" in line]
    assert len(renewed) == desk.effect.renewed
    assert not staged(news, "order")
    assert not staged(news, "act")
    assert all(
        re.search(r"It still holds: block of host ws1, renewed until \d\d:\d\d:\d\d\.$", line) for line in renewed
    )


def test_a_renewal_that_fails_is_told():
    desk = Desk().contained()
    screen = Screen(200)
    screen.show(desk)
    desk.turns.clear()
    while not desk.orders:
        desk.pass_time(SECOND)
        desk.take(after=10 * SECOND)
    desk.answer(Status.FAILED, detail="the table is gone")
    assert any("the table is gone" in line for line in screen.show(desk))


def test_what_comes_after_a_block_is_told_as_an_attempt_and_the_witness_is_named():
    desk = Desk().contained()
    desk.pass_time(2 * SECOND)
    desk.take(poll(desk.now), alert(desk.now + SECOND, WS1, HIST1, provenance="forgeable"), after=SECOND)
    lines = Screen(300).show(desk)
    assert staged(lines, "detect")[-1].endswith("held: an attempt; nothing was seen to get through.")
    assert "Decided to do nothing beyond the block of ws1 that stands" in staged(lines, "decide")[-1]
    (seen,) = [line for line in staged(lines, "verify") if "The witness: " in line]
    assert "read back and seen to work" in seen
    assert seen.endswith("The witness: sensor ot saw modbus go from hmi1 (10.77.30.10, ot) to plc1 (10.77.30.21, ot).")


def test_what_people_said_and_its_end_is_told():
    desk = Desk().contained()
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.answer()
    lines = Screen(200).show(desk)
    assert len(staged(lines, "people")) == 1
    assert "undo it: block ws1" in staged(lines, "order")[1]
    assert "It ended (released)" in staged(lines, "verify")[-1]


def test_moments_are_times_of_the_day():
    text = "\n".join(Screen(200).show(Desk().contained()))
    assert not re.search(r"\d{4}-\d\d-\d\dT", text)
    assert "(ordered)" not in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_wider_than_the_terminal(width: int):
    lines = Screen(width).show(Desk().contained())
    assert max(map(len, lines)) <= width


def test_what_the_drill_says_is_told_as_it_is():
    screen = Screen()
    screen.telling.say("line", "the line runs [red]: 7 bottles :bottle:")
    (line,) = screen.lines
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} +line  the line runs \[red\]: 7 bottles :bottle:", line)


def test_every_kind_has_its_step():
    assert set(STAGES) == set(SAY) - {"erasure"}


@pytest.mark.parametrize("kind", SAY)
def test_damaged_records_are_said_and_break_nothing(kind: str):
    screen = Screen()
    screen.telling.show(Entry(3, kind, "s", NOW, b'{"no":1}'))
    screen.telling.show(Entry(4, kind, "s", NOW, None))
    (line,) = screen.lines
    assert "Record 3" in line


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_hostile_text_does_not_reach_the_terminal(words: str):
    screen = Screen()
    body = canonical(effect(why=words + "\x1b]0;x\x07[red]\u202e"))
    screen.telling.show(Entry(1, "effect", "s", NOW, body))
    assert all(visible(line) for line in screen.text.split("\n")), repr(screen.text)
    assert "[red]" in screen.text
