"""Settings: the register of all of them, and the values of a run."""

from l4gate.settings.loading import (
    Settings,
    default_cache_dir,
    default_state_dir,
    load_settings,
    repository_config_dir,
)
from l4gate.settings.origins import InForce, chosen, chosen_images, in_force
from l4gate.settings.register import (
    EXTERNAL_FACTOR,
    FOREIGN,
    GATE_FACTOR,
    GENERATIONS,
    OPTIONS,
    PROGRAMS,
    PYTEST_OPTIONS,
    SANDBOX_FACTOR,
    STACKS,
    VARIABLES,
    Foreign,
    Option,
    Variable,
    program_variable,
    required_variable,
)

__all__ = [
    "EXTERNAL_FACTOR",
    "FOREIGN",
    "GATE_FACTOR",
    "GENERATIONS",
    "OPTIONS",
    "PROGRAMS",
    "PYTEST_OPTIONS",
    "SANDBOX_FACTOR",
    "STACKS",
    "VARIABLES",
    "Foreign",
    "InForce",
    "Option",
    "Settings",
    "Variable",
    "chosen",
    "chosen_images",
    "default_cache_dir",
    "default_state_dir",
    "in_force",
    "load_settings",
    "program_variable",
    "repository_config_dir",
    "required_variable",
]
