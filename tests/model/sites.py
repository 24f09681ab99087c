"""A complete and sound site file, to be broken in one place."""

GOOD = """\
[site]
name = "Plant 7"
currency = "EUR"
[zones.office]
networks = ["10.77.10.0/24"]
level = 4
[zones.dmz]
networks = ["10.77.20.0/24"]
level = 3.5
[zones.ot]
networks = ["10.77.30.0/24", "fd00:77:30::/64"]
level = 2
autonomy = "act"
outage_per_hour = 500
[assets.ws1]
addresses = ["10.77.10.10"]
zone = "office"
role = "workstation"
outage_per_hour = 120.5
[assets.scan1]
addresses = ["10.77.20.40"]
zone = "dmz"
role = "scanner"
outage_per_hour = 20
[assets.historian]
addresses = ["10.77.20.10"]
zone = "dmz"
role = "historian"
[assets.plc1]
addresses = ["10.77.30.21", "fd00:77:30:0::21"]
zone = "ot"
role = "plc"
mac = "02-00-0A-4D-1E-15"
fragile = true
[assets.hmi1]
addresses = ["10.77.30.10", "fd00:77:30::10"]
zone = "ot"
role = "hmi"
[assets.hmi2]
addresses = ["10.77.30.11", "fd00:77:30::11"]
zone = "ot"
role = "hmi"
[assets.sis1]
addresses = ["10.77.30.50", "fd00:77:30::50"]
zone = "ot"
role = "safety"
[processes.filling]
outage_per_hour = 42000
tolerates = {historian = "8h"}
restart = {hours = 3.5, cost = 60000}
scrap_if_cut = 18000
needs = ["plc1", "hmi1", "historian"]
views = ["hmi1", "hmi2"]
flows = [
  {from = "hmi1", to = "plc1", service = "modbus"},
  {from = "hmi2", to = "plc1", service = "modbus", access = "read"},
  {from = "historian", to = "plc1", service = "tcp/1502", access = "read"},
]
state = "modbus:plc1/coil/0"
phases = "modbus:plc1/register/7"
phase_names = {1 = "fill", 2 = "dose", 3 = "sterilise"}
hold = ["dose", "sterilise"]
redundant = [["hmi1", "hmi2"]]
safety = "sis1"
[[schedules]]
asset = "scan1"
activity = "scan"
target = "ot"
from = "22:30"
to = "04:00"
[never]
assets = ["sis1"]
networks = ["10.77.99.0/24"]
"""


def broken(old: str, new: str) -> str:
    """The good file with one piece of text replaced."""
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the file"
    return GOOD.replace(old, new)


def line(text: str, piece: str) -> int:
    """The line on which a piece of text first stands."""
    return text[: text.index(piece)].count("\n") + 1
