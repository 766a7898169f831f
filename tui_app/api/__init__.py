"""The client of the remote platform: the only package that speaks HTTP.

Import the module you need: `errors` is cheap and loads no HTTP library, `client` loads everything.
"""

import sys
from typing import Any

# Where rich and pygments are installed, as they are here, httpx loads its own command line with them: 60 ms and 5 MiB
# that every command of ours would pay. It does without if the module is not to be had.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("httpx._main", None)
