"""The public rules against the recorded events that their authors keep beside them, and the table of what differs."""

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tercio.brain.detect.engine import Detector
from tercio.brain.detect.sigma import compile_rules
from tercio.model.events import Batch
from tercio.products.sensors import SENSORS
from tercio.testing.golden import SWITCH

DATA = Path(__file__).parents[3] / "shared" / "data" / "sigma"
RULES, CASES = DATA / "sigma-rules.tar.xz", DATA / "sigma-regression.tar.xz"
PAGE = Path(__file__).parents[2] / "docs" / "detection-rightness.md"

WHY = {
    "0b9ad457-2554-44c1-82c2-d56a99c42377": "three of the five recorded files contain `user.conf`, as the rule asks",
    "8fbf3271-1ef6-4e94-8210-03c2317947f6": "three of the six recorded files have one of the names that the rule lists",
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": "all three recorded values are of the keys and kinds that it asks for",
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": "both recorded values are of the names that the rule lists",
}
"""Of each case in which we find another number than is stated: what a reader of rule and record finds."""


class Result(NamedTuple):
    """One case: what is stated (None: at least one), what was found, and in how many records."""

    rule: str
    title: str
    stated: int | None
    found: int
    records: int

    @property
    def holds(self) -> bool:
        return self.found == self.stated if self.stated is not None else self.found > 0


def texts(archive: Path, *ends: str) -> dict[str, str]:
    with tarfile.open(archive) as files:
        members = [member for member in files if member.isfile() and member.name.endswith(ends)]
        return {m.name: file.read().decode("utf-8-sig") for m in members if (file := files.extractfile(m))}


def records(text: str) -> Iterator[bytes]:
    """JSON values one behind the other, each as one line."""
    decoder, at = json.JSONDecoder(), 0
    text = text.strip()
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield json.dumps(value).encode() + b"\n"
        at += len(text[at:]) - len(text[at:].lstrip())


def results() -> list[Result]:
    files = texts(CASES, ".json", "info.yml")
    cases: list[tuple[str, Any, tuple[bytes, ...]]] = []
    for name, text in sorted(files.items()):
        if name.endswith("info.yml"):
            body = yaml.safe_load(text)
            for case in body.get("regression_tests_info", ()):
                recorded = files[case["path"].removesuffix(".evtx") + ".json"]
                cases.append((body["rule_metadata"][0]["id"], case.get("match_count"), tuple(records(recorded))))
    wanted = {rule for rule, _, _ in cases}
    rules = {name: text for name, text in texts(RULES, ".yml").items() if any(f"id: {w}" in text for w in wanted)}
    ruleset = compile_rules(rules)
    detector = Detector(ruleset, {"evtx": SENSORS["evtx"].log_source})
    found = []
    for rule, stated, lines in cases:
        matches = detector.match(Batch("evtx", "1", 0, lines, 0))
        count = sum(match.rule == rule for match in matches)
        found.append(Result(rule, ruleset.rules[rule].title, stated, count, len(lines)))
    return found


def page(found: list[Result]) -> str:
    held = sum(result.holds for result in found)
    rows = [
        f"| {each.title} | `{each.rule}` | {each.stated} | {each.found} of {each.records} | {WHY[each.rule]} |"
        for each in found
        if not each.holds
    ]
    silent = sum(result.found == 0 for result in found)
    return "\n".join(
        [
            "# How right detection is",
            "",
            "This page is written by `TERCIO_GOLDEN=write ./run test tests/content/test_regression.py`.",
            "",
            "SigmaHQ keeps recorded events beside its rules, and states how many of them each rule must match. Of",
            f"{len(found)} such cases {held} hold to the number, and {silent} are missed. The others:",
            "",
            "| rule | id | stated | we find | because |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "Beside that, rules and events are made up at random and held against a second, slow reading of the",
            "specification (`tests/brain/detect/naive.py`, `naive_correlations.py`), which shares no code with the",
            "engine. `HYPOTHESIS_PROFILE=deep ./run test tests/brain/detect/test_differential.py -k engine_and_oracle`",
            "tries 100,000 rules over events, the same with `-k filters` 10,000 rules with filters, and with",
            "`tests/brain/detect/test_correlations.py` 3,000 streams for each kind of correlation.",
            "",
        ]
    )


@pytest.mark.corpus
@pytest.mark.skipif(not CASES.exists(), reason="the public rules' recorded cases are not beside this checkout")
def test_recorded_cases_hold_or_differ_for_a_reason() -> None:
    found = results()
    assert len(found) > 200
    assert all(result.found for result in found), [result for result in found if not result.found]
    assert {result.rule for result in found if not result.holds} == WHY.keys(), [r for r in found if not r.holds]
    assert all(r.found > (r.stated or 0) for r in found if not r.holds), "nothing stated is missed"
    text = page(found)
    if os.environ.get(SWITCH) == "write" and (not PAGE.exists() or PAGE.read_text() != text):
        PAGE.write_text(text)
        pytest.fail("the page was written anew: read it")
    assert PAGE.read_text() == text
