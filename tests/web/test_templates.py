"""What no template may do (strict CSP, forms that work without JavaScript), and that all its parts exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import web
from web.components.job import STATES
from web.components.machine import TONES
from web.live.region import Region
from web.orders.views import ICONS
from web.templating import STATIC, environment

WEB = Path(web.__file__).parent
TEMPLATES = sorted(path for path in WEB.rglob("*.html") if "static" not in path.parts)
SCREENS = ("home", "scan", "station", "board", "orders", "wall")
FORBIDDEN = {
    "inline style": re.compile(r"\sstyle\s*="),
    "inline handler": re.compile(r"\son[a-z]+\s*="),
    "hx-on": re.compile(r"hx-on[:-]"),
    "evaluated values": re.compile(r"hx-[a-z]+\s*=\s*[\"'](js|javascript):"),
    "trigger filter": re.compile(r"hx-trigger\s*=\s*[\"'][^\"']*\["),
    "inline script": re.compile(r"<script(?![^>]*\ssrc=)"),
    "style element": re.compile(r"<style"),
    "unescaped output": re.compile(r"\|\s*safe\b"),
}
ICON = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']""")
FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)


def regions() -> list[Region]:
    return [region for name in SCREENS for region in import_module(f"web.{name}.routes").REGIONS]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_keeps_to_the_content_security_policy(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(source)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_compiles(template: Path) -> None:
    environment().parse(template.read_text(encoding="utf-8"))


def test_every_icon_is_in_the_sprite() -> None:
    sprite = (STATIC / "vendor" / "lucide.svg").read_text(encoding="utf-8")
    there = set(re.findall(r'id="([a-z0-9-]+)"', sprite))
    used = {name for path in TEMPLATES for name in ICON.findall(path.read_text(encoding="utf-8"))}
    from_views = {icon for _, icon in (*TONES.values(), *STATES.values())} | set(ICONS.values())
    assert used | from_views <= there


def test_region_names_are_unique() -> None:
    names = [region.name for region in regions()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("region", regions(), ids=lambda region: region.name)
def test_a_region_is_a_file_of_its_name_with_its_id_and_its_address(region: Region) -> None:
    assert region.template.split("/")[1] == f"_{region.name.replace('-', '_')}.html"
    source, _, _ = environment().loader.get_source(environment(), region.template)  # type: ignore[union-attr]
    root = re.search(r"<[a-z]+ id=\"\{\{ region_id \}\}\"[^>]*data-region=\"([^\"]*)\"", source)
    assert root is not None
    assert region.name in root.group(1)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_works_without_javascript(template: Path) -> None:
    for form in FORM.findall(template.read_text(encoding="utf-8")):
        opening = form.split(">", 1)[0]
        assert re.search(r' method="(post|get)"', opening), "a question by get, an act by post"
        assert "action=" in opening
        if "hx-post=" in opening:
            action = re.search(r'\saction="([^"]*)"', opening)
            enhanced = re.search(r'hx-post="([^"]*)"', opening)
            assert action is not None
            assert enhanced is not None
            assert action.group(1) == enhanced.group(1)
            assert re.search(r'name="(version|request_id|job|undoes)"', form), "neither a version nor a request id"


def test_every_button_says_whether_it_submits() -> None:
    """A button outside a form, or one that only moves something on the page, is `type="button"`."""
    for template in TEMPLATES:
        for button in re.findall(r"<button\b[^>]*>", template.read_text(encoding="utf-8")):
            if "data-key" in button or "data-step" in button or "data-theme-set" in button:
                assert 'type="button"' in button
