"""The refusal of a verdict that its own measurements contradict."""

from __future__ import annotations

from mes.kernel.errors import Conflict


class FirstArticleContradicted(Conflict):
    code = "first-article-contradicted"
    title = "A measured value is outside its limits"
    next_step = "Record the first article as failed, or measure again."
