"""One byte form for every value that is hashed, signed, journaled or compared."""

import msgspec


def _plain(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no canonical form")


_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=_plain)


def canonical(value: object) -> bytes:
    """Encode a value as JSON with sorted keys: the same value gives the same bytes in every process."""
    return _ENCODER.encode(value)
