"""A slow and simple reading of the Sigma specification, written apart from the engine: the oracle of its tests.

It takes a rule as its YAML mapping and an event as decoded JSON. It knows no routing, no compilation and no pySigma.
"""

import base64
import calendar
import datetime as dt
import ipaddress
import re
from typing import Any

ABSENT = object()
MANY, ONE = object(), object()


def matches(rule: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the rule's detection holds for the event."""
    detection = rule["detection"]
    conditions = detection["condition"] if isinstance(detection["condition"], list) else [detection["condition"]]
    sections = {name: body for name, body in detection.items() if name != "condition"}
    return any(_Condition(condition, sections, event).value() for condition in conditions)


class _Condition:
    """Recursive descent: or < and < not < parentheses, names, "1 of x*", "all of them"."""

    def __init__(self, text: str, sections: dict[str, Any], event: dict[str, Any]) -> None:
        self._words = re.findall(r"[()]|[^\s()]+", text)
        self._sections, self._event = sections, event

    def value(self) -> bool:
        value = self._or()
        assert not self._words, self._words
        return value

    def _take(self, word: str) -> bool:
        if self._words and self._words[0] == word:
            self._words.pop(0)
            return True
        return False

    def _or(self) -> bool:
        value = self._and()
        while self._take("or"):
            value = self._and() or value
        return value

    def _and(self) -> bool:
        value = self._not()
        while self._take("and"):
            value = self._not() and value
        return value

    def _not(self) -> bool:
        if self._take("not"):
            return not self._not()
        if self._take("("):
            value = self._or()
            assert self._take(")")
            return value
        word = self._words.pop(0)
        if word in ("1", "any", "all") and self._take("of"):
            pattern = self._words.pop(0)
            chosen = [
                body
                for name, body in self._sections.items()
                if (pattern == "them" and not name.startswith("_")) or re.fullmatch(pattern.replace("*", ".*"), name)
            ]
            results = [_section(body, self._event) for body in chosen]
            return all(results) if word == "all" else any(results)
        return _section(self._sections[word], self._event)


def _section(body: Any, event: dict[str, Any]) -> bool:
    if isinstance(body, list):
        return any(_section(member, event) for member in body)
    if not isinstance(body, dict):
        return any(_holds(value, ["contains"], str(body)) for value in everything(event))
    return all(_item(key, wanted, event) for key, wanted in body.items())


def _item(key: str, wanted: Any, event: dict[str, Any]) -> bool:
    field, *modifiers = key.split("|")
    if not field:
        words = wanted if isinstance(wanted, list) else [wanted]
        found = [any(_holds(v, [*modifiers, "contains"], w) for v in everything(event)) for w in words]
        return all(found) if "all" in modifiers else any(found)
    wants = wanted if isinstance(wanted, list) else [wanted]
    if not wants:
        return _one(field, modifiers, None, event)
    results = [_one(field, modifiers, want, event) for want in wants]
    value = all(results) if "all" in modifiers else any(results)
    return not value if "neq" in modifiers else value


def _one(field: str, modifiers: list[str], want: Any, event: dict[str, Any]) -> bool:
    value = look_up(event, field.split("."))
    if "exists" in modifiers:
        return (value is not ABSENT) == want
    if want is None:
        return any(member in (ABSENT, None) for member in members(value))
    if "fieldref" in modifiers:
        others = members(look_up(event, want.split(".")))
        return any(_related(mine, theirs, modifiers) for mine in members(value) for theirs in others)
    forms = written(want, modifiers)
    return any(_holds(m, modifiers, form) for m in members(value) if m not in (ABSENT, None) for form in forms)


STANDS_FOR = {"who": ("a*", "B"), "where": ("1",)}
"""What placeholders stand for, in the tests that have some."""
DASHES = "-/\u2013\u2014\u2015"


def written(want: Any, modifiers: list[str]) -> list[Any]:
    """All texts that a value may stand as: placeholders filled in, other dashes, encoded."""
    if not isinstance(want, str):
        return [want]
    forms = [want]
    if "expand" in modifiers:
        for name, values in STANDS_FOR.items():
            forms = [form.replace(f"%{name}%", value) for form in forms for value in values]
    if "windash" in modifiers:
        spots = [found.start() for found in re.finditer(r"(?<!\w)[-/](?=\w)", want)]
        for spot in spots:
            forms = [form[:spot] + dash + form[spot + 1 :] for form in forms for dash in DASHES]
    codes = {"wide": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
    code = next((codes[name] for name in modifiers if name in codes), "utf-8")
    data = [(b"\xff\xfe" if "utf16" in modifiers else b"") + form.encode(code) for form in forms]
    if "base64" in modifiers:
        return [base64.b64encode(each).decode() for each in data]
    if "base64offset" in modifiers:
        return [_inside(each, before) for each in data for before in range(3)]
    return forms if code == "utf-8" else [each.decode() for each in data]


def _inside(data: bytes, before: int) -> str:
    """What of these bytes' digits is the same whatever stands before and behind them."""
    digits = base64.b64encode(b"x" * before + data + b"y" * (-(len(data) + before) % 3)).decode()
    first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
    return digits[first:last]


def look_up(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        found = [item for item in (look_up(member, path) for member in value) if item is not ABSENT]
        return found or ABSENT
    if isinstance(value, dict) and path[0] in value:
        return look_up(value[path[0]], path[1:])
    return ABSENT


def members(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [inner for member in value for inner in members(member)]
    return [] if isinstance(value, dict) else [value]


def everything(value: Any) -> list[Any]:
    """All scalars of a record, wherever they stand."""
    if isinstance(value, dict):
        return [inner for member in value.values() for inner in everything(member)]
    if isinstance(value, list):
        return [inner for member in value for inner in everything(member)]
    return [] if value is None else [value]


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value or abs(value))


def fold(value: str) -> str:
    """Simple case folding: one character for one."""
    out = ""
    for character in value:
        candidates = [c for c in (character.casefold(), character.lower()) if len(c) == 1]
        out += candidates[0] if candidates else character
    return out


def _related(mine: Any, theirs: Any, modifiers: list[str]) -> bool:
    if mine in (ABSENT, None) or theirs in (ABSENT, None):
        return False
    own, reference = fold(text(mine)), fold(text(theirs))
    if "contains" in modifiers:
        return reference in own
    if "startswith" in modifiers:
        return own.startswith(reference)
    return own.endswith(reference) if "endswith" in modifiers else own == reference


def _holds(value: Any, modifiers: list[str], want: Any) -> bool:
    for name in ("minute", "hour", "day", "week", "month", "year"):
        if name in modifiers:
            value = _time_part(value, name)
            if value is None:
                return False
    for name in ("lt", "lte", "gt", "gte"):
        if name in modifiers:
            number = _number(value)
            relations = {"lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b}
            return number is not None and relations.get(name, lambda a, b: a >= b)(number, want)
    if "re" in modifiers:
        flags = re.ASCII
        flags |= re.IGNORECASE if "i" in modifiers else 0
        flags |= re.MULTILINE if "m" in modifiers else 0
        flags |= re.DOTALL if "s" in modifiers else 0
        return re.search(want, text(value), flags) is not None
    if "cidr" in modifiers:
        try:
            return ipaddress.ip_address(text(value)) in ipaddress.ip_network(want)
        except ValueError:
            return False
    if isinstance(want, bool):
        return fold(text(value)) == text(want)
    if isinstance(want, int | float):
        same = not isinstance(value, bool | str) and value == want
        return same or text(value) == str(want)
    return _shape(pieces(want, modifiers, cased="cased" in modifiers), text(value), cased="cased" in modifiers)


def _time_part(value: Any, name: str) -> int | None:
    """Of an ISO 8601 text, or of seconds since the epoch (the oracle is asked about no others)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        found = re.fullmatch(
            r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?", value
        )
        if not found:
            return None
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        zone = found[7] or "Z"
        try:
            since = calendar.timegm(dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC).timetuple())
        except ValueError:
            return None
        value = since if zone == "Z" else since - int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60
    if not 0 <= value < 1e11:
        return None
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=value)
    return moment.isocalendar()[1] if name == "week" else getattr(moment, name)


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", value, re.ASCII) else None
    return value


def pieces(want: str, modifiers: list[str], *, cased: bool) -> list[Any]:
    """A Sigma string as characters and wildcards: * and ? without a backslash before them; two backslashes are one."""
    found: list[Any] = []
    rest = want
    while rest:
        if rest[0] == "\\" and len(rest) > 1 and rest[1] in "*?\\":
            found.append(rest[1])
            rest = rest[2:]
            continue
        found.append({"*": MANY, "?": ONE}.get(rest[0], rest[0]))
        rest = rest[1:]
    if {"contains", "endswith"} & set(modifiers):
        found = [MANY, *found]
    if {"contains", "startswith"} & set(modifiers):
        found = [*found, MANY]
    return found if cased else [fold(p) if isinstance(p, str) else p for p in found]


def _shape(parts: list[Any], value: str, *, cased: bool) -> bool:
    subject = value if cased else fold(value)
    reached = {0}
    for part in parts:
        if part is MANY:
            reached = set(range(min(reached), len(subject) + 1)) if reached else set()
        elif part is ONE:
            reached = {at + 1 for at in reached if at < len(subject)}
        else:
            reached = {at + 1 for at in reached if at < len(subject) and subject[at] == part}
    return len(subject) in reached
