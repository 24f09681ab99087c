"""What keeps a store from answering, in words; and no way around this machine."""

import socket
import threading

import pytest

from tercio.store.clickhouse import EventsSilent, connected, silence_told
from tests.stored import PASSWORD


def test_a_store_here_is_reached_past_any_proxy(store_url: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = connected(store_url, "tercio", PASSWORD, 60)
    assert client.command("SELECT 1") == 1
    client.close()


@pytest.mark.parametrize(
    ("port", "password", "words"),
    [(None, "wrong", "Authentication failed"), (1, PASSWORD, "Connection refused")],
)
def test_who_does_not_answer_or_refuses_is_told_in_words(store_url: str, port: int | None, password: str, words: str):
    url = store_url if port is None else f"http://127.0.0.1:{port}"
    with pytest.raises(EventsSilent, match=f"^the event store can't be used: {words}") as told:
        connected(url, "tercio", password, 60)
    assert PASSWORD not in str(told.value)
    assert isinstance(told.value, OSError)


def test_who_takes_too_long_is_told():
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(EventsSilent, match="it takes too long"):
        connected(f"http://127.0.0.1:{deaf.getsockname()[1]}", "tercio", PASSWORD, 1)


def test_a_line_that_breaks_is_told():
    with socket.create_server(("127.0.0.1", 0)) as rude:
        answering = threading.Thread(target=lambda: [rude.accept()[0].close() for _ in range(4)], daemon=True)
        answering.start()
        with pytest.raises(EventsSilent, match=r"can't be used: .+"):
            connected(f"http://127.0.0.1:{rude.getsockname()[1]}", "tercio", PASSWORD, 5)


def test_what_is_wrong_with_us_is_not_hidden():
    with pytest.raises(ZeroDivisionError), silence_told():
        raise ZeroDivisionError
