"""Every file of the repository stands alone, is short enough to read and says what it owns."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES_MAX = 400
#: Brackets keep these patterns from finding themselves.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|work|tmp/w)(?=/)")
REGISTRY_HOST = re.compile(
    r"pypi[.]org|pythonhosted[.]org|repo1?[.]maven|maven[.]org|npmjs[.]org|crates[.]io|proxy[.]golang|deb[.]debian"
)


def tracked(suffix: str = "") -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listing.split("\0") if name.endswith(suffix) and name]
    return [file for file in files if file.exists()]


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked() for number, line in enumerate(file.read_bytes().decode(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert not found(MACHINE_PATH)


def test_no_file_names_a_host_of_a_package_registry() -> None:
    assert not found(REGISTRY_HOST)


def test_no_source_file_is_longer_than_a_reader_bears() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in tracked(".py")}
    assert not {name: length for name, length in lengths.items() if length > LINES_MAX}


def test_every_module_of_the_wheels_says_first_what_it_owns() -> None:
    modules = [file for file in tracked(".py") if "tests" not in file.relative_to(ROOT).parts]
    assert modules
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in modules}
    silent = [name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))]
    assert not silent
