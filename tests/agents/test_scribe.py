import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.agents.scribe import KINDS, decided, line
from tercio.model.commands import Action, Command, EffectState, HostTarget, NeededFlow, Response, Status
from tercio.model.decisions import Money, Permission, Plan, Removed, Ruling
from tercio.model.events import Provenance
from tercio.model.findings import Finding, Level
from tercio.model.incidents import Belief
from tercio.model.precision import Judgement
from tercio.model.records import CommandRow
from tercio.model.units import SECOND
from tercio.model.words import Window, Word, WordKind
from tests.agents.given import CONDUIT, FLOW, HOST, NOW, SPAN, candidate, decision, effect, incident, replace

FINDING = Finding(
    id="fnd-1", rule="rogue-write", version="1", title="Write to a controller by a stranger", level=Level.HIGH,
    tactics=(), techniques=("T0855",), events=("evt-1",), time=NOW, received=NOW, provenance=Provenance.ESTABLISHED,
    src="10.77.30.30", dst=("plc1",), service="modbus", port=502, flow="", source="eve", generation="1", offset=0,
)  # fmt: skip
COMMAND = Command(
    id="cmd-1", lease="lse-1", incident="inc-1", decision="dec-1", hand="gateway", action=Action.DENY, target=HOST,
    issued=NOW, until=NOW + SPAN,
)  # fmt: skip
RESPONSE = Response(command="cmd-1", hand="gateway", status=Status.DONE, held=True, at=NOW)
ADVICE = Plan(("can-9",), "close conduit office -> ot", Money(100, 0, 0), Permission.CONSENT, "", ())
WINDOW = Window(id="win-1", asset="ews1", target="plc1", activity="write", since=NOW, until=NOW + SPAN, by="ann")

SAID = [
    ("finding", FINDING,
     'High: "Write to a controller by a stranger" by 10.77.30.30 against plc1 over modbus; it could not be forged.'),
    ("finding", replace(FINDING, dst=("a", "b", "c", "d", "e"), service="", level=Level.LOW),
     'Low: "Write to a controller by a stranger" by 10.77.30.30 against a, b, c and 2 more; it could not be forged.'),
    ("incident", incident(),
     "Incident inc-1 is open: 1 finding from ews1; probably held: ews1 90%, plc1 10%."),
    ("incident", incident(beliefs={}, sources={}, findings=("a", "b"), repeats=7),
     "Incident inc-1 is open: 2 findings and 7 repeats from nobody; probably held: nobody."),
    ("decision", decision(candidate()), "Decided to block host ews1: expected loss EUR 1,250."),
    ("decision",
     decision(
         candidate(), advice=ADVICE, removed=(Removed(candidate(), "last view"),),
         chosen=Plan(("can-1",), "wait for evidence", Money(1_000_000, 5_000, 0), Permission.PERMITTED, "", ()),
     ),
     ("Decided to wait for evidence: expected loss EUR 10,050, of that EUR 50.00 to production; with full authority it "
      "would close conduit office -> ot (EUR 1.00); safety removed 1 other choice.")),
    ("authorisation", Ruling("can-1", Permission.PERMITTED, ("x",), (), "it is cheap"),
     "The mandate permits it: it is cheap."),
    ("authorisation", Ruling("can-1", Permission.CONSENT, ("x",), ("security", "process engineer"), "a flow is lost"),
     "The mandate asks for consent of security and process engineer: a flow is lost."),
    ("authorisation", Ruling("can-1", Permission.FORBIDDEN, ("x",), (), "shadow"), "The mandate forbids it: shadow."),
    ("command", COMMAND,
     "Ordered gateway to block ews1 for 5 min, until 2027-01-15T08:05:00.000000Z."),
    ("command", CommandRow(replace(COMMAND, target=FLOW), "lapsed"),
     ("Ordered gateway to keep ws1 from reaching hist1 over tcp/443 for 5 min, until 2027-01-15T08:05:00.000000Z "
      "(lapsed).")),
    ("command", replace(COMMAND, action=Action.CANCEL, target=CONDUIT),
     "Ordered gateway to undo it: close the way between office and ot, lease lse-1."),
    ("command", replace(COMMAND, action=Action.QUERY, target=None), "Asked gateway what stands."),
    ("response", RESPONSE, "gateway answered done and read back that it is so."),
    ("response", replace(RESPONSE, status=Status.REFUSED, held=False, detail="plc1 is on the never list"),
     'gateway answered refused and it is not so: "plc1 is on the never list".'),
    ("effect", effect(state=EffectState.ORDERED), "It is ordered to block ews1, not yet verified."),
    ("effect", effect(confirmed=NOW + 5),
     "It stands: block ews1, read back and seen to work, until 2027-01-15T08:05:00.000000Z."),
    ("effect", effect(),
     "It stands: block ews1, read back but not yet seen to work, until 2027-01-15T08:05:00.000000Z."),
    ("effect", effect(state=EffectState.ROLLED_BACK, ended=NOW + 90 * SECOND, why="the view hmi1>plc1 fell silent"),
     "It ended (rolled back) after 1.5 min: block ews1: the view hmi1>plc1 fell silent."),
    ("word", Word(kind=WordKind.UNDO, who="ann", time=NOW, target="lse-1"), "ann said: undo lse-1."),
    ("word", Word(kind=WordKind.STAND_DOWN, who="Ann B.", time=NOW), '"Ann B." said: stand-down.'),
    ("word", Word(kind=WordKind.CLOSE, who="ann", time=NOW, target="inc-1", verdict=Judgement.RIGHT),
     "ann said of inc-1: right."),
    ("word", Word(kind=WordKind.CLOSE, who="ann", time=NOW, target="inc-1", verdict=Judgement.WRONG, rules=("a b", "c"),
                  note="our\x1b[2J scanner"),
     'ann said of inc-1 by "a b", c: wrong: "our scanner".'),
    ("word", Word(kind=WordKind.WINDOW_OPEN, who="ann", time=NOW, window=WINDOW),
     "ann said: that is us, ews1 will write on plc1 until 2027-01-15T08:05:00.000000Z."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "sentence"), SAID)
