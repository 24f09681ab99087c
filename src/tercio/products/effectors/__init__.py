"""Effectors by mechanism: one line per product."""

from typing import Any

from tercio.products.effectors.contract import Effector
from tercio.products.effectors.nftables import NFTABLES

EFFECTORS: dict[str, Effector[Any]] = {
    "nftables": NFTABLES,
}
