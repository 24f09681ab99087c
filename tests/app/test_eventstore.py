"""How commands get to the store: its address, its password, and the words where one is missing."""

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tercio.app.eventstore import archive_of, folder_of, password_file, password_of, url_of
from tercio.app.settings import Settings, SettingsError, load
from tercio.store.events import EventsSilent
from tests.app.given import TOML, home
from tests.stored import PASSWORD

CLICKHOUSE = '\n[store]\nkind = "clickhouse"\nurl = "https://ch.example:8443/plants"\n'


def settings(folder: Path, text: str = '\n[store]\nkind = "embedded"\n') -> Settings:
    return load(home(folder, TOML + text))


def secret(path: Path, text: str = PASSWORD, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    path.chmod(mode)


def test_the_embedded_store_lies_in_the_state_and_listens_here(tmp_path: Path):
    loaded = settings(tmp_path)
    assert url_of(loaded) == "http://127.0.0.1:8423"
    assert {folder_of(loaded).parent, password_file(loaded).parent} == {loaded.state}


def test_a_command_reaches_a_store_that_runs(store_url: str, tmp_path: Path):
    loaded = settings(tmp_path, f'\n[store]\nkind = "embedded"\nport = {urlsplit(store_url).port}\n')
    secret(password_file(loaded))
    with closing(archive_of(loaded)) as events:
        events.prepare([], loaded.store.keep)
        assert events.held().rows == 0


def test_without_a_store_it_is_said_how_to_get_one(tmp_path: Path):
    with pytest.raises(SettingsError, match=r'\[store\] with kind = "embedded"'):
        archive_of(settings(tmp_path, ""))


def test_a_store_that_does_not_run_is_silent(tmp_path: Path):
    loaded = settings(tmp_path, '\n[store]\nkind = "embedded"\nport = 1\n')
    secret(password_file(loaded))
    with pytest.raises(EventsSilent, match="Connection refused"):
        archive_of(loaded)


def test_a_password_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    secret(tmp_path / "pw", "of the file")
    by_file = settings(tmp_path, f'{CLICKHOUSE}password_file = "pw"\n')
    assert (password_of(by_file), url_of(by_file)) == ("of the file", "https://ch.example:8443/plants")
    by_name = settings(tmp_path, f'{CLICKHOUSE}password_env = "OF_THE_STORE"\n')
    with pytest.raises(SettingsError, match=r"tercio.toml:\d+: .*OF_THE_STORE, which is not set"):
        password_of(by_name)
    monkeypatch.setenv("OF_THE_STORE", "of the variable")
    assert password_of(by_name) == "of the variable"


def test_a_password_that_is_not_to_be_had_is_told_with_what_to_do(tmp_path: Path):
    with pytest.raises(SettingsError, match="made when the store first starts: start `tercio up`"):
        password_of(settings(tmp_path))
    loaded = settings(tmp_path, f'{CLICKHOUSE}password_file = "pw"\n')
    with pytest.raises(SettingsError, match="write it"):
        password_of(loaded)
    secret(tmp_path / "pw", "too open", 0o644)
    with pytest.raises(SettingsError, match="chmod 600") as told:
        password_of(loaded)
    assert "too open" not in str(told.value)
