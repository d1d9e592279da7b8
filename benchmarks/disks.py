"""Takes the disk from under a sweep, one folder at a time, and counts what becomes of it. Linux, as root.

    python benchmarks/disks.py [--what samples,log] [--how full,read-only] [--executor local|ray]

Each folder that a command writes to is on a disk that is full, is mounted read-only, is forbidden to this user, or
vanishes when the first file has come into it. A case is bad unless

- the command ends with code 0 or 2, with 2 by one line "error: ...", and never with a traceback;
- the store can be read, and holds no score that an undisturbed sweep has not;
- the same command on a sound disk ends with 0, and the sweep has all scores of the undisturbed one, to the last bit;
- no file or folder is left half written.
"""

import os
import sys

# Disks are mounted where no other process sees them. Root may write everywhere; without these rights it may not.
if "GANSCAPE_DISKS" not in os.environ:
    os.environ["GANSCAPE_DISKS"] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganscape import results
from ganscape.results.store import open_store

WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
SIZE = ("configs=2", "images=1280", "interval=640", "samples=50")
STUDY = ("equal/wide", "--methods", "vae", "--scheduler", "halving", "--seeds", "1", "--workers", "1")
# What a sweep writes -> its place below the case's folder.
WRITTEN = {
    "out": "out",
    "samples": "out/samples",
    "checkpoints": "out/checkpoints",
    "generators": "out/generators",
    "programs": "out/xla-cache",
    "log": "out/log.txt",
    "references": "cache/references",
}
# What other commands write, of a finished sweep `out`, into a folder `to`; a report into `out` itself.
COMMANDS = {
    "report": ("report", "out"),
    "comparison": ("report", "out", "copy", "--to", "to/report.html"),
    "export": ("export", "out", "to/scores.csv"),
    "export dataset": ("export", "out", "to/dataset", "--as", "dataset"),
    "export optuna": ("export", "out", "to/study.db", "--as", "optuna"),
    "sample": ("sample", "out", "--to", "to/images.npz", "--count", "2000"),
    "sample folder": ("sample", "out", "--to", "to/images", "--count", "2000"),
    "repair": ("repair", "out", "--to", "to/new"),
    "merge": ("merge", "out", "copy", "--into", "to/new"),
    "data prepare": ("data", "prepare", "pictures", "--to", "to/pictures.npz", "--size", "64"),
    "prepared data": ("run", "equal/wide", "--data", "pictures", "--resize", "64", "--data-root", "to", "--dry-run"),
}
HOW = ("full", "read-only", "forbidden", "vanished")
SANDBOX = "/dev/shm" if Path("/dev/shm").is_dir() else None
ROOM = {"out": (0, 60, 130, 250)}  # KiB left on a full disk: at which moment it is full


def run(words: tuple[str, ...], folder: Path, rights: bool = True) -> subprocess.CompletedProcess:
    command = [] if rights else [*WITHOUT_RIGHTS]
    command += [sys.executable, "-m", "ganscape", *words]
    variables = os.environ | {"GANSCAPE_CACHE": str(folder / "cache"), "TMPDIR": str(folder)}
    if "out/xla-cache" in map(str, words) or Path(folder, "own-cache").exists():
        variables.pop("JAX_COMPILATION_CACHE_DIR", None)
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300)


def sweep(executor: str) -> tuple[str, ...]:
    settings = [word for setting in SIZE for word in ("--set", setting)]
    return ("run", *STUDY, "--executor", executor, "--out", "out", *settings)


