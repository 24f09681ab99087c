import json
import shlex
from pathlib import Path

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import look
from tercio.app.settings import Settings, load
from tercio.app.terminal import CALLED
from tests.app.conftest import Played
from tests.app.given import Cli, attacked
from tests.loop.given import Desk


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Desk]:
    return attacked(tmp_path_factory.mktemp("site"))


def answer(cli: Cli, settings: Settings, *words: str) -> dict:
    done = cli(*words, "--json", settings=settings.file)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def page(cli: Cli, settings: Settings, *words: str) -> str:
    done = cli(*words, settings=settings.file)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_incidents(site: tuple[Settings, Desk], cli: Cli):
    settings, desk = site
    (found,) = answer(cli, settings, "incidents")["incidents"]
    assert (found["id"], found["status"]) == (desk.incident.id, "contained")
    assert desk.incident.id in page(cli, settings, "incidents")


def test_one_incident_by_the_beginning_of_its_name(site: tuple[Settings, Desk], cli: Cli):
    settings, desk = site
    name = desk.incident.id
    for words in (name, name[:10], name.removeprefix("inc-")[:6]):
        assert answer(cli, settings, "show", words)["incident"]["id"] == name
    text = page(cli, settings, "show", name)
    assert text.index("What happened") < text.index("What was considered") < text.index("What was done")


def test_what_is_shown_cites_what_was_seen(site: tuple[Settings, Desk], cli: Cli):
    settings, desk = site
    story = answer(cli, settings, "show", desk.incident.id)
    assert {cited["event"]["id"] for cited in story["cited"]} == set(story["incident"]["events"])


def test_a_name_that_nothing_has(site: tuple[Settings, Desk], cli: Cli):
    done = cli("show", "inc-nothing", settings=site[0].file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"nothing here has the name 'inc-nothing'; `{CALLED} incidents` and `{CALLED} effects` list what there is\n"
    )


def test_what_belongs_to_an_incident_shows_it(site: tuple[Settings, Desk], cli: Cli):
    settings, desk = site
    effect = desk.effect
    for name in (effect.lease, effect.decision, effect.lease[4:12], *desk.incident.findings):
        text = page(cli, settings, "show", name)
        assert text.startswith(f"Incident {desk.incident.id}: contained")
        assert f"You asked for {name[:3]}" in text or "You asked for lse" in text
    assert f"-> {effect.lease}: refuse host ws1" in page(cli, settings, "show", effect.lease)


def test_raw_records_are_shown_where_asked_for(site: tuple[Settings, Desk], cli: Cli):
    settings, desk = site
    assert '"event_type":"alert"' not in page(cli, settings, "show", desk.incident.id)
    shown = page(cli, settings, "show", desk.incident.id, "--raw")
    (raw,) = [line for line in shown.splitlines() if line.startswith("{")]
    assert json.loads(raw)["event_type"] == "alert"


def printed(cli: Cli, settings: Settings, incident: str) -> list[list[str]]:
    """The commands that the page of an incident prints, as words behind ``tercio`` or what it was called by."""
    text = page(cli, settings, "show", incident)
    begin = f"{CALLED} "
    found = [shlex.split(line.strip()[len(begin) :]) for line in text.splitlines() if line.strip().startswith(begin)]
    assert all(words[-2:] == ["--settings", str(settings.file)] for words in found)
    return found


def test_what_the_page_prints_for_people_and_the_auditor_works_as_it_is_printed(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    settings, desk = attacked(tmp_path)
    monkeypatch.chdir(tmp_path)
    undo, undo_one, show, keep, since, replay = printed(cli, settings, desk.incident.id)
    assert (undo[:2], undo_one[:2]) == (["undo", desk.incident.id], ["undo", desk.effect.lease])
    assert "no loop" in cli(*undo).stderr, "it was understood, but nobody is there to do it"
    for words in (show, keep, since):
        done = cli(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert "it continues the" in cli(*since).stdout, "the checkpoint that was kept was not looked at"
    assert replay[:2] == ["audit", "replay"]


def test_it_works_after_a_drill_on_the_kernel_too(
    played: Played, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    settings = load(played.settings)
    monkeypatch.chdir(tmp_path)
    for incident in answer(cli, settings, "incidents")["incidents"]:
        for words in printed(cli, settings, incident["id"]):
            done = cli(*words)
            assert (done.returncode, done.stderr) == (0, ""), words


def test_a_name_that_means_two_incidents(tmp_path: Path, cli: Cli):
    from tercio.model.records import Transaction
    from tercio.store.state import State
    from tests.store.made import incident

    settings, _ = attacked(tmp_path)
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=1, incidents=(incident(1), incident(2))))
    done = cli("show", "inc-0000", settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "'inc-0000' is not one incident: " in done.stderr
    assert done.stderr.endswith("write more of the id\n")


def test_effects_that_stand_and_all(site: tuple[Settings, Desk], tmp_path: Path, cli: Cli):
    settings, desk = site
    assert [e["lease"] for e in answer(cli, settings, "effects")["effects"]] == [desk.effect.lease]
    assert "host ws1" in page(cli, settings, "effects")
    over, _ = attacked(tmp_path, released=True)
    assert answer(cli, over, "effects")["effects"] == []
    assert "Nothing stands" in page(cli, over, "effects")
    (ended,) = answer(cli, over, "effects", "--all")["effects"]
    assert ended["state"] == "released"


def test_people_reach_these_commands_by_their_words():
    mine = {"incidents": look.incidents, "show": look.show, "effects": look.effects}
    assert mine.items() <= COMMANDS.items()
