"""Runs the tests of the package under every CPython of this machine, with the extension that cargo built.

    python each_python.py LIBRARY

LIBRARY is the built extension. A CPython without pytest, cffi and numpy gets an environment of its own with them, below the
build folder. Where there is no pytest for it, the interpreter is skipped by name; without the others, some of its tests are.
"""

import os
import pathlib
import shutil
import subprocess
import sys

OLDEST = (3, 9)
HERE = pathlib.Path(__file__).resolve().parent
ASK = "import sys; print(sys.implementation.name, *sys.version_info[:3], sys.executable)"


def interpreters():
    """Every CPython that is new enough, by version."""
    places = [pathlib.Path("/usr/bin/python3"), *sorted(pathlib.Path.home().glob(".pyenv/versions/*/bin/python"))]
    seen = {}
    for place in places:
        if not place.exists():
            continue
        asked = subprocess.run([place, "-c", ASK], capture_output=True, text=True)
        name, *version, program = asked.stdout.split() or ["", "0", "0", "0", ""]
        version = tuple(map(int, version))
        if name == "cpython" and version >= OLDEST:
            seen.setdefault(version, program)
    return sorted(seen.items())


def has(program, *modules):
    """Whether a program is there, and can import these."""
    if not pathlib.Path(program).exists():
        return False
    return subprocess.run([program, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode == 0


def with_pytest(program, folder):
    """A program that has pytest, and cffi and numpy where they can be had; None where none can be made."""
    own = folder / "bin/python"
    for candidate in (program, own):
        if has(candidate, "pytest", "cffi", "numpy"):
            return candidate
    if not own.exists():
        subprocess.run([program, "-m", "venv", folder], capture_output=True)
    if own.exists():
        install = [own, "-m", "pip", "install", "-q", "--only-binary", ":all:"]
        for module in ("pytest", "cffi", "numpy"):
            subprocess.run([*install, module], capture_output=True)
    return next((candidate for candidate in (own, program) if has(candidate, "pytest")), None)


def main(library):
    library = pathlib.Path(library).resolve()
    build = library.parent / "python"
    package = build / "package" / "springboard"
    shutil.copytree(HERE / "python" / "springboard", package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so"))
    shutil.copy2(library, package / "_springboard.abi3.so")
    failed, ran = [], 0
    for version, program in interpreters():
        name = "CPython " + ".".join(map(str, version))
        python = with_pytest(program, build / ".".join(map(str, version)))
        if python is None:
            print(f"{name}: skipped: it has no pytest, and none could be installed", flush=True)
            continue
        print(f"{name}: {python}", flush=True)
        environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", HERE / "tests"]
        ran += 1
        if subprocess.run(command, env=environment, cwd=build).returncode != 0:
            failed.append(name)
    if failed:
        sys.exit(f"failed under {', '.join(failed)}")
    if ran == 0:
        sys.exit("no CPython has pytest: apt-get install --no-install-recommends python3-pytest")


if __name__ == "__main__":
    main(sys.argv[1])
