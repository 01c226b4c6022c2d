"""Model files that are on this machine already: found in the home, taken in, left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inhouse.gateway.edge.board import FleetBoard
from inhouse.gateway.edge.model_store import HouseModels
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.fleet import Engine, Model
from inhouse.gateway.profiles import EngineKind
from inhouse.kernel.errors import (
    BadRequest,
    Conflict,
    EngineUnreachable,
    NotFound,
)
from tests.gateway.test_model_store_files import GOOD, NOW, SHA, depot, pulled, shop


def drop(home: Path, name: str, *, age_s: float = 60.0) -> Path:
    """A good file put into the folder of models by hand, so many seconds ago."""
    path = home / "models" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(GOOD)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def test_a_file_put_into_the_folder_is_found(tmp_path: Path) -> None:
    """It is served under its name, without a restart; one that is still being written is not, nor a part."""
    store = shop(tmp_path)
    assert store.installed() == ()
    path = drop(tmp_path, "Tiny.Q4_K_M.gguf")
    drop(tmp_path, "young.gguf", age_s=1.0)
    drop(tmp_path, "big-00001-of-00002.gguf")
    drop(tmp_path, "broken.gguf").write_bytes(GOOD[:200])
    os.utime(tmp_path / "models" / "broken.gguf", (NOW - 60, NOW - 60))
    (model,) = store.installed()
    assert (model.name, model.path, model.size_bytes) == ("tiny.q4_k_m", path, len(GOOD))
    assert (model.context_tokens, model.sha256) == (40960, "")
    drop(tmp_path, "young.gguf", age_s=5.0)
    assert [each.name for each in store.installed()] == ["tiny.q4_k_m", "young"]


async def test_a_file_put_into_the_folder_is_copied_and_removed(tmp_path: Path) -> None:
    """A copy has a digest of its own and outlives the file; removing takes the file away."""
    store = shop(tmp_path)
    path = drop(tmp_path, "tiny.gguf")
    await store.copy("tiny", "kept")
    await store.remove("", "tiny")
    assert not path.exists()
    (model,) = store.installed()
    assert (model.name, model.sha256) == ("kept", SHA)
    assert model.path.read_bytes() == GOOD


async def test_a_fetched_model_leaves_a_file_of_its_name_alone(tmp_path: Path) -> None:
    """What a person put there is never deleted by anything but `remove`."""
    store = shop(tmp_path)
    path = drop(tmp_path, "tiny-1b.q4_k_m.gguf")
    assert store.installed()[0].path == path
    async with depot() as server:
        await pulled(store, server.url)
    assert path.is_file()
    assert store.installed()[0].sha256 == SHA


@pytest.mark.parametrize("linked", [True, False])
def test_a_file_of_this_machine_is_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    """By a link where the disk allows that, else as a copy; another process finds it by its note."""
    if not linked:

        def no_link(self: Path, target: Path) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", no_link)
    source = drop(tmp_path / "elsewhere", "Tiny.gguf")
    beside = shop(tmp_path)
    files = ModelFiles(tmp_path / "models", clock=lambda: NOW, margin_bytes=1000)
    model = files.take_in(source)
    assert (model.name, model.sha256, model.origin) == ("tiny", SHA, str(source))
    assert model.path.samefile(source) is linked
    assert beside.installed() == (model,)
    assert source.read_bytes() == model.path.read_bytes()


def test_files_that_are_no_models_are_not_taken_in(tmp_path: Path) -> None:
    """A missing file, another kind, and one that is cut off are told apart; nothing is left of them."""
    files = ModelFiles(tmp_path / "models", clock=lambda: NOW, margin_bytes=1000)
    cut = drop(tmp_path / "elsewhere", "cut.gguf")
    cut.write_bytes(GOOD[:200])
    for path, error, words in (
        (tmp_path / "missing.gguf", NotFound, "no file"),
        (drop(tmp_path / "elsewhere", "model.bin"), BadRequest, "no .gguf file"),
        (cut, BadRequest, "no sound GGUF file"),
    ):
        with pytest.raises(error, match=words):
            files.take_in(path)
    assert files.installed() == ()


@pytest.mark.parametrize("model", ["/srv/x.gguf", "file:///srv/x.gguf", "~/x.gguf", "./x.gguf"])
async def test_callers_may_not_name_files_of_this_machine(tmp_path: Path, model: str) -> None:
    """A path is no name that an Ollama could know, and whoever asks over HTTP gets no file read."""
    with pytest.raises(BadRequest, match="is a file") as caught:
        await pulled(shop(tmp_path), model)
    assert "inhouse models pull PATH" in caught.value.hint


@pytest.mark.parametrize(("kind", "words"), [("embedded", "no file of this home"), ("vllm", "belongs to")])
async def test_a_model_that_cannot_be_removed_says_why(tmp_path: Path, kind: EngineKind, words: str) -> None:
    """The demo and the models of servers are there, so `not installed` would be wrong."""
    store = shop(tmp_path)
    with pytest.raises(NotFound):
        await store.remove("", "m")
    board = FleetBoard(lambda: NOW)
    board.show(
        [
            Engine("e", kind, "local", "", "up", (Model("m"),)),
            Engine("o", "ollama", "local", "http://127.0.0.1:1", "up", (Model("other"),)),
        ]
    )
    store = HouseModels(board, ModelFiles(tmp_path / "models", clock=lambda: NOW))
    with pytest.raises(Conflict, match=words):
        await store.remove("", "m")


async def test_no_connection_is_said_without_tls(tmp_path: Path) -> None:
    """An http address that nobody listens at: no word of certificates."""
    with pytest.raises(EngineUnreachable, match="no connection: ") as caught:
        await pulled(shop(tmp_path), "http://127.0.0.1:1/x.gguf")
    assert "ssl" not in caught.value.message
