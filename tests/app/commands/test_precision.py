import json
import time

from tercio.app.cli import COMMANDS
from tercio.app.commands import precision
from tercio.app.settings import Settings
from tests.app.given import Cli
from tests.loop.given import PLC1, WS1, alert


def said(cli: Cli, settings: Settings, *words: str) -> dict:
    done = cli(*words, "--json", settings=settings.file)
    return {**json.loads(done.stdout), "status": done.returncode}


def test_an_incident_is_judged_closed_judged_anew_and_its_rule_weighs_by_that(running: Settings, cli: Cli):
    assert said(cli, running, "rules", "precision") == {"rules": [], "status": 0}
    at = time.time_ns() // 1000
    probes = [alert(at + port, WS1, PLC1, 9200002, "forgeable", dport=port) for port in (502, 102, 80, 22)]
    with (running.file.parent / "eve.json").open("ab") as eve:
        eve.write(b"".join(probes))
    deadline = time.monotonic() + 90
    while not (found := said(cli, running, "incidents")["incidents"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    key = found[0]["id"]
    answer = said(cli, running, "close", key[:12], "--verdict", "wrong", "--note", "\x1b[31mthe scanner")
    assert answer["status"] == 0
    assert answer["answer"] == f"{key}: wrong; it is closed, and what comes after it opens a new one"
    (rule,) = said(cli, running, "rules", "precision")["rules"]
    assert (rule["title"], rule["incidents"], rule["right"], rule["wrong"]) == ("Port sweep towards OT", 1, 0, 1)
    shown = cli("show", key, settings=running.file).stdout
    assert "Verdict: wrong, by " in shown
    assert "\x1b[31m" not in shown
    again = said(cli, running, "close", key, "--verdict", "right", "--rule", "port sweep towards ot")
    assert again["status"] == 0
    (rule,) = said(cli, running, "rules", "precision")["rules"]
    assert (rule["right"], rule["wrong"]) == (1, 0)
    page = " ".join(cli("rules", "precision", settings=running.file).stdout.split())
    assert "Port sweep" in page
    assert all(word in page for word in ("fired", "unsure", "ratio", "82%"))
    assert "no incident has the name 'inc-f00'" in said(cli, running, "close", "inc-f00", "--verdict", "right")["error"]


def test_a_rule_that_is_not_set_aside_cannot_be_taken_back(running: Settings, cli: Cli):
    answer = said(cli, running, "rules", "resume", "anything")
    assert (answer["status"], answer["error"]) == (
        1,
        "not done: 'anything' is not one rule that is set aside; none is",
    )
    assert cli("rules", "resume", "anything", settings=running.file).returncode == 1


def test_people_reach_these_commands_by_their_words():
    mine = {"rules precision": precision.rules_precision, "rules resume": precision.rules_resume}
    assert mine.items() <= COMMANDS.items()
