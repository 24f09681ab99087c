"""What a hand touches the world with: the transports of one mechanism, and nothing that decides."""

from typing import Any

from tercio.model.commands import Command
from tercio.products.effectors.contract import Answer, Config, Effector, Read, Step, Via
from tercio.products.transports.conntrack import forget
from tercio.products.transports.elements import elements
from tercio.products.transports.generation import generation
from tercio.products.transports.libnftables import Nft
from tercio.products.transports.netfilter import Line


class World:
    """Reads facts and performs steps.

    A read that is ``steady`` is answered from memory while the kernel's generation says that nobody changed anything:
    listing all rules costs more than everything else on the way from order to *held*.
    """

    def __init__(self, effector: Effector[Any], config: Config) -> None:
        """Raises OSError with a sentence where the mechanism's library is missing."""
        self._effector, self._config, self._nft = effector, config, Nft()
        self._kernel = Line()
        self._steady: dict[str, Answer | None] = {}
        self._generation = -1

    def facts(self, command: Command | None) -> Any:
        """Read what concerns a command, or everything. Raises ValueError where an answer is not understood, OSError
        where the mechanism refuses."""
        now = generation(self._kernel)
        if now != self._generation:
            self._steady, self._generation = {}, now
        reads = self._effector.facts(self._config, command)
        return self._effector.read(self._config, command, tuple(self._answer(read) for read in reads))

    def _answer(self, read: Read) -> Answer | None:
        if read.via is Via.ELEMENTS:
            return elements(self._kernel, read.text)
        if read.steady and read.text in self._steady:
            return self._steady[read.text]
        result = self._nft.run(read.text, json=True)
        if not result.ok and "No such file or directory" not in result.error:
            raise OSError(first(result.error))
        answer = result.output if result.ok else None
        if read.steady:
            self._steady[read.text] = answer
        return answer

    def act(self, steps: tuple[Step, ...]) -> tuple[str, str]:
        """Perform steps in order up to the first needed one that fails: why it failed, and what else went wrong."""
        notes: list[str] = []
        for step in steps:
            error = self._nft_step(step) if step.via is Via.NFT else forget(self._kernel, step.text)
            if error and step.needed:
                return error, "; ".join(notes)
            notes += [error] if error else []
        return "", "; ".join(notes)

    def _nft_step(self, step: Step) -> str:
        before = self._generation
        result = self._nft.run(step.text)
        if not result.ok:
            return first(result.error)
        if not step.rules and generation(self._kernel) == before + 1:
            self._generation = before + 1
        return ""

    def close(self) -> None:
        """Let go of the mechanism; what stands in it stays."""
        self._kernel.close()
        self._nft.close()


def first(error: str) -> str:
    """The first line of what a tool said, without its own prefix."""
    return next(iter(error.splitlines()), "no reason given").removeprefix("Error: ")
