"""What the placeholders of rules stand for: Sigma's modifier ``expand``."""

import re
from collections.abc import Callable, Iterator, Mapping

from sigma.types import Placeholder, SigmaRegularExpression, SigmaString

Values = Mapping[str, tuple[str, ...]]
"""By the placeholder's name without its percent signs: Sigma texts, so that ``*`` and ``?`` are wildcards."""


class Placeholders:
    """A site's values, and which of them one rule used: its version depends on them."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._used: dict[str, tuple[str, ...]] = {}

    @property
    def used(self) -> dict[str, tuple[str, ...]]:
        """The placeholders met so far, by name, with what they stood for."""
        return dict(sorted(self._used.items()))

    def texts(self, value: SigmaString) -> tuple[SigmaString, ...] | str:
        """The text with each combination of values; the name of a placeholder instead that has none."""
        return self._fill(value, SigmaString)

    def patterns(self, value: SigmaRegularExpression) -> tuple[SigmaString, ...] | str:
        """The same for a regular expression, in which a value means itself, letter for letter."""
        return self._fill(value.regexp, lambda text: SigmaString(re.escape(text), escape=False))

    def _fill(self, value: SigmaString, made: Callable[[str], SigmaString]) -> tuple[SigmaString, ...] | str:
        for part in value.s:
            if isinstance(part, Placeholder):
                if not self._values.get(part.name):
                    return part.name
                self._used[part.name] = tuple(self._values[part.name])

        def each(place: Placeholder) -> Iterator[SigmaString]:
            yield from map(made, self._values[place.name])

        return tuple(value.replace_placeholders(each))
