"""What the doctor looks at on the machine itself: its clock, and what the kernel lets a follower of files have."""

import ctypes
import errno
import time
from collections.abc import Iterator
from pathlib import Path

import tercio
from tercio.app.checkup import Finding, Weight
from tercio.app.settings import Settings
from tercio.model.units import SECOND, span, timestamp
from tercio.products.transports.notices import Notices

UNSYNCHRONISED = 5
"""What adjtimex(2) answers where nobody keeps the clock right (TIME_ERROR)."""

BACKWARDS = 5 * SECOND
"""The journal's last record may be this much ahead of the clock (microseconds)."""

_SIZE_OF_TIMEX = 1024
"""More bytes than any kernel's struct timex has; all zero, it only asks."""


def machine(settings: Settings, last: int) -> Iterator[Finding]:
    """The clock, against the journal's ``last`` record (an instant; 0 where there is none), and inotify."""
    yield _clock(time.time_ns() // 1000, last)
    yield _inotify(settings)


def _clock(now: int, last: int) -> Finding:
    installed = Path(tercio.__file__).stat().st_mtime_ns // 1000
    shown = timestamp(now)[:19]
    if now < installed - 24 * 3600 * SECOND:
        words = f"it says {shown}, which was before this Tercio was installed; set it: leases and windows go by it"
        return Finding("clock", Weight.FAIL, words)
    if last - now > BACKWARDS:
        words = f"it says {shown}, and the journal's last record is {span(last - now)} later: it was set back; set it"
        return Finding("clock", Weight.FAIL, words)
    if not _kept_right():
        words = f"it says {shown}, and nobody keeps it right; run chrony or systemd-timesyncd, or evidence won't match"
        return Finding("clock", Weight.WARN, words)
    return Finding("clock", Weight.OK, f"it says {shown} UTC, and is kept right")


def _kept_right() -> bool:
    answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_SIZE_OF_TIMEX))
    return answer not in (-1, UNSYNCHRONISED)


def _inotify(settings: Settings) -> Finding:
    try:
        for source in settings.sources:
            notices = Notices(source.path)
            notices.take()
            trouble = notices.trouble
            notices.close()
            if trouble:
                return Finding("inotify", Weight.WARN, trouble)
    except OSError as error:
        if error.errno != errno.EMFILE:
            return Finding("inotify", Weight.FAIL, f"{error.strerror}: no file can be followed")
        limit = Path("/proc/sys/fs/inotify/max_user_instances").read_text(encoding="ascii").strip()
        words = f"this user has no instance left of {limit}: no source can be followed; raise "
        return Finding("inotify", Weight.FAIL, f"{words}fs.inotify.max_user_instances (sysctl -w)")
    return Finding("inotify", Weight.OK, "files can be followed as they are written")
