"""MLX: its server supervised, with a stand-in for it; `test_mlx_real` has the server itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.gateway.edge.providers.mlx import MlxSettings
from inhouse.kernel.errors import EngineRefused, EngineUnreachable
from inhouse.kernel.messages import TextDelta
from tests.worlds.engines import WORDS
from tests.worlds.mlx_engine import Naps, engine_with, read, until


def fake_folder(tmp_path: Path, *names: str) -> Path:
    """A folder that looks like models."""
    for name in names:
        (tmp_path / "mlx" / name).mkdir(parents=True)
        (tmp_path / "mlx" / name / "config.json").write_text('{"model_type":"llama"}')
    return tmp_path / "mlx"


@pytest.mark.slow
async def test_only_listed_names_are_sent(tmp_path: Path) -> None:
    """A path, a repository and a parent folder are refused without a start; a listed name is answered."""
    settings = MlxSettings(fake_folder(tmp_path, "tiny", "other"), stop_timeout_s=0.5)
    (tmp_path / "mlx" / "notes").mkdir()
    async with engine_with(settings, "mlx") as engine:
        assert [each.name for each in engine.models()] == ["other", "tiny"]
        for name in ("/etc", "mlx-community/big", "..", "../mlx/tiny", "notes", ""):
            with pytest.raises(EngineRefused, match="has no model"):
                await read(engine, model=name)
        assert engine.starts == 0
        events = await read(engine)
        assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "".join(WORDS)
        assert [(each.name, each.loaded) for each in engine.models()] == [("other", False), ("tiny", True)]


@pytest.mark.slow
async def test_child_that_never_starts_is_tried_again_later_and_later(tmp_path: Path) -> None:
    """Each death in a row makes the pause longer; requests are refused at once with the reason."""
    naps = Naps(4)
    settings = MlxSettings(fake_folder(tmp_path, "tiny"), back_off_s=(1.0, 2.0, 4.0))
    async with engine_with(settings, "fail", nap=naps) as engine:
        engine.start()
        with pytest.raises(EngineUnreachable, match=r"did not start: .*giving up"):
            await read(engine)
        await until(naps.enough)
        assert naps.seconds == [1.0, 2.0, 4.0, 4.0]
        assert engine.starts == 4
        assert "starts again after 4 s" in engine.lack()


@pytest.mark.parametrize(
    ("folder", "lack"),
    [
        (None, "no folder of MLX models is configured"),
        ("missing", "no such folder"),
        ("", "no model in"),
    ],
)
async def test_lacks_are_named(tmp_path: Path, folder: str | None, lack: str) -> None:
    """What lacks is said, and nothing is started."""
    path = None if folder is None else tmp_path / folder
    async with engine_with(MlxSettings(path), "serve") as engine:
        engine.start()
        assert lack in engine.lack()
        assert engine.starts == 0
        assert engine.models() == ()
