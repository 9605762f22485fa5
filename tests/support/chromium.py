"""The browser of the tests: the machine's own Chromium, started the same way everywhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TypedDict

VARIABLE = "LINESIDE_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "Chromium is missing: install it (Debian: apt-get install chromium fonts-noto-core) "
    f"or set {VARIABLE} to its program"
)
# What a browser has for its person costs as much as our pages: suggestions to an address nobody types are a page of
# their own in each window. The rest is what Playwright switches off as well: of two such lists the last one counts.
WITHOUT = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"),
    "ThirdPartyStoragePartitioning",
)
# No sandbox, since containers and root cannot have one: the tests open none but our own pages. The rest keeps
# the browser from calling home and from asking questions.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(WITHOUT)}",
)


class ChromiumMissing(RuntimeError):
    """There is no browser; tests fail on it, they never skip."""


class LaunchOptions(TypedDict):
    executable_path: str
    args: list[str]


def find_chromium() -> Path:
    """The browser's program: the one named by LINESIDE_TEST_CHROMIUM, else the first on PATH."""
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise ChromiumMissing(MISSING)
    return Path(found)


def launch_options() -> LaunchOptions:
    """For playwright, sync or async: `await playwright.chromium.launch(**launch_options())`."""
    return {"executable_path": str(find_chromium()), "args": list(ARGUMENTS)}
