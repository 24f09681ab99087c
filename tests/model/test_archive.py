"""What is asked of the archive, in its shortest form."""

import pytest

from tercio.model.archive import EVERYTHING, NOTHING, AllOf, AnyOf, Condition, Routed, Says, all_of, any_of

A, B, C = Says("a"), Says("b"), Routed("kind", ("c",))


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ((), EVERYTHING),
        ((A,), A),
        ((A, A), A),
        ((A, EVERYTHING), A),
        ((A, NOTHING, B), NOTHING),
        ((A, AllOf((B, C))), AllOf((A, B, C))),
        ((A, AnyOf((B, C))), AllOf((A, AnyOf((B, C))))),
    ],
)
def test_all_of_several(given: tuple[Condition, ...], short: Condition):
    assert all_of(given) == short


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ((), NOTHING),
        ((A,), A),
        ((A, A), A),
        ((A, NOTHING), A),
        ((A, EVERYTHING, B), EVERYTHING),
        ((A, AnyOf((B, C))), AnyOf((A, B, C))),
        ((A, AllOf((B, C))), AnyOf((A, AllOf((B, C))))),
    ],
)
def test_any_of_several(given: tuple[Condition, ...], short: Condition):
    assert any_of(given) == short
