from tercio.model.siteparse import parse_site
from tercio.model.sitewords import meaning
from tests.model.sites import GOOD, broken

WHOLE = """\
Plant 7 has office, dmz and ot and 7 assets.
In office (level 4) Tercio only says what it would do.
In dmz (level 3.5) Tercio only says what it would do.
In ot (level 2) Tercio acts by itself.
An hour without filling costs EUR 42,000; a stop scraps EUR 18,000 and takes EUR 60,000 and 3.5 h to start again.
So one stop costs EUR 225,000: what an attack on filling is priced at.
filling stops at once without plc1 and hmi1, and runs 8 h without historian.
Of its views hmi1 and hmi2 one is never taken away while filling may be running.
Kept open even while a conduit is closed: hmi1 -> plc1 (modbus), hmi2 -> plc1 (modbus) and historian -> plc1 (tcp/1502).
filling lists no alarm path of its own.
Nothing is taken from it in dose and sterilise, nor while nobody knows the phase.
Of hmi1 and hmi2 one always stays.
Its safety function sis1 and the stations that write to it are never touched.
Never touched, for any reason: sis1 and 10.77.99.0/24.
scan1 may scan ot daily from 22:30 to 24:00 UTC: that weakens it as evidence.
scan1 may scan ot daily from 00:00 to 04:00 UTC: that weakens it as evidence.
"""


def test_a_whole_site_is_said_in_sentences():
    assert "\n".join(meaning(parse_site(GOOD))) + "\n" == WHOLE


def test_curves_alarms_downloads_and_a_signed_answer_are_said():
    text = broken("outage_per_hour = 42000", "outage_per_hour = {0h = 42000, 8h = 90000}")
    text = text.replace("scrap_if_cut = 18000", "scrap_if_cut = {fill = 18000, dose = 40000, sterilise = 0}")
    text = text.replace('safety = "sis1"', 'none = "signed by A. Weber, 2026-03-01"')
    more = 'alarms = [{from = "plc1", to = "hmi2", service = "syslog"}]\n'
    more += 'downloads = [{from = "ws1", to = "plc1", service = "s7"}]\n'
    said = "\n".join(meaning(parse_site(text.replace("redundant = ", more + "redundant = "))))
    for words in (
        "An hour without filling costs EUR 42,000, from 8 h on EUR 90,000; a stop scraps EUR 18,000 in fill, EUR",
        "EUR 40,000 in dose and nothing in sterilise and takes",
        "So one stop costs EUR 247,000:",
        "Alarm paths, never taken away: plc1 -> hmi2 (syslog).",
        "Not interrupted while a program may be being loaded: ws1 -> plc1 (s7).",
        "It has no safety function: signed by A. Weber, 2026-03-01.",
    ):
        assert words in said


def test_an_empty_site_says_so():
    said = meaning(parse_site('[site]\nname = "x"\ncurrency = "EUR"\n'))
    assert said == ("x has nothing and 0 assets.", "Nothing is on the never list.")
