import re
from datetime import UTC
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Group
from rich.text import Text

from tercio.agents.scribe import plain
from tercio.app.account import WIDEST, account, lone_page, target_words
from tercio.app.grounds import raw_lines
from tercio.app.settings import load
from tercio.app.story import Lone, Story, story_of
from tercio.model.commands import HostTarget
from tercio.model.decisions import Removed
from tercio.model.precision import Judged, Judgement, Verdict
from tercio.model.units import SECOND
from tercio.store.state import State
from tests.agents.given import CONDUIT, FLOW, candidate
from tests.app.conftest import Played
from tests.app.given import drawn, home, keep, visible
from tests.loop.given import Desk

GOLDEN = Path(__file__).with_name("account.txt")
HOSTILE = "\x1b[31m[red]x[/red]\u202e:warning: 2027-99-99T99:99:99.000000Z\r\n\x9b2Jevil"
SECTIONS = (
    "In short",
    "What happened",
    "What was believed",
    "What was considered",
    "What was done",
    "What people said",
    "Evidence",
    "For the auditor",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, int]:
    """An intruder who was refused, twice renewed and seen to work; and what time it is."""
    known = load(home(tmp_path_factory.mktemp("told"), hand=True))
    desk = Desk().contained()
    desk.pass_time(100 * SECOND)
    keep(desk, known)
    with State.read(known.state) as reader:
        return story_of(reader, desk.incident), desk.now


def page(told: tuple[Story, int], width: int = WIDEST) -> str:
    text = drawn(account(told[0], told[1], UTC), width=width)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def masked(text: str) -> str:
    """A page without what any change of rules, prices or code may change: ids, digests, numbers."""
    text = re.sub(r"\b([a-z]{3})-[0-9a-f]{20}\b", r"\1-ID", text)
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"\b\d\d:\d\d:\d\d(\.\d{3})?\b", "TIME", text)
    text = re.sub(r"(?<![\w.:])\d[\d,]*(\.\d+)?%?(?![\w:]|\.\w)", "N", text)
    return re.sub(r" +", " ", text)


def test_the_page_reads_as_it_was_signed_for(told: tuple[Story, int]):
    assert masked(page(told, 400)) == GOLDEN.read_text()


def test_its_parts_stand_in_their_order(told: tuple[Story, int]):
    lines = page(told).splitlines()
    places = [next(n for n, line in enumerate(lines) if line.startswith(title)) for title in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_it_fits_and_loses_no_figure(told: tuple[Story, int], width: int):
    text = page(told, width)
    assert max(map(len, text.splitlines())) <= width
    decision = told[0].decisions[0].decision
    for plan in decision.alternatives:
        assert f"{plan.money.total / 100:,.0f}" in text
    assert told[0].deeds[0].undo in text


def test_what_safety_removed_is_told_with_its_reason(told: tuple[Story, int]):
    story, now = told
    gone = Removed(candidate(), "it would take the last view")
    replace = msgspec.structs.replace
    changed = tuple(replace(each, decision=replace(each.decision, removed=(gone,))) for each in story.decisions)
    text = page((msgspec.structs.replace(story, decisions=changed), now))
    assert "Removed for safety, before any money was counted\n  host ews1: it would take the last view\n" in text


def test_an_incident_about_which_nothing_was_decided_or_done(told: tuple[Story, int]):
    story, now = told
    bare = msgspec.structs.replace(
        story, decisions=(), shown=(), focus="", deeds=(), site=None, moments=(), asked=story.incident.findings[0]
    )
    text = page((bare, now))
    assert "Nothing was done to anybody." in text
    assert "What was considered" not in text
    assert f"You asked for {bare.asked}" in text
    assert f"-> {bare.asked}" in text


def test_a_verdict_stands_at_the_top_with_who_said_it_and_what_differs(told: tuple[Story, int]):
    story, now = told
    rules = (Judged("a", "1", Judgement.WRONG, counted=True), Judged("b", "1", Judgement.RIGHT, counted=True))
    verdict = Verdict(judgement=Judgement.RIGHT, who="anna", at=now, note=HOSTILE, rules=rules)
    judged = msgspec.structs.replace(story.incident, verdict=verdict)
    text = page((msgspec.structs.replace(story, incident=judged), now))
    assert "Verdict: right, by anna at " in text
    assert "wrong of the rule a." in text
    assert "\x1b[31m" not in text


def test_a_target_is_named_with_all_that_is_refused():
    host = HostTarget("ws1", ("10.0.0.1", "fd00::1"), ("02:00:00:00:00:01",))
    assert target_words(host) == "host ws1 (10.0.0.1, fd00::1, 02:00:00:00:00:01)"
    assert target_words(FLOW) == "flow ws1 -> hist1 tcp/443 (10.77.10.10 to 10.77.20.10)"
    assert target_words(CONDUIT) == "conduit office -> ot (10.77.10.0/24 and 10.77.30.0/24)"


def test_a_finding_alone_is_told_with_its_records(told: tuple[Story, int]):
    text = drawn(lone_page(Lone(told[0].findings[0], told[0].cited)), width=120)
    assert "it belongs to no incident" in text
    assert text.rstrip().endswith("What it cites:")
    gone = drawn(lone_page(Lone(told[0].findings[0], ())), width=120)
    assert gone.rstrip().endswith("The records that it cites are not kept.")


@settings(max_examples=25)
@given(words=st.text(max_size=20))
def test_nothing_that_an_attacker_writes_reaches_the_terminal_raw(told: tuple[Story, int], words: str):
    story, now = told
    evil = words + HOSTILE
    change = msgspec.structs.replace
    finding = change(story.findings[0].finding, title=evil, service=evil, rule=evil)
    deed = change(story.deeds[0], effect=change(story.deeds[0].effect, target=HostTarget(evil, (evil,)), why=evil))
    spoken = change(story.words[0], answer=evil) if story.words else None
    evil_story = change(
        story,
        findings=(change(story.findings[0], finding=finding),),
        deeds=(deed,),
        words=(spoken,) if spoken else (),
        moments=(change(story.moments[0], text=plain(evil)),),
        cited=tuple(change(each, raw=evil.encode("utf-8", "replace")) for each in story.cited),
        incident=change(story.incident, reached=((evil, evil, evil),)),
        beliefs=(change(story.beliefs[0], asset=evil),),
    )
    records = Group(*map(Text, raw_lines(evil_story.cited)))
    for shown in (account(evil_story, now, UTC), records, lone_page(Lone(evil_story.findings[0], evil_story.cited))):
        text = drawn(shown, width=500)
        assert all(visible(line) for line in text.split("\n")), repr(text)
        assert "[red]" in text, "markup was obeyed"
        assert ":warning:" in text, "an emoji code was obeyed"


def test_a_drill_on_the_kernel_reads_like_that_too(played: Played):
    known = load(played.settings)
    with State.read(known.state) as reader:
        stories = [story_of(reader, incident) for incident in reader.incidents(10)]
    acted = [story for story in stories if any(deed.effect.held for deed in story.deeds)]
    assert acted
    for story in acted:
        text = page((story, story.incident.updated))
        assert "acted against plc1 (ot) over modbus" in text or "acted against" in text
        assert all(title in text for title in SECTIONS)
        for deed in story.deeds:
            assert deed.effect.lease in text
            assert all(address in text for address in getattr(deed.effect.target, "addresses", ()))
        confirmed = [deed for deed in story.deeds if deed.effect.confirmed]
        assert all(deed.witness and deed.witness.split(" go from ")[0] in text for deed in confirmed)
        assert max(map(len, text.splitlines())) <= WIDEST
