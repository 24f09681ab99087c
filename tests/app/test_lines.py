import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.agents.scribe import quoted
from tercio.app.lines import SAY, sentences
from tercio.loop.authorise import Deliberation
from tercio.loop.ledger import SHAPES, Ledger
from tercio.model.canon import canonical
from tercio.model.decisions import Decision
from tercio.model.journal import Erasure, Lost, Stray
from tercio.model.precision import Judgement
from tercio.model.words import WordKind
from tercio.store.reader import Entry
from tests.app.given import visible
from tests.loop.given import START, WS1, Desk, alert, content, fresh, set_aside, window
from tests.model.values import any_of

SITE = content().site
SWISS = msgspec.structs.replace(SITE, currency="CHF")
HOSTILE = "\x1b[31m[red]x[/red]\u202e:warning:\r\n\x9b2J\u200bevil"


def entry(kind: str, body: bytes | None, subject: str = "s") -> Entry:
    return Entry(7, kind, subject, START, body)


def journal(desk: Desk) -> list[Entry]:
    records = [r for turn in desk.turns if turn.transaction for r in turn.transaction.records]
    return [Entry(n, r.kind, r.subject, r.time, r.body) for n, r in enumerate(records, 1)]


def told(desk: Desk) -> list[tuple[str, str]]:
    return [(e.kind, text) for e in journal(desk) for text in sentences(e, SITE)]


def test_everything_that_a_loop_journals_is_told_in_sentences():
    desk = Desk(state=fresh(memory=msgspec.structs.replace(fresh().memory, setbacks=set_aside()))).contained()
    desk.judge(Judgement.RIGHT)
    desk.say(WordKind.WINDOW_OPEN, window=window())
    desk.take(alert(desk.now, "10.77.30.30", "10.77.30.21"), after=1)
    desk.take(after=60 * 1_000_000)  # the sensor falls silent
    desk.take(alert(desk.now, WS1, "10.77.30.21"), after=1, losses=(Lost("ot", "eve.json was truncated"),))
    lines = told(desk)
    kinds = {kind for kind, _ in lines}
    assert kinds == set(SAY) - {"erasure", "stray", "basis"}
    assert all(re.fullmatch(r".*[.]", text) for _, text in lines), [t for _, t in lines if not t.endswith(".")]
    assert not [text for _, text in lines if "can't be read" in text or "{" in text]
    texts = [text for _, text in lines]
    assert "The sensor ot fell silent: nothing acts by itself until it speaks again." in texts
    assert "The sensor ot speaks again." in texts
    assert any(text.endswith("It weighs little: anna announced that ews1 would write plc1.") for text in texts)


def test_an_answer_keeps_its_letters():
    desk = Desk()
    desk.say(WordKind.WINDOW_OPEN, window=window())
    ((_, text),) = [line for line in told(desk) if line[0] == "word"]
    assert re.search(r"The answer: win-[0-9a-f]+: ews1 may write plc1 until \d{4}-\d\d-\d\dT", text)


def test_money_is_in_the_currency_of_the_site():
    desk = Desk().contained()
    (decision,) = [e for e in journal(desk) if e.kind == "decision"][:1]
    assert "CHF " in sentences(decision, SWISS)[0]
    assert "EUR" not in sentences(decision, SWISS)[0]


def test_every_kind_that_is_written_can_be_told():
    assert set(SAY) == set(SHAPES)


@pytest.mark.parametrize("kind", ["something new", "finding.2", "decision.7"])
def test_what_this_version_does_not_know_is_shown_as_it_is(kind: str):
    (line,) = sentences(entry(kind, b'{"x":"\xff\x1b[31m"}'), SITE)
    assert line.startswith(f"A record of kind {quoted(kind)}, which this version of Tercio does not know: ")
    assert visible(line)
    (erased,) = sentences(entry(kind, None), SITE)
    assert erased.endswith("whose text was erased.")


@pytest.mark.parametrize("kind", list(SAY))
def test_a_later_field_is_no_hindrance(kind: str):
    """Shapes may gain fields with a default; an older reader passes over them."""
    desk = Desk().contained()
    for record in [r for r in journal(desk) if r.kind == kind]:
        more = {**msgspec.json.decode(record.body), "later": [1, {"a": 2}]}
        told_now = sentences(record, SITE)
        assert sentences(msgspec.structs.replace(record, body=canonical(more)), SITE) == told_now


@pytest.mark.parametrize("kind", list(SAY))
def test_what_was_erased_or_damaged_is_said_and_breaks_nothing(kind: str):
    (erased,) = sentences(entry(kind, None), SITE)
    assert erased.endswith("whose text was erased.")
    for body in (b"", b"{", b"null", b'{"x":1}', b"\xff\xfe"):
        (line,) = sentences(entry(kind, body), SITE)
        assert line == f"Record 7 ({kind}) can't be read; run `tercio audit verify`."


def test_an_erasure_says_who_and_why():
    body = canonical(Erasure(3, HOSTILE, "asked for"))
    (line,) = sentences(entry("erasure", body), SITE)
    assert line.endswith("erased the text of record 3: asked for.")
    assert visible(line)


def test_something_that_nobody_ordered_is_told():
    ledger = Ledger(START)
    ledger.note("lse-1", Stray("gateway", "lse-1", START))
    (record,) = ledger.records
    assert sentences(entry("stray", record.body), SITE) == (
        "gateway holds lse-1, which nobody here ordered: it is being undone.",
    )


@pytest.fixture(scope="module")
def deliberation() -> Deliberation:
    (body,) = [e.body for e in journal(Desk().contained()) if e.kind == "decision"]
    return msgspec.json.decode(body, type=Deliberation)


@settings(max_examples=80)
@given(st.sampled_from(sorted(SAY)), st.data())
def test_no_record_whatever_it_holds_moves_a_terminal(deliberation: Deliberation, kind: str, data: Any):
    shape = SHAPES[kind]
    if shape is Deliberation:
        value = msgspec.structs.replace(deliberation, decision=data.draw(any_of(Decision)))
    else:
        value = data.draw(any_of(shape))
    for line in sentences(entry(kind, canonical(value), HOSTILE), SITE):
        assert visible(line), line


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_hostile_kind_or_subject_is_harmless(kind: str, subject: str):
    for body in (None, b"{"):
        for line in sentences(entry(kind + HOSTILE, body, subject), SITE):
            assert visible(line), line
