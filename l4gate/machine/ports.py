"""Free ports on loopback."""

from __future__ import annotations

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free_port() -> int:
    """
    A TCP port on loopback that nobody is listening on.

    None of the programs can bind port 0 and tell which port it got, so the port is found first. Somebody else may
    take it before the program does: whoever starts one must be ready to try again with another port.
    """
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
