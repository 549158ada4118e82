from l4gate.stack.choose import open_stack
from l4gate.stack.model import NODE_EXPORTER, PROMETHEUS, PUSHGATEWAY, SERVICES, Stack, StackSpec

__all__ = ["NODE_EXPORTER", "PROMETHEUS", "PUSHGATEWAY", "SERVICES", "Stack", "StackSpec", "open_stack"]
