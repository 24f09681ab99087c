"""A condition on the archive as SQL. Whatever a text in it says becomes the value of a parameter, never SQL."""

from collections.abc import Container, Iterable

from tercio.model.archive import AllOf, AnyOf, AtHost, Condition, FromSource, Routed, Says
from tercio.store.schema import quoted, route

FEW = 8
"""So many texts are looked for one by one, so that the index of words helps; more in one pass over each line."""

MOST_NEEDLES = 255
"""ClickHouse looks for at most so many texts in one pass."""

_PATTERN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

Parameters = dict[str, object]
"""What clickhouse-connect binds, by name; texts as bytes, of which it writes each as a number."""


def where(condition: Condition, columns: Container[str], parameters: Parameters) -> str:
    """The condition as an SQL expression over the events' ``columns``; its texts are added to ``parameters``. What no
    column holds was in no record."""
    match condition:
        case FromSource(names):
            return _among("source", names, parameters)
        case AtHost(names):
            return _among("host", names, parameters)
        case Routed(field, values):
            known = route(field) in columns
            return _among(quoted(route(field)), values, parameters) if known else str(int("" in values))
        case Says(text):
            return _says((text,), parameters)
        case AllOf(of):
            return _joined(" AND ", (where(each, columns, parameters) for each in of), "1")
        case AnyOf(of):
            others = [where(each, columns, parameters) for each in of if not isinstance(each, Says)]
            texts = [each.text for each in of if isinstance(each, Says)]
            groups = (texts[at : at + MOST_NEEDLES] for at in range(0, len(texts), MOST_NEEDLES))
            return _joined(" OR ", [*others, *(_says(group, parameters) for group in groups)], "0")


def _joined(word: str, parts: Iterable[str], none: str) -> str:
    """Parts under one word; ``none`` where there is none."""
    texts = tuple(parts)
    return f"({word.join(texts)})" if texts else none


def _among(column: str, values: Iterable[str], parameters: Parameters) -> str:
    return f"{column} IN {_bound(list(map(_bytes, values)), 'Array(String)', parameters)}"


def _says(texts: Iterable[str], parameters: Parameters) -> str:
    """One of the texts is in the line. The empty text is in every line."""
    small = [text.encode("utf-8", "surrogatepass").lower() for text in texts]  # Of bytes, only A to Z.
    if not all(small):
        return "1"
    if len(small) > FEW:
        return f"multiSearchAny(lower(raw), {_bound(small, 'Array(String)', parameters)})"
    patterns = (b"%" + _literally(text) + b"%" for text in small)
    return _joined(" OR ", (f"lower(raw) LIKE {_bound(each, 'String', parameters)}" for each in patterns), "0")


def _literally(text: bytes) -> bytes:
    return text.decode("latin-1").translate(_PATTERN).encode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _bound(value: object, kind: str, parameters: Parameters) -> str:
    name = f"a{len(parameters)}"
    parameters[name] = value
    return f"{{{name}:{kind}}}"