@contextmanager
def spoiled(path: Path, how: str, room: int) -> Iterator[None]:
    """While the block lasts, nothing can be written to the file or folder, or it is removed once it holds something."""
    mounted = how in ("full", "read-only")
    if how == "full" and path.suffix:
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/full")
    elif how == "full":
        fill(path, room)
    elif how == "read-only":
        make(path)
        subprocess.run(["mount", "--bind", path, path], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
    elif how == "forbidden":
        make(path)
        mode = path.stat().st_mode
        path.chmod(0)
    else:
        ended = threading.Event()
        watcher = threading.Thread(target=remove_when_used, args=(path, ended))
        watcher.start()
    yield
    if how == "vanished":
        ended.set()
        watcher.join()
    elif how == "forbidden":
        path.chmod(mode)
    elif path.is_symlink():
        path.unlink()
    elif mounted:
        heal(path, how)


def make(path: Path) -> None:
    """Creates a file or folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        path.touch()
    else:
        path.mkdir(exist_ok=True)


def fill(path: Path, room: int) -> None:
    """Puts a folder and what it holds on a disk of its own, which has `room` KiB left."""
    make(path)
    kept = path.with_name(f"{path.name}-kept")
    shutil.copytree(path, kept)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", path], check=True)
    shutil.copytree(kept, path, dirs_exist_ok=True)
    shutil.rmtree(kept)
    if not any(path.iterdir()):
        (path / "filler").write_bytes(bytes(4096))  # a disk cannot be smaller
    used = sum(-(-entry.stat().st_size // 4096) * 4 for entry in path.rglob("*") if entry.is_file())
    subprocess.run(["mount", "-o", f"remount,size={used + room}k", path], check=True)


def heal(path: Path, how: str) -> None:
    """Takes the disk away; what was written to it stays."""
    kept = path.with_name(f"{path.name}-kept")
    if how == "full":
        shutil.copytree(path, kept)
    subprocess.run(["umount", path], check=True)
    if how == "full":
        shutil.rmtree(path)
        kept.rename(path)
        (path / "filler").unlink(missing_ok=True)


def remove_when_used(path: Path, ended: threading.Event) -> None:
    """Removes a file or folder as soon as there is something in it; of an output folder, as soon as it has a score."""
    while not ended.is_set():
        with suppress(OSError):
            used = (path / "samples").is_dir() and any((path / "samples").iterdir()) if path.name == "out" else (
                path.stat().st_size > 0 if path.suffix else any(path.iterdir())
            )  # fmt: skip
            if used:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                return
        time.sleep(0.005)


def table(out: Path) -> dict:
    """Returns the scores of a store, which must be readable."""
    if not (out / "store.sqlite").exists():
        return {}
    return {(row.trial, row.rung): row.value for row in results.load(out).scores().itertuples()}


def leftovers(folder: Path) -> list[str]:
    """Returns what is left half written in a folder."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    return [name for name in names if "/." in f"/{name}" or name.endswith(".part") or "orbax-checkpoint-tmp" in name]


def faults(ran: subprocess.CompletedProcess) -> Iterator[str]:
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    if ran.returncode not in (0, 2):
        yield f"exit code {ran.returncode}"
    if "Traceback" in ran.stderr + ran.stdout:
        yield "a traceback"
    if len(errors) != (ran.returncode == 2):
        yield f"{len(errors)} lines of error"


def attack(folder: Path, what: str, how: str, words: tuple[str, ...], whole: dict, room: int = 0) -> list[str]:
    """Runs one case in a folder that was prepared for it; returns what is bad about it."""
    path = folder / ("out" if what == "report" else WRITTEN.get(what, "to"))
    if what in COMMANDS:
        path.mkdir(exist_ok=True)
    with spoiled(path, how, room):
        ran = run(words, folder, rights=how != "forbidden")
    bad = list(faults(ran))
    try:
        if not table(folder / "out").items() <= whole.items():
            bad.append("other scores")
    except Exception as error:
        bad.append(f"the store: {error}")
    said = [line for line in ran.stderr.splitlines() if line.startswith(("error: ", "warning: "))]
    if ran.returncode and not (what == "report" and how == "vanished"):
        if what in COMMANDS:
            path.mkdir(exist_ok=True)
        again = run(words, folder)
        if again.returncode:
            bad.append(f"then exit code {again.returncode}: {again.stderr[-300:]}")
    if table(folder / "out") != whole and not (what == "report" and how == "vanished"):
        bad.append("other scores in the end")
    bad += [f"left: {name}" for name in leftovers(folder)]
    state = "BAD" if bad else "ok"
    print(f"{state:3} {what} {how}{f' ({room} KiB left)' if what in ROOM and how == 'full' else ''}: "
          f"exit {ran.returncode}; {' | '.join(said) or 'no word'}", flush=True)  # fmt: skip
    if bad:
        print("    " + "; ".join(bad), *ran.stderr.splitlines()[-8:], sep="\n    ", flush=True)
    return bad


def prepare(folder: Path, sound: Path, what: str) -> None:
    """Lays out what a case starts from: an empty store for a sweep, the finished sweep for another command."""
    folder.mkdir()
    if what in COMMANDS:
        for name in ("out", "copy"):
            shutil.copytree(sound / "out", folder / name)
        shutil.copytree(sound / "pictures", folder / "pictures")
    else:
        open_store(folder / "out").close()
    if what == "programs":
        (folder / "own-cache").touch()
    if what != "references":
        shutil.copytree(sound / "cache", folder / "cache")


def draw_pictures(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (60, 70, 80, 3), np.uint8)
    for number, image in enumerate(noise):
        Image.fromarray(image).save(folder / f"{number}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default=",".join((*WRITTEN, *COMMANDS)))
    parser.add_argument("--how", default=",".join(HOW))
    parser.add_argument("--executor", default="local")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=SANDBOX, ignore_cleanup_errors=True) as name:
        home = Path(name)
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "programs"))
        sound = home / "sound"
        sound.mkdir()
        ran = run(sweep("local"), sound)
        assert not ran.returncode, ran.stderr
        draw_pictures(sound / "pictures")
        whole = table(sound / "out")
        for what in arguments.what.split(","):
            for how in arguments.how.split(","):
                for room in ROOM.get(what, (0,)) if how == "full" else (0,):
                    folder = home / f"{len(counts)}-{counts.total()}"
                    prepare(folder, sound, what)
                    words = COMMANDS.get(what) or sweep(arguments.executor)
                    bad = attack(folder, what, how, words, whole, room)
                    counts["bad" if bad else "sound"] += 1
                    shutil.rmtree(folder, ignore_errors=True)
    print(f"{counts.total()} states of disks, {counts['bad']} bad outcomes")


if __name__ == "__main__":
    main()
