"""What the kernel packs, read beside what nft lists of the same sets."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.products.effectors.nft_answers import Element, table_of
from tercio.products.effectors.nft_elements import elements_of, packed
from tercio.products.effectors.nft_ruleset import KINDS, SETS, TABLE, declaration, sets_of
from tercio.products.transports.elements import elements
from tercio.products.transports.netfilter import Line
from tercio.products.transports.packed import attribute, nested
from tests.products.field import Namespace

SLOT = "0a:0b:0c:0d:0e:0f"
LINES = (
    'hosts4 { 10.0.0.1 timeout 60s comment "lse-1 77" }',
    'hosts6 { fd00::1 timeout 60s comment "lse-1 77" }',
    "hosts6 { ::10.0.0.1 timeout 60s }",
    'wary_hosts4 { 10.0.0.1 timeout 1020s comment "somebody\'s own" }',
    'macs2 { 02:00:00:00:00:04 timeout 60s comment "lse-1 77" }',
    f'claimed_macs2 {{ {SLOT} . 02:00:00:00:00:04 timeout 60s comment "lse-1 77" }}',
    f'claimed_hosts6 {{ {SLOT} . fd00::1 timeout 3600s comment "lse-1 77" }}',
    "flows4 { 10.0.0.1 . 10.0.0.2 . udp . 53 timeout 60s }",
    'flows6 { fd00::1 . fd00::2 . tcp . 44818 timeout 60s comment "lse-2 1" }',
    "conduits4 { 10.0.0.0/24 . 10.0.1.7 timeout 60s }",
    'conduits6 { fd00:1::/64 . fd00:2::/64 timeout 60s comment "lse-2 x" }',
    "conduits4 { 10.2.0.1-10.2.0.6 . 10.3.0.0/16 timeout 60s }",
    f"claimed_needed4 {{ {SLOT} . 10.0.0.1 . 10.0.1.0/25 . tcp . 502 timeout 60s }}",
    "needed6 { fd00::1 . fd00:1::/64 . 17 . 1-1023 timeout 60s }",
)


@pytest.fixture(scope="module")
def space(spaces: Callable[[], Namespace]) -> Namespace:
    made = spaces()
    made.nft("\n".join([declaration(()), *(f"add element {TABLE} {line}" for line in LINES)]))
    return made


def told(space: Namespace) -> dict[str, tuple[bytes, ...]]:
    def work() -> dict[str, tuple[bytes, ...]]:
        line = Line()
        try:
            return {name: elements(line, f"{TABLE} {name}") or () for name in sets_of(KINDS)}
        finally:
            line.close()

    return space.inside(work)


def as_orders_say_it(field: str) -> str:
    """The C library writes the last four bytes of this one like an IPv4 address; an order does not."""
    return "::a00:1" if field == "::10.0.0.1" else field


def test_it_reads_what_nft_lists(space: Namespace) -> None:
    listed = table_of(space.run(f"nft -j list table {TABLE}")).elements
    found = [element for name, answer in told(space).items() for element in elements_of(name, answer)]
    assert len(found) == len(listed) == len(LINES)
    seconds = {(e.set, tuple(map(as_orders_say_it, e.key)), e.comment): e.left for e in listed}
    assert {(e.set, e.key, e.comment) for e in found} == seconds.keys()
    assert all(abs(e.left - seconds[e.set, e.key, e.comment]) < 90_000_000 for e in found)
    assert max(e.left for e in found) > 1_800_000_000
    assert min(e.left for e in found) <= 60_000_000


def test_every_set_but_the_pinned_belongs_to_a_kind() -> None:
    assert set(SETS) - set(sets_of(KINDS)) == {"never4", "never6", "kept4", "kept6"}
    assert set(sets_of(("macs",))) == {"macs2", "claimed_macs2"}
    assert set(sets_of(("hosts",))) == {f"{p}hosts{n}" for p in ("", "claimed_", "wary_") for n in (4, 6)}


def test_only_what_is_near_is_read(space: Namespace) -> None:
    answers = told(space)
    near = (packed("10.0.0.1"), b"lse-2")
    found = {(e.set, e.key[0]) for name in sets_of(("hosts", "flows")) for e in elements_of(name, answers[name], near)}
    assert found == {
        ("hosts4", "10.0.0.1"),
        ("hosts6", "::a00:1"),
        ("wary_hosts4", "10.0.0.1"),
        ("flows4", "10.0.0.1"),
        ("flows6", "fd00::1"),
    }


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("10.0.0.1", b"\x0a\0\0\x01"),
        ("fd00::1", b"\xfd" + bytes(14) + b"\x01"),
        ("1:2:3:4::5:6", bytes([0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0, 5, 0, 6])),
        (SLOT, bytes(range(10, 16))),
    ],
)
def test_a_field_is_packed(field: str, wanted: bytes) -> None:
    assert packed(field) == wanted


def element(*parts: bytes) -> tuple[bytes, ...]:
    return (nested(1, *parts),)


def test_an_element_without_time_or_notes_is_read() -> None:
    answer = element(nested(1, attribute(1, b"\x0a\0\0\x01")))
    assert elements_of("hosts4", answer) == (Element("hosts4", ("10.0.0.1",), 0),)
    other = element(nested(1, attribute(1, b"\x0a\0\0\x01")), attribute(6, b"\x05\x01x\0\x03ab\0"))
    assert elements_of("hosts4", other)[0].comment == "ab"


@pytest.mark.parametrize("value", [b"", b"\x0a\0\0", b"\x0a\0\0\x01\0\0\0\0"])
def test_a_key_of_another_size_is_an_error(value: bytes) -> None:
    with pytest.raises(ValueError, match="the kernel listed"):
        elements_of("hosts4", element(nested(1, attribute(1, value))))


@given(st.binary(max_size=60), st.sampled_from(sets_of(KINDS)))
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    with contextlib.suppress(ValueError):
        elements_of(name, (data,))
