"""What an installed package must bring: every folder of code, and the files that code reads."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
FOLDERS = ("corpora", "strategies", "benchmarks", "service")


def test_every_folder_of_code_is_packaged() -> None:
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for place in FOLDERS
        for path in (ROOT / place).rglob("__init__.py")
    }
    assert set(SETUP["packages"]) == folders


def test_every_file_beside_the_code_is_packaged() -> None:
    """But for published results, which belong to the repository and not to the product."""
    packaged = {
        path
        for place, patterns in SETUP["package-data"].items()
        for pattern in patterns
        for path in (ROOT / place).glob(pattern)
        if path.is_file()
    }
    beside = {
        path
        for place in FOLDERS
        for path in (ROOT / place).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    kept_back = {path for path in beside if "results" in path.parts or path.name == "NOTES.md"}
    assert beside - packaged - kept_back == set()
