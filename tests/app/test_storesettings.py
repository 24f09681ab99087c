from pathlib import Path

import pytest

from tercio.app.settings import SettingsError, load
from tercio.app.storesettings import DAY, PORT, Kind, StoreSettings
from tests.app.given import TOML, home


def store(folder: Path, text: str) -> StoreSettings:
    return load(home(folder, f"{TOML}\n[store]\n{text}")).store


def test_without_a_table_nothing_is_kept(tmp_path: Path):
    assert load(home(tmp_path)).store == StoreSettings()
    assert StoreSettings().kind == Kind.NONE


def test_the_embedded_store_needs_no_more(tmp_path: Path):
    assert store(tmp_path, 'kind = "embedded"') == StoreSettings(Kind.EMBEDDED, 90 * DAY, PORT)
    assert store(tmp_path, 'kind = "embedded"\nport = 9\nkeep = "7d"') == StoreSettings(Kind.EMBEDDED, 7 * DAY, 9)


def test_a_clickhouse_has_an_address_and_a_password_by_reference(tmp_path: Path):
    found = store(tmp_path, 'kind = "clickhouse"\nurl = "https://ch:8443/plants"\nuser = "u"\npassword_file = "secret"')
    assert (found.url, found.user, found.password_file) == ("https://ch:8443/plants", "u", tmp_path / "secret")
    assert store(tmp_path, 'kind = "clickhouse"\nurl = "http://ch"\npassword_env = "PW"').password_env == "PW"
    for url in ("http://127.0.0.1:8123", "https://[::1]:8443/plants/", "http://ch/plant-7"):
        assert store(tmp_path, f'kind = "clickhouse"\nurl = "{url}"\npassword_env = "PW"').url == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "duckdb"', "kind"),
        ('kind = "embedded"\nkeep = "1h"', "from 1 d"),
        ('kind = "embedded"\nport = 0', "from 1 to 65535"),
        ('kind = "embedded"\nport = 80.5', "whole number"),
        ('kind = "embedded"\nurl = "http://x"', 'is for kind = "clickhouse"'),
        ("port = 9000", 'is for kind = "embedded"'),
        ('kind = "clickhouse"\npassword_env = "X"', "has no url"),
        ('kind = "clickhouse"\nurl = "http://x"', "password_file"),
        ('kind = "clickhouse"\nurl = "http://x"\npassword_env = "A"\npassword_file = "b"', "one of them"),
        ('kind = "clickhouse"\nurl = "http://u:pw@x"\npassword_env = "A"', "without user or password"),
        *(
            (f'kind = "clickhouse"\nurl = "{url}"\npassword_env = "A"', "is no address")
            for url in (
                *("ch:8443", "http://[::1", "http://[zz]/x", "http://ch:abc", "http://ch:99999", "http://ch:0"),
                *("http://ch/a/b", "http://ch/a`b", "http://a b/x", "http://:secret@ch", "http://ch/x#y", "http:///x"),
            )
        ),
        ('password = "secret"', "password"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(tmp_path: Path, text: str, words: str):
    with pytest.raises(SettingsError) as told:
        store(tmp_path, text)
    assert words in str(told.value)
    assert f"{tmp_path / 'tercio.toml'}:" in str(told.value)
    assert "secret" not in str(told.value)
