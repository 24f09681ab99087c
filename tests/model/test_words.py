import msgspec
import pytest
from hypothesis import given

from tercio.model.words import Window, Word, WordKind
from tests.model.values import any_of, survives


@given(any_of(Word))
def test_a_word_survives_the_way_to_the_loop(word: Word):
    survives(word)


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "undo", "time": 1}',
        '{"kind": "undo", "who": "ada"}',
        '{"kind": "destroy", "who": "ada", "time": 1}',
        '{"kind": "undo", "who": "ada", "time": "now"}',
    ],
    ids=["nobody said it", "never said", "unknown word", "no instant"],
)
def test_a_word_without_who_when_or_what_is_refused(text: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Word)


def test_a_window_has_an_end_and_a_name_to_it():
    with pytest.raises(TypeError):
        Window(id="w", asset="ews1", target="plc1", activity="write", since=1)  # type: ignore[call-arg]


def test_every_word_has_its_own_kind():
    assert len({kind.value for kind in WordKind}) == len(WordKind)
