from fixtures.stacks import engine_required, kind, opener, stack

__all__ = ["engine_required", "kind", "opener", "stack"]
