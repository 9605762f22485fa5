"""The folder of a demo: its own, and emptied without asking only if it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from web.demo.options import Files

TAG_MAP: Final = Path(__file__).parents[2] / "opcua_bridge" / "demo_tag_map.toml"
MARKER: Final = "this-folder-belongs-to-lineside-demo"


class NotADemoFolder(Exception):
    """The folder holds something else; nothing was touched."""


def clear_folder(files: Files, *, keep: bool) -> None:
    """An empty folder for the demo, or with `keep` the one there is. NotADemoFolder if it is somebody else's."""
    folder = files.folder
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise NotADemoFolder(f"{folder} is not empty and was not made by the demo; choose another --data-dir")
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    for made in (folder, files.data, files.journal.parent, files.logs):
        made.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    if not files.tag_map.exists():  # the bridge's own, to be changed from a screen
        shutil.copyfile(TAG_MAP, files.tag_map)
    files.go.unlink(missing_ok=True)
