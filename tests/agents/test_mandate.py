import re
from itertools import product
from pathlib import Path

import cedarpy
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tercio.content
from tercio.agents import mandate as under_test
from tercio.agents.mandate import ACTING, Limits, Mandate, MandateError, Situation, load, rule
from tercio.agents.terms import State
from tercio.content import mandate_schema, mandate_texts
from tercio.model.commands import HostTarget
from tercio.model.decisions import Candidate, Permission, Ruling, Verb
from tercio.model.site import Autonomy
from tercio.model.units import SECOND
from tercio.testing.golden import Case, cases, check
from tests.agents.given import CONDUIT, FLOW, HOST, built_in, candidate, replace, situation

CASES = cases(Path(tercio.content.__file__).parent / "mandates" / "cases")
MANDATE = built_in()
BOTH = ("process engineer", "security")


def ruled(value: dict[str, object], mandate: Mandate = MANDATE) -> dict[str, object]:
    asked = msgspec.convert(value["candidate"], Candidate)
    ruling = rule(mandate, asked, msgspec.convert(value["situation"], Situation))
    assert ruling.candidate == asked.id
    return {name: getattr(ruling, name) for name in ("permission", "policies", "of", "words")}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case):
    check(case, ruled)


def test_every_policy_decides_some_case():
    assert {name for case in CASES for name in case.expect["policies"]} == set(MANDATE.words)


def without(policy: str) -> Mandate:
    texts = {}
    for file, text in mandate_texts().items():
        blocks = re.split(r"(?=^@id)", text, flags=re.MULTILINE)
        texts[file] = "".join(block for block in blocks if not block.startswith(f'@id("{policy}")'))
    assert texts != mandate_texts()
    return load(texts, mandate_schema())


@pytest.mark.parametrize("policy", sorted(MANDATE.invariants))
def test_each_invariant_is_what_forbids_its_case(policy):
    alone = [case for case in CASES if case.expect["policies"] == [policy]]
    assert alone
    weaker = without(policy)
    for case in alone:
        assert policy not in ruled(case.input, weaker)["policies"]
    if policy != "shadow":  # No permit reaches a zone in shadow either.
        assert any(ruled(case.input, weaker)["permission"] != Permission.FORBIDDEN for case in alone)


def violated(asked: Candidate, now: Situation) -> bool:
    """The invariants once more, in Python."""
    stopped = set(now.states) == {State.STOPPED}
    last_resort = asked.verb == Verb.CLOSE_CONDUIT and now.cuts == 0 and now.limits.acts_per_hour > 0
    kind = {HOST: Verb.BLOCK_HOST, FLOW: Verb.BLOCK_FLOW, CONDUIT: Verb.CLOSE_CONDUIT, None: None}[asked.target]
    return (
        now.safety
        or now.never
        or now.own
        or now.last_view
        or now.last_redundant
        or now.hold
        or now.alarm
        or now.download
        or not now.proven
        or ((now.controller or now.controller_cut) and not stopped)
        or (now.shared and asked.verb == Verb.BLOCK_HOST)
        or not 0 < asked.span <= now.limits.longest * SECOND
        or (now.acts >= now.limits.acts_per_hour and not last_resort)
        or now.autonomy == Autonomy.SHADOW
        or kind != asked.verb
    )


rare = st.sampled_from([False] * 9 + [True])
situations = st.builds(
    Situation,
    assets=st.just(("ews1",)), roles=st.just(()), zones=st.just(("ot",)), level=st.integers(0, 50),
    controller=rare, safety=rare, never=rare, shared=rare, own=rare,
    states=st.lists(st.sampled_from(State), max_size=3, unique=True).map(tuple),
    hold=rare, cuts=st.sampled_from([0, 0, 1, 7]), controller_cut=rare, last_view=rare, last_redundant=rare,
    alarm=rare, download=rare,
    belief=st.integers(0, 1000), proven=rare.map(lambda flag: not flag), autonomy=st.sampled_from(Autonomy),
    production=st.sampled_from([0, 0, 1, 50_000, 50_001, 10**9]), hour=st.integers(0, 23),
    acts=st.sampled_from([0, 0, 19, 20, 1000]),
    limits=st.sampled_from([Limits(), Limits(longest=60), Limits(acts_per_hour=0), Limits(belief=1, consent_belief=1)]),
    consents=st.lists(st.sampled_from(["security", "process engineer", "shift leader"]), unique=True).map(tuple),
)  # fmt: skip
acting = st.builds(
    candidate,
    verb=st.sampled_from(sorted(ACTING)),
    span=st.sampled_from([300 * SECOND] * 6 + [0, -1, 1, 86_400 * SECOND, 86_400 * SECOND + 1, 61 * SECOND]),
)
still = st.sampled_from([candidate(verb) for verb in Verb if verb not in ACTING])


