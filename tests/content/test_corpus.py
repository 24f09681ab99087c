"""Cases in recordings of others: where those lie beside this repository, every one of them is replayed."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tercio.app.corpus import Corpus
from tercio.app.rulecases import Tried, try_cases
from tercio.app.rulelint import known_techniques, lint
from tercio.app.trial import Trial
from tercio.brain.detect.documents import documents
from tercio.brain.detect.sigma import compile_rules
from tercio.content import rule_texts, suricata_rules, techniques_file
from tercio.products.sensors import SENSORS
from tests.content import attack

DATA = Path(__file__).parents[3] / "shared" / "data"
RULES = suricata_rules().parent.parent / "rules"
FILES = {str(RULES / name): [str(d.body["id"]) for d in documents(name, text)] for name, text in rule_texts().items()}
HERE = pytest.mark.skipif(not (DATA / "telemetry").is_dir(), reason="the recordings of others are not here")


@pytest.fixture(scope="module")
def tried() -> Iterator[Tried]:
    with Corpus(DATA) as corpus:
        yield try_cases(Trial(compile_rules(rule_texts())), FILES, corpus if (DATA / "telemetry").is_dir() else None)


def test_every_rule_has_a_positive_and_a_negative_case(tried: Tried) -> None:
    assert not tried.untested


def test_no_case_fails(tried: Tried) -> None:
    assert [case for case in tried.cases if case.fault] == []


@HERE
def test_no_case_refers_to_what_is_not_there(tried: Tried) -> None:
    assert [case for case in tried.cases if case.skipped] == []


def test_nothing_of_others_lies_here() -> None:
    """A rule whose cases are only referred to brings no lines along."""
    for file in map(Path, FILES):
        if file.with_name("corpus.toml").exists():
            assert not list(file.parent.glob("*.ndjson")), file


def test_our_rules_leave_nothing_to_remark_on() -> None:
    sources = {name: sensor.log_source for name, sensor in SENSORS.items()}
    _, remarks = lint(rule_texts(), sources, known_techniques(techniques_file().read_bytes()), date(2026, 11, 24))
    assert remarks == ()


def test_our_rules_say_who_wrote_them_and_when() -> None:
    for name, text in rule_texts().items():
        assert re.search(r"^author: Tercio$", text, re.MULTILINE), name
        assert re.search(r"^date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), name
        (document,) = documents(name, text)
        assert document.body["name"] == name.split("/", maxsplit=1)[0]


def test_the_table_of_techniques() -> None:
    table = json.loads(techniques_file().read_text(encoding="utf-8"))
    assert table["enterprise"]["T1003.001"] == "LSASS Memory"
    assert table["ics"]["T0855"] == "Unauthorized Command Message"


@pytest.mark.skipif(not (DATA / "knowledge").is_dir(), reason="the knowledge that the table is made of is not here")
def test_the_table_is_what_its_generator_makes() -> None:
    assert techniques_file().read_text(encoding="utf-8") == attack.table(DATA / "knowledge")
