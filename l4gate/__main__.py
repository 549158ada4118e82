"""`python -m l4gate` is the same as the `l4gate` command."""

import sys

from l4gate.cli import main

if __name__ == "__main__":
    sys.exit(main())
