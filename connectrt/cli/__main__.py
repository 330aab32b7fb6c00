"""`python -m connectrt.cli`."""

import sys

from connectrt.cli import main

if __name__ == "__main__":
    sys.exit(main())
