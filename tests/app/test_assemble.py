from pathlib import Path

import pytest

from tercio.app import assemble
from tercio.app.assemble import bounded, content_of, site_of
from tercio.app.settings import SettingsError, load
from tercio.content import mandate_texts, rule_texts
from tercio.drills.range.range import site_file
from tercio.model.decisions import Reach
from tercio.model.site import Autonomy
from tercio.model.siteparse import parse_site
from tests.app.given import TOML, changed, home

RULE = """\
title: Somebody reads
id: 11111111-2222-4333-8444-555555555555
status: test
logsource: {product: suricata, service: modbus}
detection:
  it: {event_type: modbus}
  condition: it
level: low
"""
MANDATE = """\
@id("not_at_night")
@words("nobody is there at night")
forbid (principal, action in Action::"act", resource) when { context.hour < 5 };
"""


def content(folder: Path, text: str = TOML):
    return content_of(load(home(folder, text)))


def refused(folder: Path, text: str = TOML) -> str:
    with pytest.raises(SettingsError) as caught:
        content(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_loop_gets_everything_that_the_settings_name(tmp_path: Path):
    found = content(tmp_path, TOML + "[limits]\nacts_per_hour = 0\n")
    assert found.site == parse_site(site_file().read_text())
    assert set(found.sensors) == {"ot"} == set(found.silent_after)
    assert found.reaches == (Reach("gateway", "nftables", ("office", "dmz", "ot")),)
    assert found.limits.acts_per_hour == 0
    assert len(found.rules.rules) + len(found.rules.correlations) >= len(rule_texts())
    assert not found.rules.rejected


def test_own_rules_and_policies_are_added(tmp_path: Path):
    plain = content(tmp_path)
    (tmp_path / "own" / "deep").mkdir(parents=True)
    (tmp_path / "own" / "deep" / "one.yml").write_text(RULE)
    (tmp_path / "own" / "two.yaml").write_text(RULE.replace("11111111", "22222222").replace("reads", "writes"))
    (tmp_path / "night.cedar").write_text(MANDATE)
    more = content(
        tmp_path, changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]\nmandate = ["night.cedar"]')
    )
    assert {r.title for r in more.rules.rules.values()} - {r.title for r in plain.rules.rules.values()} == {
        "Somebody reads",
        "Somebody writes",
    }
    assert "not_at_night" in more.mandate.words
    assert "not_at_night" not in plain.mandate.words


@pytest.mark.parametrize("changes", [
    ("site.toml", "outage_per_hour = 42000", "outage_per_hour = 42001"),
    ("own/one.yml", "level: low", "level: high"),
    ("night.cedar", "context.hour < 5", "context.hour < 6"),
    ("tercio.toml", "acts_per_hour = 3", "acts_per_hour = 4"),
    ("tercio.toml", 'lease = "6s"', 'lease = "7s"'),
    ("tercio.toml", "threshold = 0.2", "threshold = 0.3"),
    ("tercio.toml", '"dmz", "ot"]', '"ot"]'),
], ids=lambda change: " ".join(change[:2]))  # fmt: skip
def test_the_digest_names_all_that_decides(tmp_path: Path, changes: tuple[str, str, str]):
    text = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]\nmandate = ["night.cedar"]')
    text += '[limits]\nacts_per_hour = 3\n[outlook]\nlease = "6s"\n[release]\nthreshold = 0.2\n'
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.yml").write_text(RULE)
    (tmp_path / "night.cedar").write_text(MANDATE)
    settings = home(tmp_path, text)
    before = content_of(load(settings)).basis.digest
    assert content_of(load(settings)).basis.digest == before
    name, old, new = changes
    file = tmp_path / name
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))
    assert content_of(load(settings)).basis.digest != before


def test_a_zone_that_the_site_does_not_list_is_told_by_its_line(tmp_path: Path):
    words = refused(tmp_path, changed('"dmz", "ot"]', '"dmzz", "moon"]'))
    assert words.splitlines()[0].startswith(
        "tercio.toml:11: hands.gateway.zones has 'dmzz', which is no zone of site.toml"
    )
    assert "did you mean 'dmz'?" in words
    assert "'moon'" in words.splitlines()[1]


@pytest.mark.parametrize(("key", "line", "words"), [
    ('site = "nowhere.toml"', 3, "nowhere.toml: No such file or directory; correct the path"),
    ('rules = ["own", "none"]', 3, "own has no Sigma rules (*.yml); correct the path, or take it off the list"),
    ('mandate = ["none.cedar"]', 3, "none.cedar: No such file or directory; correct the path"),
])  # fmt: skip
def test_a_missing_file_is_told_by_the_line_that_names_it(tmp_path: Path, key: str, line: int, words: str):
    text = changed('site = "site.toml"', key)
    assert refused(tmp_path, text) == f"tercio.toml:{line}: {words}"