@settings(max_examples=400, deadline=None)
@given(acting, situations, st.sampled_from([HOST, FLOW, CONDUIT, None, "own", "own", "own", "own"]))
def test_an_invariant_violated_is_forbidden_whoever_consents(asked, now, target):
    asked = asked if target == "own" else replace(asked, target=target)
    wrong = violated(asked, now)
    for consents in ((), now.consents, BOTH, ("security", "process engineer", "shift leader")):
        ruling = rule(MANDATE, asked, replace(now, consents=consents))
        if wrong:
            assert ruling.permission == Permission.FORBIDDEN
            assert MANDATE.invariants.intersection(ruling.policies)
            assert not ruling.of
        else:
            assert not MANDATE.invariants.intersection(ruling.policies)
        if ruling.permission == Permission.PERMITTED and now.autonomy != Autonomy.ACT:
            assert "security" in consents
        if ruling.permission == Permission.PERMITTED and max(now.cuts, len(asked.cuts)):
            assert set(BOTH) <= set(consents)


@settings(max_examples=200, deadline=None)
@given(acting, situations)
def test_who_is_named_is_who_is_missing(asked, now):
    ruling = rule(MANDATE, asked, now)
    assert bool(ruling.of) == (ruling.permission == Permission.CONSENT)
    assert not set(ruling.of) & set(now.consents)
    if ruling.of:
        agreed = rule(MANDATE, asked, replace(now, consents=(*now.consents, *ruling.of)))
        assert agreed.permission == Permission.PERMITTED
        assert agreed.policies == ruling.policies
        for role in ruling.of:  # Nobody is asked in vain.
            fewer = tuple(r for r in (*now.consents, *ruling.of) if r != role)
            assert rule(MANDATE, asked, replace(now, consents=fewer)).permission != Permission.PERMITTED


@settings(max_examples=100, deadline=None)
@given(still, situations)
def test_what_changes_nothing_is_always_permitted(asked, now):
    assert rule(MANDATE, asked, now) == Ruling(
        asked.id, Permission.PERMITTED, ("change_nothing",), (), "it changes nothing in the world"
    )


def expected(autonomy: Autonomy, cuts: int, production: int, belief: int, consents: tuple[str, ...]) -> Permission:
    """What DESIGN §9 says, for all that is not an invariant."""
    if autonomy == Autonomy.SHADOW or belief < 200:
        return Permission.FORBIDDEN
    if cuts:
        return Permission.PERMITTED if set(BOTH) <= set(consents) else Permission.CONSENT
    at_once = autonomy == Autonomy.ACT and production <= 50_000 and belief >= 500
    return Permission.PERMITTED if at_once or "security" in consents else Permission.CONSENT


def test_the_whole_table_of_permits():
    grid = list(
        product(
            sorted(ACTING), Autonomy, (0, 1), (0, 1, 50_000, 50_001), (0, 199, 200, 499, 500, 1000),
            ((), ("security",), ("process engineer",), BOTH),
        )
    )  # fmt: skip
    wrong = [
        (verb, autonomy, cuts, production, belief, consents)
        for verb, autonomy, cuts, production, belief, consents in grid
        if rule(
            MANDATE,
            candidate(verb),
            situation(autonomy=autonomy, cuts=cuts, production=production, belief=belief, consents=consents),
        ).permission
        != expected(autonomy, cuts, production, belief, consents)
    ]
    assert len(grid) == 2304
    assert not wrong


