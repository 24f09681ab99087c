"""A hunt's answer as programs read it."""

import msgspec

from tercio.app.quest import Answer, Correlated, Found, Held, Matched, Progress, Question
from tercio.brain.detect.rules import RuleSet
from tercio.model.findings import Level

FOUND = Found(
    time=1,
    source="s",
    generation="1",
    offset=2,
    event="evt_1",
    host="h",
    src="h",
    dst="",
    fields={"f": "\x1b[2J\u202e"},
)
RULE = {"rule": "r", "title": "T", "level": Level.HIGH, "asked": True, "count": 1, "silent": ""}
ANSWER = Answer(
    since=0,
    until=9,
    host="",
    held=(Held("s", 1, 0, 9, hunted=True, known=True),),
    progress=Progress(1, 1, 1, 1, 9),
    whole=True,
    unparsed=0,
    rules=(Matched(**RULE, kept=(FOUND,), failed={"TooMuch": 1}),),
    correlations=(Correlated(**RULE, kept=()),),
)


def test_an_answer_survives_json():
    written = msgspec.json.encode(ANSWER)
    assert msgspec.json.decode(written, type=Answer) == ANSWER
    assert b"\x1b" not in written


def test_a_question_keeps_few_matches_unless_it_says_otherwise():
    question = Question(rules=RuleSet(nodes=(), rules={}, correlations={}), asked=(), since=0, until=1)
    assert (question.host, question.limit) == ("", 100)