def test_a_file_that_is_no_text_is_told(tmp_path: Path):
    settings = home(tmp_path)
    (tmp_path / "site.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"site\.toml: this is not UTF-8 text; save it as UTF-8"):
        site_of(load(settings))


@pytest.mark.parametrize(("name", "text", "words"), [
    ("night.cedar", MANDATE.replace("forbid", "permit"), "a site may only forbid"),
    ("night.cedar", MANDATE.replace("context.hour", "context.our"), r"night\.cedar"),
])  # fmt: skip
def test_faulty_content_is_told_with_its_file(tmp_path: Path, name: str, text: str, words: str):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.yml").write_text(RULE)
    (tmp_path / "night.cedar").write_text(MANDATE)
    (tmp_path / name).write_text(text)
    settings = home(
        tmp_path, changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]\nmandate = ["night.cedar"]')
    )
    with pytest.raises(SettingsError, match=words):
        content_of(load(settings))


@pytest.mark.parametrize(("name", "data", "line", "reason"), [
    ("half.yml", b"title: Half\nid: [\n", 3, "column 1: not YAML: "),
    ("odd.yml", b"title: \xff\n", 1, "this is not UTF-8 text; save it as UTF-8"),
    ("gone.yml", None, 1, "No such file or directory; let this user read it"),
])  # fmt: skip
def test_a_broken_rule_is_listed_and_the_others_stay(
    tmp_path: Path, name: str, data: bytes | None, line: int, reason: str
):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.yml").write_text(RULE)
    if data is None:
        (tmp_path / "own" / name).symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / "own" / name).write_bytes(data)
    settings = home(tmp_path, changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]'))
    rules = content_of(load(settings)).rules
    assert [(r.file, r.line) for r in rules.rejected] == [(str(tmp_path / "own" / name), line)]
    assert reason in rules.rejected[0].reason
    assert "Somebody reads" in {rule.title for rule in rules.rules.values()}


def test_there_is_a_most_of_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assemble, "MOST_RULES", 2)
    (tmp_path / "own").mkdir()
    for number in range(3):
        (tmp_path / "own" / f"{number}.yml").write_text(RULE)
    words = refused(tmp_path, changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]'))
    assert words == "tercio.toml:4: own has 3 rule files, and 2 are the most; name the folders you need"


def test_a_faulty_site_is_told_with_every_fault(tmp_path: Path):
    settings = home(tmp_path)
    site = tmp_path / "site.toml"
    site.write_text(
        site.read_text().replace('currency = "EUR"', 'currency = "Euro"').replace("level = 2", "level = 20")
    )
    with pytest.raises(SettingsError) as caught:
        content_of(load(settings))
    faults = str(caught.value).splitlines()
    assert len(faults) == 2
    assert all(fault.startswith(f"{site}:") for fault in faults)


def test_a_site_with_no_word_on_its_safety_function_stays_in_shadow(tmp_path: Path):
    settings = home(tmp_path)
    site = tmp_path / "site.toml"
    text = site.read_text()
    line = next(line for line in text.splitlines() if line.startswith("safety = "))
    assert {zone.autonomy for zone in content_of(load(settings)).site.zones.values()} == {Autonomy.ACT}
    site.write_text(text.replace(line, ""))
    assert {zone.autonomy for zone in content_of(load(settings)).site.zones.values()} == {Autonomy.SHADOW}
    assert {zone.autonomy for zone in site_of(load(settings)).zones.values()} == {Autonomy.ACT}


def test_a_sound_site_is_bounded_by_nothing():
    site = parse_site(site_file().read_text())
    assert bounded(site) is site


def test_the_built_in_mandate_is_there(tmp_path: Path):
    assert content(tmp_path).mandate.words
    assert mandate_texts()


def test_what_rules_became_is_kept_beside_the_state_and_rests_on_placeholders(tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.yml").write_text(RULE.replace("it: {", "it: {who|expand: '%who%', "))
    text = changed('site = "site.toml"', 'site = "site.toml"\nrules = ["own"]')
    (tmp_path / "state").mkdir(exist_ok=True)
    without = content(tmp_path, text)
    assert "[placeholders]" in without.rules.rejected[0].reason
    ann, bob = (content(tmp_path, f'{text}\n[placeholders]\nwho = "{name}"\n') for name in ("ann", "bob"))
    assert not ann.rules.rejected
    assert len({each.basis.rules for each in (without, ann, bob)}) == 3
    kept = tmp_path / "state" / "rules.cache"
    before = kept.stat().st_ino
    again = content(tmp_path, f'{text}\n[placeholders]\nwho = "bob"\n')
    assert (again.rules, again.basis) == (bob.rules, bob.basis)
    assert kept.stat().st_ino == before, "nothing was made anew"
