from fixtures.stacks import engine_required, kind

__all__ = ["engine_required", "kind"]
