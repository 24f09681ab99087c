import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tercio.app import pages
from tercio.model.commands import EffectState, FlowTarget, HostTarget
from tercio.model.decisions import Money, Permission, Plan, Removed, Ruling, Verb
from tercio.model.incidents import Belief
from tercio.model.sitecheck import Remark, Severity
from tercio.model.siteparse import parse_site
from tercio.model.sitewords import meaning
from tercio.model.units import SECOND
from tercio.model.words import Window
from tests.agents.given import NOW, SPAN, candidate, decision, effect, incident
from tests.app.given import drawn, visible
from tests.model.sites import GOOD

HOSTILE = "\x1b[31m[red]x[/red]\u202e:warning: [link=file:///etc/passwd]\r\n\x9b2Jevil"


def plan(title: str, total: int, permission: Permission = Permission.PERMITTED, *ids: str) -> Plan:
    return Plan(ids, title, Money(total, 0, 5), permission, "", ())


def lines(page) -> list[str]:
    return [line.rstrip() for line in drawn(page).splitlines()]


def test_a_quiet_state_says_so():
    assert lines(pages.incidents_page(())) == [
        "No incidents. A quiet state: nothing was seen that anybody should be suspected for."
    ]
    assert lines(pages.effects_page((), NOW)) == ["Nothing stands: Tercio holds no change in the world."]
    assert lines(pages.windows_page(())) == ["No window is open: every change counts as evidence."]


def test_an_effect_says_what_it_is_how_it_was_verified_and_until_when():
    one = effect(confirmed=NOW + 5 * SECOND, until=NOW + 90 * SECOND)
    head, line = drawn(pages.effects_page([one], NOW + 30 * SECOND), width=200).splitlines()
    assert head.split()[:2] == ["lease", "what"]
    assert line.split()[:3] == ["lse-1", "host", "ews1"]
    assert "standing: held 08:00:00.000, seen to work 08:00:05.000, until 08:01:30.000 (1 min left)" in line


@pytest.mark.parametrize(("changes", "words"), [
    ({"state": EffectState.ORDERED, "held": 0},
     "ordered: never held, not seen to work, until 08:05:00.000 (5 min left)"),
    ({"state": EffectState.RELEASED, "ended": NOW + SECOND, "why": "belief fell"},
     "released: held 08:00:00.000, not seen to work, ended 08:00:01.000: belief fell"),
    ({"state": EffectState.STANDING, "until": NOW - SECOND}, "(0.0 ms left)"),
    ({"state": EffectState.FAILED, "held": 0}, "failed: never held, not seen to work, ended"),
])  # fmt: skip
def test_the_life_of_an_effect_in_words(changes: dict, words: str):
    assert words in drawn(pages.effects_page([effect(**changes)], NOW), width=200)


def test_incidents_show_their_day_and_who_came_furthest():
    beliefs = {"ews1": Belief((0, 0, 0, 1, 0), NOW), "plc1": Belief((0, 1, 0, 0, 0), NOW)}
    text = drawn(pages.incidents_page([incident(beliefs=beliefs), incident(id="inc-2", beliefs={})]))
    assert "2027-01-15 08:00:00" in text
    assert "ews1: control" in text
    assert "nobody" in text


def test_windows_say_who_may_what():
    one = Window(id="win-1", asset="ews1", target="plc1", activity="write", since=NOW, until=NOW + SPAN, by="anna")
    _, line = lines(pages.windows_page([one]))
    assert re.fullmatch(r"win-1 +ews1 may write plc1 +08:05:00\.000 +anna", line)


def test_remarks_are_listed_under_what_the_file_means_and_an_error_says_what_follows():
    site = parse_site(GOOD)
    page = drawn(pages.site_page(site, meaning(site), [Remark(Severity.ERROR, "zones.ot", "is wrong; mend it")]))
    assert page.index("So one stop costs EUR 225,000") < page.index("What to look at")
    assert re.search(r"error +zones\.ot +is wrong; mend it", page)
    assert "the whole site stays in shadow" in page
    assert "stays in shadow" not in drawn(pages.site_page(site, (), [Remark(Severity.NOTE, "zones.ot", "x; y")]))
    assert lines(pages.site_page(site, (), ()))[-1] == "Plant 7: nothing to remark."