def test_schema_and_situation_say_the_same():
    schema = cedarpy.Schema.from_str(mandate_schema())
    context = under_test._context(candidate(), situation(states=(State.RUNNING,))) | {"consents": ["security"]}
    officer = {"uid": {"type": "Officer", "id": "commander"}, "attrs": msgspec.to_builtins(Limits()), "parents": []}
    known = cedarpy.Entities.from_json_str(msgspec.json.encode([officer]).decode(), schema)
    for verb in Verb:
        request = {
            "principal": {"type": "Officer", "id": "commander"}, "action": {"type": "Action", "id": str(verb)},
            "resource": {"type": "Target", "id": "host ews1"}, "context": context,
        }  # fmt: skip
        good = cedarpy.is_authorized(request, MANDATE.policies, known, schema)
        assert not good.diagnostics.errors
        odd = cedarpy.is_authorized(request | {"context": context | {"odd": 1}}, MANDATE.policies, known, schema)
        assert odd.diagnostics.errors


SITE_FORBID = """
@id("quiet_night") @words("the plant wants no act at night")
forbid (principal, action in Action::"act", resource) when { context.hour < 6 && context.zones.contains("ot") };
"""


def test_a_site_may_be_stricter():
    mandate = built_in(night=SITE_FORBID)
    ruling = rule(mandate, candidate(), situation())
    assert ruling.permission == Permission.FORBIDDEN
    assert ruling.policies == ("quiet_night",)
    assert ruling.words == "the plant wants no act at night"
    assert rule(mandate, candidate(), situation(hour=6)).permission == Permission.PERMITTED
    assert rule(mandate, candidate(), situation(zones=("office",))).permission == Permission.PERMITTED
    assert rule(mandate, candidate(Verb.WAIT), situation()).permission == Permission.PERMITTED


def test_a_site_may_ask_for_consent_where_the_built_in_mandate_does_not():
    text = """
    @id("ask_security") @words("security wants to be asked")
    forbid (principal, action == Action::"block host", resource) unless { context.consents.contains("security") };
    """
    mandate = built_in(asks=text)
    ruling = rule(mandate, candidate(), situation())
    assert (ruling.permission, ruling.of) == (Permission.CONSENT, ("security",))
    assert rule(mandate, candidate(), situation(consents=("security",))).permission == Permission.PERMITTED
    assert rule(mandate, candidate(Verb.BLOCK_FLOW), situation()).permission == Permission.PERMITTED


def test_a_site_may_wait_for_a_role_that_the_mandate_does_not_seek():
    text = SITE_FORBID.replace("context.hour < 6", '!context.consents.contains("shift leader")')
    mandate = built_in(leader=text)
    assert rule(mandate, candidate(), situation()).permission == Permission.FORBIDDEN
    assert rule(mandate, candidate(), situation(consents=("shift leader",))).permission == Permission.PERMITTED


FAILS_AT_RUN_TIME = """
@id("overflow") @words("a sum that does not fit")
forbid (principal, action in Action::"act", resource) when { context.belief * 9223372036854775807 < 0 };
"""


def test_a_policy_that_fails_denies_though_another_permits():
    mandate = built_in(broken=FAILS_AT_RUN_TIME)
    assert rule(mandate, candidate(), situation(belief=1, limits=Limits(belief=1, consent_belief=1))).permission == (
        Permission.PERMITTED
    )
    for consents in ((), BOTH):
        ruling = rule(mandate, candidate(), situation(consents=consents))
        words = "a policy that fails denies: overflow"
        assert ruling == Ruling("can-1", Permission.FORBIDDEN, ("overflow",), (), words)


def test_a_missing_attribute_denies(monkeypatch):
    whole = under_test._context

    def partial(asked: Candidate, now: Situation) -> dict[str, object]:
        return {name: value for name, value in whole(asked, now).items() if name != "proven"}

    monkeypatch.setattr(under_test, "_context", partial)
    ruling = rule(MANDATE, candidate(), situation())
    assert (ruling.permission, ruling.policies) == (Permission.FORBIDDEN, ("forgeable_only",))


@pytest.mark.parametrize("odd", [2**63, -(2**63) - 1, 10**40])
def test_a_number_that_cedar_cannot_hold_denies(odd):
    assert rule(MANDATE, candidate(), situation(production=odd)).permission == Permission.FORBIDDEN


def test_negative_cost_is_no_licence():
    assert rule(MANDATE, candidate(), situation(production=-1)).permission == Permission.FORBIDDEN


