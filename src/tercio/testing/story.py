"""A story: inputs fed to a pure step, outputs expected of it, in the order in which they happen."""

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

S = TypeVar("S")
I = TypeVar("I")  # noqa: E741 (inputs, as S are states and O outputs)
O = TypeVar("O")  # noqa: E741


class Story(Generic[S, I, O]):
    """Tell a step function ``(state, input) -> (state', outputs)`` what happens and what should come of it.

        Story(step, state).feed(alarm).expect(order).feed(quiet).expect_nothing()

    An expectation is an output, or a function that says whether an output is right. Every output must be expected,
    in order, before the next input (or passed over by ``pass_over``). Each step is taken twice: a step whose second
    answer differs is not pure. Failures are AssertionErrors that tell the story so far.
    """

    def __init__(self, step: Callable[[S, I], tuple[S, Sequence[O]]], state: S) -> None:
        self.state = state
        """The state after the last input."""
        self._step = step
        self._open: list[O] = []
        self._told: list[str] = []

    @property
    def outputs(self) -> tuple[O, ...]:
        """What came out and was not expected yet."""
        return tuple(self._open)

    def feed(self, *inputs: I) -> Self:
        """Take one step for each input."""
        for given in inputs:
            if self._open:
                raise self._failure(f"{_brief(given)} is fed while outputs are not expected yet")
            first, second = self._step(self.state, given), self._step(self.state, given)
            self._told.append(f"  fed      {_brief(given)}")
            self._told += [f"    came   {_brief(output)}" for output in first[1]]
            if first[0] != second[0] or list(first[1]) != list(second[1]):
                raise self._failure("the same step taken twice gave two answers; it is not pure")
            self.state, self._open = first[0], list(first[1])
        return self

    def expect(self, *wanted: O | Callable[[O], bool]) -> Self:
        """Say which outputs must come next: all these, in this order."""
        for want in wanted:
            if not self._open:
                raise self._failure(f"nothing came where this was expected: {_brief(want)}")
            if not _fits(want, self._open[0]):
                raise self._failure(f"expected {_brief(want)}\n     but came {_brief(self._open[0])}")
            self._told.append(f"  expected {_brief(want)}")
            self._open.pop(0)
        return self

    def expect_nothing(self) -> Self:
        """Say that nothing (more) must have come."""
        if self._open:
            raise self._failure("nothing (more) was expected")
        self._told.append("  expected nothing more")
        return self

    def pass_over(self) -> Self:
        """Let the outputs that are open be: this story is not about them."""
        self._open = []
        return self

    def _failure(self, words: str) -> AssertionError:
        still = [f"  open     {_brief(output)}" for output in self._open]
        return AssertionError("\n".join([words, "the story so far:", *self._told, *still]))


def _fits(want: object, output: object) -> bool:
    return bool(want(output)) if callable(want) else want == output


def _brief(value: object) -> str:
    shown = getattr(value, "__name__", None) if callable(value) else repr(value)
    shown = shown or repr(value)
    return shown if len(shown) <= 400 else f"{shown[:397]}..."
