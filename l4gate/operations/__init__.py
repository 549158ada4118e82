"""What changes a running server: reload, checkpoint, rollback, watch."""

from l4gate.operations.checkpoints import (
    KEEP,
    CheckpointStore,
)
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.earning import Probation, checkpoint
from l4gate.operations.journal import RollbackAnswer
from l4gate.operations.kept import Checkpoint, UnusableCheckpoint
from l4gate.operations.reload import RELOAD_SECONDS, LiveServer, generation_of, reload_live
from l4gate.operations.rollback import RolledBack, roll_back
from l4gate.operations.watch import Change, Watch, Watched

__all__ = [
    "KEEP",
    "RELOAD_SECONDS",
    "Change",
    "Checkpoint",
    "CheckpointStore",
    "Configuration",
    "LiveServer",
    "Probation",
    "RollbackAnswer",
    "RolledBack",
    "UnusableCheckpoint",
    "Watch",
    "Watched",
    "checkpoint",
    "generation_of",
    "read_configuration",
    "reload_live",
    "roll_back",
]