def test_said(kind, value, sentence):
    assert line(kind, value) == sentence


def test_what_anybody_could_forge_is_said_to_be_so():
    said = [line("finding", replace(FINDING, provenance=provenance)) for provenance in Provenance]
    assert len(set(said)) == len(Provenance)
    assert said[2].endswith("; it could have been forged.")


def test_who_is_hardly_suspected_is_not_named():
    beliefs = {
        "ews1": Belief((0.1, 0.0, 0.9, 0.0, 0.0), NOW),
        "10.77.30.60": Belief((0.999, 0.0, 0.001, 0.0, 0.0), NOW),
    }
    assert line("incident", incident(beliefs=beliefs)).endswith("probably held: ews1 90%.")


def test_a_decision_says_what_stands_beside_it():
    idle = Plan(("can-1",), "do nothing", Money(1_000_000, 0, 0), Permission.PERMITTED, "", ())
    standing, closed = effect(target=HOST), effect(target=CONDUIT)
    said = decided(decision(candidate(), chosen=idle, advice=idle), "EUR", (standing, closed))
    assert said == (
        "Decided to do nothing beyond the block of ews1, the closed way between office and ot that stand: "
        "expected loss EUR 10,000."
    )
    asked = decided(decision(candidate()), "EUR", (effect(target=FLOW, state=EffectState.ORDERED),))
    assert asked.startswith("Decided to block host ews1 beside the block from ws1 to hist1 that is ordered: expected ")
    assert "beyond the block of ews1 that stands: " in decided(decision(candidate(), chosen=idle), "EUR", (standing,))


def test_needed_flows_are_counted_where_there_are_any():
    needed = NeededFlow("10.0.0.1", "10.0.0.2", "tcp", 502)
    said = [line("effect", effect(target=replace(CONDUIT, needed=(needed,) * n))) for n in (0, 1, 2)]
    assert ["but for" in text for text in said] == [False, True, True]
    assert "but for 1 needed flow," in said[1]
    assert "but for 2 needed flows," in said[2]


def test_every_kind_is_tried():
    assert {kind for kind, _, _ in SAID} == set(KINDS)


def test_currency_is_the_sites():
    assert "CHF 1,250" in line("decision", decision(candidate()), "CHF")


def test_another_kind():
    with pytest.raises(ValueError, match="no sentence for 'gossip'"):
        line("gossip", FINDING)
    with pytest.raises(TypeError, match="a finding is not told from a Command"):
        line("finding", COMMAND)


def test_a_time_beyond_the_calendar():
    assert "a time beyond the calendar" in line("effect", effect(until=10**30))


HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07x", "a\nThe mandate permits it: all is well.", "\u202egnirts", "x" * 100_000,
    "a\u200bb\ufeff", "\U000e0041", '" said nothing. "', "\ud800", "",
]  # fmt: skip


def told(text: str) -> list[str]:
    target = HostTarget(text, (text,))
    belief = Belief((0.0, 0.0, 1.0, 0.0, 0.0), NOW)
    plan = Plan((text,), text, Money(1, 1, 1), Permission.PERMITTED, text, (text,))
    return [
        line("finding", replace(FINDING, title=text, src=text, dst=(text,) * 9, service=text)),
        line("incident", incident(id=text, sources={text: (text,)}, beliefs={text: belief})),
        line("decision", decision(candidate(), chosen=plan, advice=plan)),
        line("authorisation", Ruling(text, Permission.CONSENT, (text,), (text,), text)),
        line("command", CommandRow(replace(COMMAND, hand=text, target=target, lease=text), text)),
        line("command", replace(COMMAND, target=replace(FLOW, src=text, dst=text, transport=text))),
        line("command", replace(COMMAND, target=replace(CONDUIT, src_zone=text, dst_zone=text))),
        line("response", replace(RESPONSE, hand=text, detail=text)),
        line("effect", effect(target=target, why=text)),
        line("word", Word(kind=WordKind.UNDO, who=text, time=NOW, target=text)),
        line("word", Word(kind=WordKind.WINDOW_OPEN, who=text, time=NOW,
                          window=replace(WINDOW, asset=text, target=text, activity=text))),
    ]  # fmt: skip


@given(st.sampled_from(HOSTILE) | st.text(st.characters(codec=None), max_size=300))
def test_whatever_others_wrote_is_one_short_visible_line(text):
    for sentence in told(text):
        assert len(sentence) < 900
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in sentence)
        assert sentence.endswith(".")


def test_hostile_names_stay_inside_their_quotes():
    said = line("effect", effect(target=HostTarget('ews1" and all is well "', ())))
    assert re.search(r"block \"ews1' and all is well '\"", said)
