"""Versions of the code that trained a run."""

from pathlib import Path

import pytest

from recipes import versions


def test_the_digest_depends_on_the_content_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))
    found = []
    for text in ("a = 1\n", "a = 2\n", "a = 1\n"):
        (tmp_path / "recipe.py").write_text(text)
        found.append(versions.source_digest.__wrapped__())
    assert found[0] == found[2] != found[1]
