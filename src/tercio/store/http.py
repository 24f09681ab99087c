"""ClickHouse's HTTP interface in front of the engine, as far as its Python client needs it: an ASGI application.

Statements come in the body or as ``query``; parameters as ``param_NAME``, in the address or in a form; inserted data
behind the statement's first line or as the body. Settings in the address are not applied: write them in the statement.
Bodies are not compressed; on the same machine that would cost more than it saves.
"""

import asyncio
import base64
import contextlib
import email
import email.policy
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tercio.store.engine import AT_ONCE, Engine, Refusal, Statement

MOST_BODY = 96 << 20
"""Bytes of one request."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_INSERT = re.compile(rb"(\s*INSERT\s+INTO\s[^\n]*?)\s+FORMAT\s+(\w+)\s*?(?:\n|\Z)", re.IGNORECASE)
_STATUS = {516: 403, 60: 404, 81: 404, 62: 400, 36: 400, 202: 503, 159: 408, 307: 413}
"""How ClickHouse's codes show in HTTP; all others are 500."""
_DENIED, _TOO_LARGE, _NOT_UNDERSTOOD = 516, 307, 36


class Account(msgspec.Struct, frozen=True):
    """Who may ask. The password shows in no text of this value."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Account({self.user!r})"

    def opened_by(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers (names in small letters) carry it, in either of ClickHouse's two ways."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                said = base64.b64decode(text, validate=True)
            except ValueError:
                return False
        else:
            said = f"{headers.get('x-clickhouse-user', '')}:{headers.get('x-clickhouse-key', '')}".encode()
        return hmac.compare_digest(said, f"{self.user}:{self.password}".encode())


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def statement(query: bytes, headers: Mapping[str, str], body: bytes) -> Statement:
    """What a request asks of the engine. Raises Refused for what is not understood."""
    fields = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    if headers.get("content-encoding", "identity") != "identity":
        raise Refused(_NOT_UNDERSTOOD, "compressed bodies are not taken here: connect with compress=False")
    if headers.get("content-type", "").startswith("multipart/form-data"):
        fields, body = fields | _form(headers["content-type"], body), b""
    text = fields.get("query", "").encode()
    insert = _INSERT.match(text or body)
    if insert is not None:
        sql, data, form = insert[1], body if text else body[insert.end() :], insert[2].decode()
    else:
        sql, data, form = text + body, b"", ""
    try:
        words = sql.decode()
    except UnicodeDecodeError:
        raise Refused(_NOT_UNDERSTOOD, "a statement is UTF-8 text; give other bytes as a parameter") from None
    return Statement(
        sql=words,
        form=headers.get("x-clickhouse-format") or fields.get("default_format") or "TabSeparated",
        database=headers.get("x-clickhouse-database") or fields.get("database", ""),
        values={name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")},
        data=data,
        data_form=form,
    )


def _form(kind: str, body: bytes) -> dict[str, str]:
    """The plain fields of a form."""
    message = email.message_from_bytes(
        b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body, policy=email.policy.HTTP
    )
    found: dict[str, str] = {}
    for part in message.iter_parts() if isinstance(message, email.message.EmailMessage) else ():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            found[name] = value.decode(errors="replace")
    return found


class Interface:
    """The application. ``/ping`` asks the engine itself, on a way of its own: it answers though all others wait."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self._account = account
        self._room = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, "statement")
        self._pings = ThreadPoolExecutor(1, "ping")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if not self._account.opened_by(headers):
                raise Refused(_DENIED, "Authentication failed: password is incorrect, or there is no such user")
            if scope["path"] == "/ping":
                await asyncio.get_running_loop().run_in_executor(self._pings, self._engine.ping)
                await _whole(send, 200, b"Ok.\n")
                return
            asked = statement(scope["query_string"], headers, await body_of(headers, receive))
            async with self._room:
                await self._answer(asked, receive, send)
        except Refused as error:
            await _refuse(send, error.code, f"Code: {error.code}. DB::Exception: {error}")
        except Refusal as error:
            await _refuse(send, error.code, str(error))

    async def _answer(self, asked: Statement, receive: Receive, send: Send) -> None:
        """Send the answer as it comes. Where a statement fails after its answer began, the answer is left without its
        end, and the server ends the connection: so the client knows."""
        loop = asyncio.get_running_loop()
        blocks = self._engine.ask(asked)
        left = asyncio.create_task(_left(receive))
        try:
            block = await loop.run_in_executor(self._threads, next, blocks, None)
            await _begin(send, 200)
            with contextlib.suppress(Refusal):
                while block is not None and not left.done():
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                    block = await loop.run_in_executor(self._threads, next, blocks, None)
                await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()
            await loop.run_in_executor(self._threads, blocks.close)


_TOO_MUCH = Refused(_TOO_LARGE, f"a request has {MOST_BODY >> 20} MiB at most")


async def body_of(headers: Mapping[str, str], receive: Receive) -> bytes:
    """All of a request's body. Raises Refused for one that is too large, as soon as that shows."""
    said = headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 15 or int(said) > MOST_BODY:
        raise _TOO_MUCH
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(_NOT_UNDERSTOOD, "the request ended before it was whole")
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > MOST_BODY:
            raise _TOO_MUCH
    return b"".join(parts)


async def _left(receive: Receive) -> None:
    """Wait until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _begin(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    head = [(b"content-type", b"text/plain; charset=UTF-8"), (b"x-clickhouse-timezone", b"UTC"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})


async def _whole(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await _begin(send, status, (b"content-length", b"%d" % len(body)), *headers)
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, code: int, words: str) -> None:
    told = (b"x-clickhouse-exception-code", b"%d" % code)
    await _whole(send, _STATUS.get(code, 500), f"{words}\n".encode(errors="replace"), told)
