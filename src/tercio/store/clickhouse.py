"""The line to a ClickHouse, and what keeps it from answering. Its client is loaded by whoever connects, not before: the
command line of the loop must not have it."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

THIS_MACHINE = "127.0.0.1"
"""Where the embedded store listens, and nowhere else."""

LOOPBACK = (THIS_MACHINE, "::1", "localhost")

_PREFACE = re.compile(r"^.*?server response: (?:.*?DB::Exception: )?", re.DOTALL)
"""What the client puts before the store's own words."""


class EventsSilent(OSError):
    """The store can't answer, or not as asked; the message says why."""


def connected(url: str, user: str, password: str, patience: int) -> "Client":
    """A client of the ClickHouse at ``http[s]://HOST:PORT``. ``patience`` are the seconds that one answer may take.
    Raises EventsSilent."""
    import clickhouse_connect  # noqa: PLC0415
    from clickhouse_connect.driver.httputil import get_pool_manager  # noqa: PLC0415

    for name in ("clickhouse_connect", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # What fails is raised, and told once.
    at = urlsplit(url)
    here = at.hostname in LOOPBACK
    with silence_told():
        return clickhouse_connect.get_client(
            interface=at.scheme,
            host=at.hostname or "",
            port=at.port or (8443 if at.scheme == "https" else 8123),
            username=user,
            password=password,
            database="default",
            compress=not here,
            connect_timeout=min(10, patience),
            send_receive_timeout=patience,
            query_retries=0,
            autogenerate_session_id=False,
            client_name="tercio",
            show_clickhouse_errors="scrub",
            pool_mgr=get_pool_manager() if here else None,  # No proxy of the environment on this machine.
        )


@contextmanager
def silence_told() -> Iterator[None]:
    """Whatever keeps the store from answering, as EventsSilent."""
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except (ClickHouseError, HTTPError) as error:
        raise EventsSilent(f"the event store can't be used: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The system's word on why nobody answered, where it has one; else the store's own, or its client's."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, TimeoutError):
            return "it takes too long"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        found = getattr(found, "reason", None) or found.__cause__ or found.__context__
        found = found if isinstance(found, BaseException) else None
    return _PREFACE.sub("", str(error)).strip()
