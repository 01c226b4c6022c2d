"""Kills a home with SIGKILL at random moments; the next run must end as if nothing had happened.

    python -m bench.ingest_crash [DATA] [KILLS]

Three kinds of work are killed: a first ingest; removals for good with the rewriting of answers and the
compaction of the index; and a trash and restore of everything. Prints for each kill what was found at the
next start, and at the end how many of n homes are equal to an undisturbed one: documents with their texts and
chunks, the entries of the word index, what a search finds, kept answers and kept bytes.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from bench.homes import Home, open_home, shared_data
from inhouse.kernel.caller import Caller
from inhouse.knowledge.edge.chats import StoredChats
from inhouse.knowledge.edge.tables import chunks, documents, messages, texts

KILLS = 20
ME = Caller()
Print = tuple[str, int, int]


def fingerprint(home: Home, root: Path) -> Print:
    """What a home holds, without its random ids: a hash, and how many documents and index entries."""
    with home.database.read() as connection:
        rows = connection.execute(
            select(documents, texts.c.text).outerjoin(texts).order_by(documents.c.source, documents.c.path)
        ).all()
        names = {row.document_id: f"{row.source}/{row.path}" for row in rows}
        cut = sorted(
            (names[row.document_id], row.ordinal, row.start, row.end, row.context)
            for row in connection.execute(select(chunks))
        )
        answers = sorted(str(row.text) for row in connection.execute(select(messages)))
    indexed = sorted((names.get(key, "unknown"), ordinal) for key, ordinal in home.lexical.entries())
    kept = sorted(path.name for path in (root / "state" / "blobs").glob("*/*"))
    described = [(row.source, row.path, row.title, row.sha256, row.status, row.text) for row in rows]
    hits = home.lexical.search(ME, ["team", "work"], limit=5000)
    found = sorted((names.get(hit.document_id, "unknown"), hit.ordinal) for hit in hits)
    whole = (described, cut, indexed, kept, answers, found, home.manifest.traces())
    digest = hashlib.sha256(repr(whole).encode("utf-8", "replace")).hexdigest()
    return digest, len(rows), len(indexed)


# ---- the three kinds of work; each can be begun again where it was killed


def take_in(home: Home, folder: Path) -> None:
    """An ingest, as `inhouse ingest` does it."""
    home.ingest.run([folder], source="crash")


def remove(home: Home, _folder: Path) -> None:
    """Every third document, one after the other, with their quotes in answers."""
    known = sorted(home.manifest.known("crash"), key=lambda one: one.document)
    for one in known:
        if int(hashlib.sha256(one.document.encode()).hexdigest(), 16) % 3 == 0:
            home.manifest.remove([one.document_id])


def there_and_back(home: Home, _folder: Path) -> None:
    """Everything to the trash and back."""
    ids = [one.document_id for one in home.manifest.known("crash")]
    home.manifest.trash(ids)
    home.manifest.restore(ids)


WORKS: dict[str, Callable[[Home, Path], None]] = {
    "ingest": take_in,
    "removal": remove,
    "trash and restore": there_and_back,
}


def with_answers(root: Path, folder: Path) -> None:
    """A home with all documents, and an answer that quotes each of them."""
    home = open_home(root)
    take_in(home, folder)
    chats = StoredChats(
        home.database, now=time.time, new_id=lambda: hashlib.sha256(random.randbytes(8)).hexdigest()
    )
    for one in home.manifest.known("crash"):
        quote = home.library.text(ME, one.document_id)[:200]
        citation = {"document_id": one.document_id, "document": one.document, "quote": quote}
        said: list[dict[str, object]] = [{"text": quote, "citations": [citation]}]
        said.append({"text": f"Of {one.document}.", "citations": []})
        text = "\n".join(str(each["text"]) for each in said)
        answer = json.dumps({"answer": text, "language": "en", "sentences": said})
        _, message_id = chats.begin(ME, None, "?")
        chats.finish(ME, message_id, status="done", text=text, answer_json=answer)
    home.close()


def child(work: str, root: Path, folder: Path) -> None:
    """The process that is killed."""
    home = open_home(root)
    home.manifest.recover()
    print("ready", flush=True)
    WORKS[work](home, folder)
    home.close()


def killed(work: str, root: Path, folder: Path, after_s: float) -> bool:
    """Start the work and kill it `after_s` after it began; False if it had ended before."""
    command = [sys.executable, "-m", "bench.ingest_crash", "--child", work, str(root), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def finished(work: str, root: Path, folder: Path) -> tuple[Print, list[str], float]:
    """Open the home anew, let it recover and do the work to its end; how long that took."""
    home = open_home(root)
    done = home.manifest.recover()
    started = time.monotonic()
    WORKS[work](home, folder)
    took_s = time.monotonic() - started
    result = fingerprint(home, root)
    done += [f"STILL WRONG: {words}" for words in home.manifest.recover()]
    home.close()
    return result, done, took_s


def try_work(work: str, folder: Path, scratch: Path, kills: int) -> tuple[int, int]:
    """How many of the kills hit, and how many homes ended equal to an undisturbed one."""
    chance = random.Random(f"2026 {work}")
    before = scratch / "before"
    if work == "ingest":
        before.mkdir()
    else:
        with_answers(before, folder)
    shutil.copytree(before, scratch / "control")
    control, _, whole_s = finished(work, scratch / "control", folder)
    print(f"{work}, undisturbed: {control[1]} documents, {control[2]} index entries, {whole_s:.1f} s")
    hits = equal = 0
    for number in range(kills):
        root = scratch / f"kill-{number}"
        shutil.copytree(before, root)
        after_s = chance.uniform(0.0, whole_s)
        hit = killed(work, root, folder, after_s)
        result, done, _ = finished(work, root, folder)
        hits += hit
        equal += result == control
        state = "killed" if hit else "had ended"
        print(f"{state} after {after_s:.2f} s: equal={result == control} {done or ''}")
        shutil.rmtree(root)
    return hits, equal


def main() -> int:
    data = shared_data(sys.argv[1] if len(sys.argv) > 1 else None)
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else KILLS
    failed = 0
    for work in WORKS:
        with tempfile.TemporaryDirectory() as scratch:
            hits, equal = try_work(work, data / "handbook", Path(scratch), kills)
        print(f"{work}: equal to the undisturbed home: {equal} of n={kills} (killed while at work: {hits})")
        failed += kills - equal
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
