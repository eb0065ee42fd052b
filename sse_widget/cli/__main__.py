"""`python -m sse_widget.cli` is the command `sse-widget`."""

from .main import main

raise SystemExit(main())