def test_the_chosen_plan_is_marked_and_money_has_one_currency_in_the_head():
    chosen, other = plan("block host ews1", 1_129_600, Permission.PERMITTED, "can-1"), plan("do nothing", 17_999_500)
    text = drawn(
        pages.alternatives(decision(candidate(), chosen=chosen, alternatives=(chosen, other)), "CHF"), width=78
    )
    assert re.search(r"^-> +block host ews1 +11,296 +11,296 +0\.00 +0\.05 *$", text, re.MULTILINE), text
    assert re.search(r"^ +do nothing +179,995 ", text, re.MULTILINE)
    assert text.count("CHF") == 1
    assert "mandate" not in text


def test_what_the_mandate_does_not_simply_permit_says_why():
    ask = plan("block host ews1", 10, Permission.CONSENT, "can-1")
    nothing = plan("do nothing", 20)
    ruling = Ruling("can-1", Permission.CONSENT, ("p",), ("security",), "needs the consent of security: it costs")
    whole = decision(candidate(), chosen=nothing, alternatives=(ask, nothing), rulings=(ruling,))
    text = drawn(pages.alternatives(whole, "EUR"), width=120)
    assert "mandate" in text
    assert re.search(r"block host ews1 .* needs the consent of security: it costs", text)
    assert re.search(r"^-> +do nothing .* permitted", text, re.MULTILINE)


def test_what_safety_removed_is_shown_with_its_reason():
    gone = Removed(candidate(Verb.BLOCK_FLOW), "it would take the last view")
    text = drawn(pages.removed(decision(removed=(gone, Removed(candidate(Verb.ASK), "x")))))
    assert re.search(r"block flow: flow ws1 -> hist1 tcp/443 +it would take the last view", text)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_decision_fits(width: int):
    names = ("block host ws1 and block flow ws1 -> hmi1 tcp/4840", "close conduit office -> ot", "do nothing")
    plans = tuple(plan(name, 17_999_500) for name in names)
    text = drawn(pages.alternatives(decision(chosen=plans[0], alternatives=plans), "EUR"), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("179,995") == 2 * len(plans), "a figure was cut or broken"


def hostile_pages(words: str):
    """Every page, with attacker-controlled text wherever it can get to."""
    name = words + HOSTILE
    one = effect(target=HostTarget(name, ()), why=name)
    site = msgspec.structs.replace(parse_site(GOOD), name=name)
    chosen = plan(name, 5, Permission.CONSENT, "can-1")
    flow = candidate(Verb.BLOCK_FLOW, target=FlowTarget(name, name, (), (), "tcp", 1))
    whole = decision(
        candidate(), chosen=chosen, alternatives=(chosen,), removed=(Removed(flow, name),),
        rulings=(Ruling("can-1", Permission.CONSENT, (), ("security",), name),),
    )  # fmt: skip
    hit = incident(sources={name: ("x",)}, beliefs={name: Belief((0, 0, 0, 0, 1), NOW)}, techniques=(name,))
    window = Window(id="win", asset=name, target=name, activity=name, since=NOW, until=NOW, by=name, why=name)
    yield pages.effects_page([one], NOW)
    yield pages.incidents_page([hit])
    yield pages.windows_page([window])
    yield pages.site_page(site, (name,), [Remark(Severity.NOTE, name, name)])
    yield pages.alternatives(whole, "EUR")
    yield pages.removed(whole)


@settings(max_examples=30)
@given(st.text(max_size=20))
def test_nothing_that_an_attacker_writes_reaches_the_terminal_raw(words: str):
    for page in hostile_pages(words):
        text = drawn(page, width=500)
        assert all(visible(line) for line in text.split("\n")), repr(text)
        assert "[red]" in text, "markup was obeyed"
        assert ":warning:" in text, "an emoji code was obeyed"
        assert "[link=file:///etc/passwd]" in text
