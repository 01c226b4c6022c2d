"""What cannot exist on this system is left out here; what only lacks is a failure."""

from __future__ import annotations

import sys

collect_ignore = [] if sys.platform in ("linux", "darwin") else ["test_mlx_real.py"]
