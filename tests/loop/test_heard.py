from tercio.loop.heard import begins, refused
from tercio.model.words import NOT_DONE
from tests.loop.given import fresh


def test_a_word_that_is_refused_changes_nothing_and_says_why():
    state = fresh()
    heard = refused(state, "no")
    assert (heard.memory, heard.cancel, heard.answer) == (state.memory, (), f"{NOT_DONE}no")
    assert (heard.incident, heard.learned) == (None, ())


def test_a_name_may_be_said_without_its_kind():
    assert begins("lse-0a1b", "lse-0a")
    assert begins("lse-0a1b", "0a1")
    assert not begins("lse-0a1b", "a1")
