"""Promises that the files of the project keep."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'env_(?:text|int|bool|list)\(\s*"([A-Z_]+)"')


@pytest.mark.parametrize("lock", sorted(ROOT.glob("*.lock")), ids=lambda path: path.name)
def test_a_lock_pins_everything_and_names_no_address(lock):
    lines = [line for line in lock.read_text().splitlines() if line and line[0] not in " #"]

    assert lines
    assert [line for line in lines if "==" not in line] == []
    assert "://" not in lock.read_text()
    assert lock.read_text().count("--hash=sha256:") >= len(lines)


def test_both_locks_agree():
    pins = [
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    shared = pins[0].keys() & pins[1].keys()

    assert shared
    assert {name: pins[0][name] for name in shared} == {name: pins[1][name] for name in shared}


def test_every_setting_is_documented():
    documented = (ROOT / "docs" / "configuration.md").read_text()
    read = {
        name
        for source in ("settings.py", "environment.py")
        for name in READ.findall((ROOT / "project" / source).read_text())
    }

    internal = {"COUNTERSIGN_ROLE"}
    assert sorted(name for name in read - internal if f"`{name}`" not in documented) == []


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    described = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)

    assert sorted(targets) == sorted(described)
    assert {"run", "test", "bench", "help", "lint", "fmt", "setup", "seed"} <= set(described)
