"""The committed bundle of the canvas is the one that its sources make."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CANVAS = Path(__file__).parents[2] / "static" / "canvas"
BUNDLE = CANVAS / "dist" / "canvas.js"
LICENCES = CANVAS.parent / "licences" / "canvas.txt"
LARGEST = 160_000  # bytes of the bundle, compressed


def _sources() -> list[str]:
    inside = [
        path.relative_to(CANVAS).as_posix()
        for path in (CANVAS / "src").rglob("*")
        if path.is_file() and ".test." not in path.name
    ]
    return sorted([*inside, "build.mjs", "package.json", "package-lock.json"])


def _fingerprint() -> str:
    found = hashlib.sha256()
    for name in _sources():
        found.update(f"{name}\0".encode())
        found.update((CANVAS / name).read_bytes())
        found.update(b"\0")
    return found.hexdigest()


def test_the_bundle_names_the_sources_it_was_built_from():
    header = BUNDLE.read_text().split("\n", 1)[0]
    named = re.search(r"sources ([0-9a-f]{64})", header)

    assert named is not None
    assert named[1] == _fingerprint(), "static/canvas/src has changed: run `make canvas`"


def test_the_bundle_is_small_enough():
    assert len(gzip.compress(BUNDLE.read_bytes(), 9)) <= LARGEST


def test_versions_are_pinned_without_addresses_and_their_licences_are_there():
    wanted = json.loads((CANVAS / "package.json").read_text())
    locked = json.loads((CANVAS / "package-lock.json").read_text())
    text = LICENCES.read_text()

    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert locked["packages"][f"node_modules/{name}"]["version"] == version
    for name, version in wanted["dependencies"].items():
        assert f"{name} {version} (" in text
    assert not any("resolved" in package for package in locked["packages"].values())


def test_nothing_breaks_the_content_policy_or_writes_text_as_markup():
    code = BUNDLE.read_text()
    own = "".join(path.read_text() for path in (CANVAS / "src").rglob("*.ts*"))

    assert not re.search(r"\beval\(|new Function\(", code)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", own, re.IGNORECASE
    )


@pytest.mark.skipif(
    not shutil.which("node") or not (CANVAS / "node_modules").is_dir(),
    reason="needs Node and the packages of static/canvas",
)
def test_building_again_gives_the_same_bundle(tmp_path):
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=CANVAS, check=True, timeout=300)

    for name in ("canvas.js", "canvas.css", "canvas-edit.css"):
        assert (tmp_path / name).read_bytes() == (CANVAS / "dist" / name).read_bytes()
