"""Services by name: transport and port, as IANA registers them."""

SERVICES: dict[str, tuple[str, int]] = {
    "modbus": ("tcp", 502),
    "s7": ("tcp", 102),
    "enip": ("tcp", 44818),
    "opcua": ("tcp", 4840),
    "dnp3": ("tcp", 20000),
    "iec104": ("tcp", 2404),
    "http": ("tcp", 80),
    "https": ("tcp", 443),
    "ssh": ("tcp", 22),
    "rdp": ("tcp", 3389),
    "smb": ("tcp", 445),
    "ldap": ("tcp", 389),
    "ldaps": ("tcp", 636),
    "kerberos": ("tcp", 88),
    "dns": ("udp", 53),
    "ntp": ("udp", 123),
    "syslog": ("udp", 514),
    "postgresql": ("tcp", 5432),
}


def port_of(service: str) -> tuple[str, int]:
    """``modbus`` or ``tcp/1502`` as (transport, port). Raises ValueError for a name nobody knows."""
    if service in SERVICES:
        return SERVICES[service]
    transport, _, port = service.partition("/")
    if transport in ("tcp", "udp") and port.isdecimal() and 0 < int(port) < 65536:
        return transport, int(port)
    raise ValueError(f"unknown service {service!r}; use one of {', '.join(sorted(SERVICES))}, or tcp/PORT or udp/PORT")
