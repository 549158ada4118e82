"""Where the programs run: containers, processes, or a server of somebody else."""

from l4gate.stack.choose import open_stack
from l4gate.stack.container_promtool import server_promtool
from l4gate.stack.engine import find_engine
from l4gate.stack.model import (
    ALERTMANAGER,
    NODE_EXPORTER,
    PROMETHEUS,
    PUSHGATEWAY,
    REQUIRED_SERVICES,
    SERVICES,
    Stack,
    StackSpec,
)
from l4gate.stack.reaper import remove_leftovers, survey
from l4gate.stack.victoria import VMAGENT, VMALERT, VictoriaStack, open_victoria

__all__ = [
    "ALERTMANAGER",
    "NODE_EXPORTER",
    "PROMETHEUS",
    "PUSHGATEWAY",
    "REQUIRED_SERVICES",
    "SERVICES",
    "VMAGENT",
    "VMALERT",
    "Stack",
    "StackSpec",
    "VictoriaStack",
    "find_engine",
    "open_stack",
    "open_victoria",
    "remove_leftovers",
    "server_promtool",
    "survey",
]
