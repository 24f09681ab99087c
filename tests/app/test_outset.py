from pathlib import Path

import pytest

from tercio.app.assemble import content_of
from tercio.app.outset import live, may_start, outset, unrouted, waiting
from tercio.app.settings import Settings, SettingsError, load
from tercio.app.supervisor import prepare
from tercio.store.errors import StateLocked
from tercio.store.state import State
from tests.app.given import DEMO, changed, home
from tests.app.test_assemble import RULE

WITH_RULES = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]')


def told(settings: Settings) -> list[str]:
    return list(outset(settings, content_of(settings)))


def with_rules(folder: Path, **texts: str) -> Settings:
    (folder / "own").mkdir()
    for name, text in texts.items():
        (folder / "own" / f"{name}.yml").write_text(text)
    return load(home(folder, WITH_RULES))


def test_nothing_is_said_where_all_is_well(tmp_path: Path):
    settings = load(home(tmp_path))
    assert told(settings) == []
    content = content_of(settings)
    assert live(content).endswith(" rules are live")
    assert "no source of product windows" in waiting(content).values()
    assert unrouted(content) == {}


def test_many_rules_that_are_not_live_are_a_few_lines_and_a_sum(tmp_path: Path):
    broken = {f"b{n}": f"title: Broken {n}\nid: [\n" for n in range(9)}
    settings = with_rules(tmp_path, good=RULE, elsewhere=windows(), **broken)
    *each, summary = told(settings)
    assert len(each) == 3
    assert each[0].startswith(f"{tmp_path}/own/b0.yml:3: this rule is not used: column 1: not YAML: ")
    content = content_of(settings)
    known = len(content.rules.rules) + len(content.rules.correlations) - len(waiting(content))
    assert summary == (
        f"{known - 1} of {known + 9} rules are live; 9 can't be used and 1 find no source to look at; "
        "`tercio doctor` lists them"
    )


def windows() -> str:
    text = RULE.replace("11111111", "33333333")
    return text.replace("product: suricata, service: modbus", "product: windows, service: x")


def test_a_broken_rule_is_named(tmp_path: Path):
    first, *_ = told(with_rules(tmp_path, odd=RULE.replace("condition: it", "condition: thing")))
    assert first.startswith(f"{tmp_path}/own/odd.yml:5: this rule is not used ('Somebody reads'): ")


def test_a_site_without_an_answer_on_safety_is_told_loudly(tmp_path: Path):
    settings = load(home(tmp_path))
    site = tmp_path / "site.toml"
    line = next(line for line in site.read_text().splitlines() if line.startswith("safety = "))
    site.write_text(site.read_text().replace(line, ""))
    (words,) = told(settings)
    assert words.startswith(f"NOTHING WILL BE DONE: all of {site} stays in shadow until its errors are corrected (")
    assert "does not say where the safety function is" in words


def test_zones_in_shadow_are_named(tmp_path: Path):
    settings = load(home(tmp_path))
    site = tmp_path / "site.toml"
    site.write_text(site.read_text().replace('autonomy = "act"', 'autonomy = "shadow"', 1))
    assert told(settings) == ["in shadow: office; there Tercio says what it would do, and does nothing"]


def test_a_state_has_one_loop(tmp_path: Path):
    settings = load(home(tmp_path))
    prepare(settings)
    with State.open(settings.state, origin="tercio/test"), pytest.raises(StateLocked, match="a state has one writer"):
        may_start(settings)
    may_start(settings)
    may_start(settings)


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path):
    settings = load(home(tmp_path))
    with pytest.raises(SettingsError, match="No such file or directory; make it a folder that this user may write"):
        may_start(settings)


def test_a_demo_whose_range_has_ended_is_not_started(tmp_path: Path):
    settings = load(home(tmp_path, DEMO))
    with pytest.raises(SettingsError, match="was kept from a demo whose range has ended") as caught:
        may_start(settings)
    assert "tercio demo" in str(caught.value)
