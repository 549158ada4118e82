"""Processes, folders, locks and ports of this machine, and who they belong to."""

from l4gate.machine.folders import (
    FOLDER_VARIABLE,
    RUN_FOLDERS,
    RUN_VARIABLE,
    all_owned,
    environment_of,
    make_owned,
    remove_owned,
    scratch,
)
from l4gate.machine.guarded import Guarded
from l4gate.machine.identity import commit_of, sources_hash
from l4gate.machine.lock import exclusive
from l4gate.machine.marked import Marked, all_marked, kill
from l4gate.machine.owner import is_own, new_run_id, owner_of, start_time
from l4gate.machine.ports import LOOPBACK, free_port
from l4gate.machine.signals import signals_end_the_run
from l4gate.machine.surroundings import home, named_folder, put_in_order
from l4gate.machine.trust import danger_in, is_ours, make_own

__all__ = [
    "FOLDER_VARIABLE",
    "LOOPBACK",
    "RUN_FOLDERS",
    "RUN_VARIABLE",
    "Guarded",
    "Marked",
    "all_marked",
    "all_owned",
    "commit_of",
    "danger_in",
    "environment_of",
    "exclusive",
    "free_port",
    "home",
    "is_ours",
    "is_own",
    "kill",
    "make_own",
    "make_owned",
    "named_folder",
    "new_run_id",
    "owner_of",
    "put_in_order",
    "remove_owned",
    "scratch",
    "signals_end_the_run",
    "sources_hash",
    "start_time",
]
