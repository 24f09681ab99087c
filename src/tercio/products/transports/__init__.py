"""How a hand and a loop reach the world: the kernel by netlink, each other by a socket."""
