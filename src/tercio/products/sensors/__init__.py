"""Sensors by name: what turns a product's raw records into events. A new source is one file and one line here."""

from tercio.products.sensors import auditd, journald, suricata, weblog, windows
from tercio.products.sensors.contract import Sensor

SENSORS: dict[str, Sensor] = {
    "suricata": Sensor(suricata.LOG_SOURCE, suricata.parse, suricata.observes, filing=suricata.FILING),
    **{
        name: Sensor(windows.log_source(shape), windows.parser(shape), windows.observes, filing=windows.filing(shape))
        for name, shape in {"windows": windows.FLAT, "winlogbeat": windows.WINLOGBEAT, "evtx": windows.EVTX}.items()
    },
    "auditd": Sensor(auditd.LOG_SOURCE, auditd.parse, auditd.observes, auditd.reshape, auditd.whole),
    "journald": Sensor(
        journald.LOG_SOURCE, journald.parse, journald.observes, journald.reshape, filing=journald.FILING
    ),
    "weblog": Sensor(weblog.LOG_SOURCE, weblog.parse, weblog.observes, weblog.reshape),
}
"""The name is what a source's ``sensor`` says in the settings."""

__all__ = ["SENSORS", "Sensor"]