HOSTILE = ['x"; permit(principal,action,resource);', "a\nb", "\u202egnirts", "", "x" * 5000, "\ud800"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_nothing(name):
    asked = candidate(target=HostTarget(name, ()))
    now = situation(assets=(name,))
    allowed = rule(MANDATE, asked, now).permission
    assert allowed == (Permission.FORBIDDEN if name == "\ud800" else Permission.PERMITTED)
    assert rule(MANDATE, asked, replace(now, never=True)).permission == Permission.FORBIDDEN


@pytest.mark.parametrize(
    ("changes", "most"),
    [({}, 1), ({"safety": True}, 1), ({"autonomy": Autonomy.ADVISE}, 2), ({"cuts": 1}, 2), ({"belief": 100}, 2)],
)
def test_cedar_is_asked_no_more_than_needed(monkeypatch, changes, most):
    asked = []
    real = cedarpy.is_authorized

    def counted(*args):
        asked.append(args)
        return real(*args)

    monkeypatch.setattr(cedarpy, "is_authorized", counted)
    rule(MANDATE, candidate(), situation(**changes))
    assert 1 <= len(asked) <= most


REFUSED = {
    "permits": (
        '@id("free") @words("x")\npermit (principal, action in Action::"act", resource);',
        "odd.cedar:1: policy free: a site may only forbid; grant autonomy to a zone in site.toml instead",
    ),
    "forbids doing nothing": (
        '\n@id("all") @words("x")\nforbid (principal, action, resource);',
        "odd.cedar:2: policy all: doing nothing is never forbidden",
    ),
    "forbids asking": (
        '@id("mute") @words("x") forbid (principal, action == Action::"ask", resource);',
        "policy mute: doing nothing is never forbidden",
    ),
    "forbids among others": (
        '@id("mute") @words("x") forbid (principal, action in [Action::"act", Action::"ask"], resource);',
        "policy mute: doing nothing is never forbidden",
    ),
    "no id": ("forbid (principal, action, resource);", 'odd.cedar: policy 1: write @id("...")'),
    "no words": ('@id("x") forbid (principal, action, resource);', 'policy x: write @id("...") and @words("...")'),
    "empty id": ('@id @words("x") forbid (principal, action, resource);', "policy 1: write @id"),
    "no Cedar": ("forbid (principal,", "odd.cedar:1: unexpected end of input; correct the Cedar text"),
    "a slip in the middle": (
        '@id("a")\n@words("b")\nforbid (principal, action, resource)\nwhen { context.belief === 3 };\n@id("c")\n',
        "odd.cedar:4: unexpected token `=`; correct the Cedar text",
    ),
    "binary": ("\x00\xff", "correct the Cedar text"),
    "unknown attribute": (
        '@id("typo") @words("x") forbid (principal, action in Action::"act", resource) when { context.belif > 1 };',
        "odd.cedar:1: policy typo",
    ),
    "unknown action": (
        '@id("typo") @words("x") forbid (principal, action == Action::"block hots", resource);',
        "use the names in schema.cedarschema",
    ),
    "wrong type": (
        '@id("typo") @words("x") forbid (principal, action in Action::"act", resource) when { context.autonomy > 1 };',
        "policy typo",
    ),
    "template": (
        '@id("t") @words("x") forbid (principal == ?principal, action in Action::"act", resource);',
        "templates are not used here",
    ),
    "id of a built-in": (
        '@id("shadow") @words("x") forbid (principal, action in Action::"act", resource);',
        "policy shadow: this id is taken",
    ),
    "id twice": (SITE_FORBID + SITE_FORBID, "policy quiet_night: this id is taken"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_site_file_that_cannot_be_used_says_what_to_do(fault):
    text, words = REFUSED[fault]
    with pytest.raises(MandateError) as error:
        built_in(odd=text)
    assert words in str(error.value)
    assert str(error.value).startswith("odd.cedar")


def test_no_invariant_may_look_at_consents():
    text = SITE_FORBID.replace("context.hour < 6", 'context["consents"].contains("security")')
    with pytest.raises(MandateError, match="do not look at consents"):
        load({"invariants.cedar": text}, mandate_schema())


def test_a_broken_schema_is_named():
    with pytest.raises(MandateError, match="mandate schema"):
        load(mandate_texts(), "entity")


def test_every_built_in_policy_explains_itself():
    assert all(words and words[0].islower() and not words.endswith(".") for words in MANDATE.words.values())
