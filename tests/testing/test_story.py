import pytest

from tercio.testing.story import Story


def total(state: int, given: int) -> tuple[int, list[str]]:
    """Sums up, and speaks at every even sum."""
    return state + given, [f"even {state + given}"] if (state + given) % 2 == 0 else []


def test_a_story_that_comes_true():
    story = Story(total, 0).feed(1).expect_nothing().feed(1).expect("even 2").expect_nothing().feed(1, 2)
    assert story.state == 5
    assert story.outputs == ()


def test_outputs_come_in_order_and_all_of_them():
    story = Story(lambda s, i: (s, [i, i + 1]), 0)
    assert story.feed(1).outputs == (1, 2)
    story.expect(1, 2).expect_nothing()
    with pytest.raises(AssertionError, match=r"expected 2\n +but came 1"):
        story.feed(1).expect(2, 1)


def test_a_function_may_judge_an_output():
    Story(total, 0).feed(2).expect(lambda output: output.startswith("even"))
    with pytest.raises(AssertionError):
        Story(total, 0).feed(2).expect(lambda output: output.startswith("odd"))


def test_what_should_have_come_and_did_not():
    with pytest.raises(AssertionError, match="nothing came where this was expected: 'even 1'"):
        Story(total, 0).feed(1).expect("even 1")


def test_what_came_and_should_not():
    with pytest.raises(AssertionError, match="nothing"):
        Story(total, 0).feed(2).expect_nothing()


def test_an_output_left_over_stops_the_next_input():
    with pytest.raises(AssertionError, match="not expected yet"):
        Story(total, 0).feed(2).feed(1)
    assert Story(total, 0).feed(2).pass_over().feed(1).state == 3


def test_a_failure_tells_the_story_so_far():
    with pytest.raises(AssertionError) as failure:
        Story(total, 0).feed(1).expect_nothing().feed(1).expect("even 3")
    told = str(failure.value)
    assert told.index("fed      1") < told.index("expected nothing more") < told.index("came   'even 2'")


def test_a_step_with_a_memory_of_its_own_is_found_out():
    memory: list[int] = []

    def step(state: int, given: int) -> tuple[int, list[int]]:
        memory.append(given)
        return state, [len(memory)]

    with pytest.raises(AssertionError, match="not pure"):
        Story(step, 0).feed(1)


def test_a_step_that_changes_its_state_in_place_is_found_out():
    def step(state: list[int], given: int) -> tuple[list[int], list[int]]:
        state.append(given)
        return state, [len(state)]

    with pytest.raises(AssertionError, match="not pure"):
        Story(step, []).feed(1)


def test_long_values_are_cut_in_what_is_told():
    with pytest.raises(AssertionError) as failure:
        Story(lambda s, _: (s, []), 0).feed("x" * 10_000).expect("y")
    assert len(str(failure.value)) < 1000
