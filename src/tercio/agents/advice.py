"""What people should do about a machine that an intruder may have had: general advice by its role."""

from tercio.model.site import CONTROLLERS, ROUTERS, SHARED_ROLES

_CONTROLLER = (
    "compare program, set points and firmware with the backup before anybody trusts it; load anew what differs"
)
_SHARED = "end the sessions over it, and change the passwords of every account used there"
_ROUTER = "compare its configuration with the backup, and change the passwords of those who manage it"
_COMPUTER = "keep it off the network and switched on until somebody examined it; change the passwords used on it"
_ACCOUNTS = (
    "change passwords, those of administrators and of accounts with rights on controllers first; look for new ones"
)

_BY_ROLE = {
    "safety": "have its function proved by whoever answers for it before the line relies on it",
    "hmi": "compare what it shows with the field before anybody relies on it; start it anew from a known image",
    "scada": "compare what it shows with the field before anybody relies on it; start it anew from a known image",
    "ews": "connect it to no controller until it was set up anew; compare its projects with the backup",
    "historian": "trust none of its records since then without a second source; change the accounts it connects with",
    "directory": _ACCOUNTS,
    "switch": _ROUTER,
    "io": _CONTROLLER,
    **dict.fromkeys(CONTROLLERS, _CONTROLLER),
    **dict.fromkeys(SHARED_ROLES, _SHARED),
    **dict.fromkeys(ROUTERS, _ROUTER),
}

_UNKNOWN = "find the machine behind this address, and who brought it; then enter it in the site file, or take it away"


def advice(role: str) -> str:
    """One line for a machine of this role that an intruder probably holds or controls; an empty role is that of one
    which the site does not list."""
    return _BY_ROLE.get(role, _COMPUTER) if role else _UNKNOWN
