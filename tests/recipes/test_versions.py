"""What a row says of the code that trained it."""

from pathlib import Path

import pytest

from recipes import versions


def test_the_digest_is_of_what_the_sources_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))
    found = []
    for text in ("a = 1\n", "a = 2\n", "a = 1\n"):
        (tmp_path / "recipe.py").write_text(text)
        found.append(versions.code.__wrapped__())
    assert found[0] == found[2] != found[1]
