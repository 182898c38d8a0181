"""``python -m jiyu`` is the same as ``jiyu``."""

from jiyu.cli import main

main()
