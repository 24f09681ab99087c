import tarfile
from pathlib import Path

import pytest
import yaml

from tercio.products.sensors.windows_logs import CHANNELS, OTHERS, SYSMON, services

RULES = Path(__file__).parents[4] / "shared" / "data" / "sigma" / "sigma-rules.tar.xz"
UNSEEN = {"file_access", "file_rename"}
"""Categories that need a trace of the kernel, which no log that we read has."""


def test_every_name_means_records_of_some_channel():
    table = services()
    assert set(table) == {*CHANNELS, *SYSMON, *OTHERS}
    for means in table.values():
        assert means
        assert all(where["Channel"] for where in means)
        assert all(number.isdecimal() for where in means for number in where.get("EventID", ()))


def test_a_process_is_seen_by_sysmon_or_by_the_security_log():
    assert services()["process_creation"] == (
        {"Channel": ("Microsoft-Windows-Sysmon/Operational",), "EventID": ("1",)},
        {"Channel": ("Security",), "EventID": ("4688",)},
    )


@pytest.mark.corpus
@pytest.mark.skipif(not RULES.exists(), reason="the public rules are not beside this checkout")
def test_the_public_rules_name_nothing_that_is_missing():
    named = set()
    with tarfile.open(RULES) as archive:
        for member in archive:
            if member.isfile() and "/windows/" in member.name and member.name.endswith(".yml"):
                source = yaml.safe_load(archive.extractfile(member).read())["logsource"]
                if source.get("product") == "windows":
                    named |= {source[key] for key in ("category", "service") if key in source}
    assert len(named) > 50
    assert named - set(services()) == UNSEEN
