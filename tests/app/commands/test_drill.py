import json

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import drill
from tercio.drills.baselines import WITHOUT
from tercio.drills.simulated.restraint import restraint
from tercio.drills.simulated.trials import Point
from tests.app.given import Cli, drawn
from tests.drills.simulated.test_restraint import DRILL, EPISODES

FEW = ("drill", "--simulated", "--seeds", "2", "--first", "2", "--processes", "1", "--intruder", "smash")


def test_a_drill_says_how_everybody_fared_on_the_same_seeds(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drill, "MOST_TRIALS", 1)
    done = cli(*FEW, "--family", "fitted", "--without", "brain", "--json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert (said["defender"], said["seed"], said["n"]) == ("without brain", 2, 2)
    assert said["baselines"].keys() >= {"tercio", "clairvoyant", "do nothing", "block on alert", "always ask"}
    assert all(each["episodes"] == 2 for each in (said["board"], *said["baselines"].values()))
    assert (said["board"]["benign"], list(said["families"]), list(said["intruders"])) == (1, ["fitted"], ["smash"])
    assert {"wrong_rate", "wrong_benign_rate", "wrong_rate_upper95", "contained_before_impact"} <= said.keys()
    assert [point["trials"] for point in said["attacker_cost_ratio"]] == [1]
    assert said["money_saved"].keys() == said["baselines"].keys() - {"clairvoyant"}


def test_for_people_it_is_a_table_that_fits_a_terminal():
    keys = {**restraint(EPISODES, DRILL), "attacker_cost_ratio": (Point(10, 250.0, 2.5, 1.0, 0.0),)}
    text = drawn(drill.page(keys), 80)
    assert "5 episodes (seeds 1 to 5), 0 of them benign days." in text
    rows = {line.split("  ")[0]: line for line in text.splitlines()}
    assert rows["always ask"].split()[2:] == ["0.0%", "-", "0%", "800", "200", "0"]
    assert rows["tercio"].split()[1:] == ["0.0%", "-", "33%", "600"]
    assert "Its worst family is busy." in text
    assert "was not with seeds: 2, 4." in text
    assert "10 trials a day: each costs us 2.50 times what it costs the intruder." in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("drill",), "add --simulated"),
        ((*FEW, "--family", "fited"), "there is no family 'fited'"),
        (("drill", "--simulated", "--intruder", "smesh"), "there is no intruder 'smesh'"),
        (("drill", "--simulated", "--without", "heart"), "--without"),
    ],
)
def test_what_is_not_understood_is_said_in_a_sentence(words: tuple[str, ...], said: str, cli: Cli):
    done = cli(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_arm_can_be_left_out():
    assert list(drill.Arm) == list(WITHOUT)
    assert COMMANDS["drill"] is drill.drill
