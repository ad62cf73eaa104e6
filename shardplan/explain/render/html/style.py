"""How pages and pictures look."""

from __future__ import annotations

from importlib.resources import files


def style_text() -> str:
    """The style of every page: for light, dark and paper."""
    sheet = files("shardplan.explain.render.html") / "style.css"
    return sheet.read_text(encoding="utf-8")
