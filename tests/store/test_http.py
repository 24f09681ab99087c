"""How requests are understood; and the real server, asked by hand where its client would not."""

import asyncio
import base64
import http.client
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import pytest

from tercio.store.http import MOST_BODY, Account, Refused, body_of, statement
from tests.stored import PASSWORD

ACCOUNT = Account("tercio", "pass:word")


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers", [basic("tercio:pass:word"), {"x-clickhouse-user": "tercio", "x-clickhouse-key": "pass:word"}]
)
def test_both_of_clickhouses_ways_open(headers: Mapping[str, str]):
    assert ACCOUNT.opened_by(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("tercio:pass:wor"),
        basic("tercio:pass:word "),
        basic(":"),
        {"authorization": "Basic !!!"},
        {"authorization": "Basic \xe9"},
        {"authorization": "Bearer pass:word"},
        {"x-clickhouse-user": "tercio"},
        {"x-clickhouse-user": "tercio:pass", "x-clickhouse-key": "wordy"},
    ],
)
def test_nothing_else_does(headers: Mapping[str, str]):
    assert not ACCOUNT.opened_by(headers)


def test_the_password_shows_nowhere():
    assert "pass" not in f"{ACCOUNT!r} {ACCOUNT}"


def test_a_statement_is_the_body_or_the_address():
    assert statement(b"", {}, b"SELECT 1").sql == "SELECT 1"
    asked = statement(b"query=SELECT%20{a:String}&param_a=x%27y&database=d&default_format=JSON&max_threads=1", {}, b"")
    assert (asked.sql, asked.values, asked.database, asked.form) == ("SELECT {a:String}", {"a": "x'y"}, "d", "JSON")


def test_inserted_data_lies_behind_the_first_line_or_is_the_body():
    body = b"INSERT INTO `d`.`t` (`a`, `b`) FORMAT Native\n\x01\x00FORMAT CSV\n"
    behind = statement(b"", {}, body)
    assert (behind.sql, behind.data_form, behind.data) == (
        "INSERT INTO `d`.`t` (`a`, `b`)",
        "Native",
        b"\x01\x00FORMAT CSV\n",
    )
    beside = statement(b"query=insert+into+t+format+TabSeparated", {}, b"1\n")
    assert (beside.sql, beside.data_form, beside.data) == ("insert into t", "TabSeparated", b"1\n")
    assert not statement(b"", {}, b"INSERT INTO t VALUES (1)").data_form


def test_a_form_brings_statement_and_parameters():
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    form = (part.format("query", "SELECT {a:String}") + part.format("param_a", "x\\x27") + "--b--\r\n").encode()
    asked = statement(b"database=d", {"content-type": "multipart/form-data; boundary=b"}, form)
    assert (asked.sql, asked.values, asked.data) == ("SELECT {a:String}", {"a": "x\\x27"}, b"")


def test_what_is_not_understood_is_refused():
    with pytest.raises(Refused, match="compress=False"):
        statement(b"", {"content-encoding": "lz4"}, b"\x04\x22")
    with pytest.raises(Refused, match="UTF-8"):
        statement(b"", {}, b"SELECT '\xff'")


class Asked:
    """One connection to the real server."""

    def __init__(self, url: str, password: str = PASSWORD) -> None:
        self._line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = basic(f"tercio:{password}")

    def ask(self, sql: str, **fields: str) -> tuple[int, str | None, bytes]:
        self._line.request("POST", f"/?{urlencode(fields)}", sql.encode(), self._headers)
        answer = self._line.getresponse()
        return answer.status, answer.getheader("X-ClickHouse-Exception-Code"), answer.read()

    def get(self, path: str) -> int:
        self._line.request("GET", path, headers=self._headers)
        answer = self._line.getresponse()
        answer.read()
        return answer.status


def test_errors_are_clickhouses(store_url: str):
    asked = Asked(store_url)
    assert asked.ask("SELECT 1") == (200, None, b"1\n")
    assert asked.ask("SELECT * FROM nowhere")[:2] == (404, "60")
    status, code, words = asked.ask("SELEC 1")
    assert (status, code) == (400, "62")
    assert words.startswith(b"Code: 62. DB::Exception: ")
    assert asked.ask("SELECT throwIf(1)")[:2] == (500, "395")
    assert asked.get("/ping") == 200


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + "x"])
def test_nobody_is_answered_without_the_password(store_url: str, password: str):
    asked = Asked(store_url, password)
    status, code, words = asked.ask("SELECT 1")
    assert (status, code) == (403, "516")
    assert PASSWORD.encode() not in words
    assert asked.get("/ping") == asked.get("/?query=SELECT%201") == 403


def test_a_body_has_its_bounds(store_url: str):
    line = http.client.HTTPConnection(urlsplit(store_url).netloc, timeout=60)
    line.request("POST", "/", headers=basic(f"tercio:{PASSWORD}") | {"Content-Length": str(MOST_BODY + 1)})
    assert line.getresponse().status == 413


def test_a_body_that_does_not_say_its_length_has_them_too():
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": bytes(MOST_BODY // 4), "more_body": True}

    with pytest.raises(Refused, match="96 MiB"):
        asyncio.run(body_of({}, receive))
    with pytest.raises(Refused, match="96 MiB"):
        asyncio.run(body_of({"content-length": "9" * 30}, receive))


def test_an_answer_that_fails_midway_is_seen_not_to_be_whole(store_url: str):
    sql = "SELECT throwIf(number = 90000) FROM numbers(100000) SETTINGS max_block_size = 1000 FORMAT Native"
    with pytest.raises(http.client.IncompleteRead):
        Asked(store_url).ask(sql)


def test_who_leaves_makes_room(store_url: str):
    endless = "SELECT number FROM system.numbers SETTINGS max_block_size = 1000 FORMAT Native"
    for _ in range(12):
        line = http.client.HTTPConnection(urlsplit(store_url).netloc, timeout=60)
        line.request("POST", "/", endless.encode(), basic(f"tercio:{PASSWORD}"))
        assert line.getresponse().read(10)
        line.close()
    assert Asked(store_url).ask("SELECT 1")[0] == 200
