"""Instants as the reader's clock shows them."""

import re
from datetime import datetime, tzinfo

from tercio.model.units import SECOND, instant

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Clock:
    """Instants as local times of day, with the day where it is another than that of ``since``."""

    def __init__(self, zone: tzinfo | None, since: int) -> None:
        self._zone = zone
        self._day = self._local(since).date()

    def at(self, moment: int, *, day: bool = False) -> str:
        """``08:00:01.250``, or with its day."""
        local = self._local(moment)
        time = f"{local:%H:%M:%S}.{moment % SECOND // 1000:03d}"
        return f"{local:%Y-%m-%d} {time}" if day or local.date() != self._day else time

    def offset(self, moment: int) -> str:
        """``UTC+01:00``."""
        text = f"{self._local(moment):%z}"
        return f"UTC{text[:3]}:{text[3:5]}"

    def localised(self, text: str) -> str:
        """A sentence whose stamps of UTC are local times; what only looks like a stamp stays as it is."""
        return _STAMP.sub(lambda match: self._stamp(match[0]), text)

    def _stamp(self, text: str) -> str:
        try:
            return self.at(instant(text))
        except (ValueError, OverflowError, OSError):
            return text

    def _local(self, moment: int) -> datetime:
        return datetime.fromtimestamp(moment // SECOND, tz=self._zone).astimezone(self._zone)
