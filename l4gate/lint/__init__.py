"""What can be known about rules and configuration before anything runs."""

from l4gate.lint.engine import lint
from l4gate.lint.output import as_github, as_json, as_junit, as_text
from l4gate.lint.repository import CONFIG_NAME
from l4gate.lint.sound import ensure_sound

__all__ = ["CONFIG_NAME", "as_github", "as_json", "as_junit", "as_text", "ensure_sound", "lint"]
