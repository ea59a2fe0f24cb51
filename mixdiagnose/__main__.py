"""`python -m mixdiagnose`."""

from mixdiagnose.cli import main

raise SystemExit(main())
