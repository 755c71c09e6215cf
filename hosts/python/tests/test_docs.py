"""The examples of docs/python.md, each run as it stands there."""

import ctypes.util
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "python.md"
EXAMPLES = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
NEEDS = {"zlib": "z", "SQLite, from the text of its header": "sqlite3"}


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_example(title, code):
    if title in NEEDS and ctypes.util.find_library(NEEDS[title]) is None:
        pytest.skip(f"the library {NEEDS[title]} is not on this machine")
    if "import numpy" in code:
        pytest.importorskip("numpy", reason="numpy is not installed")
    exec(compile(code, f"{PAGE.name}: {title}", "exec"), {"__name__": "__main__"})
