"""`python -m web.demo.later GO PRELOAD MODULE …`: load a program's libraries, wait for the file GO, then be MODULE.

Loading takes a program seconds of processor; the demo's plant is made meanwhile.
"""

from __future__ import annotations

import gc
import runpy
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 0.02


def main() -> None:
    go, preload, module, *arguments = sys.argv[1:]
    gc.disable()  # of what is loaded now nothing goes: looking for it took a fifth of the time
    import_module(preload)
    gc.enable()
    while not Path(go).exists():
        time.sleep(LOOK_EVERY_S)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
