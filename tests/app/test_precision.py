from pathlib import Path

from tercio.app.precision import page, rows
from tercio.app.recall import recall
from tercio.brain.learn.precision import posterior
from tercio.model.findings import Level
from tercio.model.precision import Judgement, Precision
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.store.state import State
from tests.app.given import attacked, drawn, restored
from tests.loop.given import PLC1, WS1, alert, replace

PLAIN = Precision(rule="r", version="2", title="A rule", level=Level.HIGH, since=1, last=2, fired=9, incidents=4)
NOISY = replace(PLAIN, rule="n", title="\x1b[31mnoise", wrong=6, beyond=2)
OLD = replace(PLAIN, version="1", right=5, fired=1_000)


def test_the_noisiest_comes_first_and_old_versions_last():
    found = rows({"r": (PLAIN, OLD), "n": (NOISY,)})
    assert [(row.rule, row.version, row.present) for row in found] == [
        ("n", "2", True),
        ("r", "2", True),
        ("r", "1", False),
    ]
    noisy, plain, old = found
    assert (plain.mean, plain.fired, plain.incidents) == (0.8, 9, 4)
    assert plain.ratio == 3996.0, "precision 8 in 10 are odds of 4, a thousandth held are odds of 1/999"
    assert noisy.mean == 0.5
    assert noisy.low < noisy.mean < noisy.high
    assert noisy.ratio < plain.ratio < old.ratio
    right, wrong = posterior(Level.HIGH, 0, 6)
    assert noisy.mean == right / (right + wrong)


def test_the_page_says_all_of_it_and_moves_no_terminal():
    text = drawn(page(rows({"r": (PLAIN, OLD), "n": (NOISY,)})), width=160)
    assert "A rule" in text
    assert "80%" in text
    assert "3,996" in text
    assert "2 verdicts came beyond a day's bound" in text
    assert "1 earlier versions, with 5 verdicts" in text
    assert "\x1b[31m" not in text
    assert drawn(page(())).strip() == "No rule has fired yet."


def test_what_was_learned_is_there_after_a_crash(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    before = len(desk.turns)
    desk.say(WordKind.UNDO, desk.effect.lease)
    desk.answer()
    desk.judge(Judgement.WRONG, note="our own test")
    with State.open(settings.state, origin="tercio/test") as store:
        for turn in desk.turns[before:]:
            if turn.transaction is not None:
                store.commit(turn.transaction)
    state = restored(settings)
    assert state.memory.precisions == desk.state.memory.precisions
    with State.read(settings.state) as reader:
        (row,) = rows(recall(reader).precisions)
        (incident,) = reader.incidents(9)
    assert (row.title, row.wrong, row.incidents) == ("Modbus write", 1, 1)
    assert incident.verdict.note == "our own test"
    desk.take(alert(desk.now, WS1, PLC1), after=SECOND)
    assert desk.incident.evidence[0].judged == (0, 1)
