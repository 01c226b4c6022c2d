"""What Ollama's own client reads about the models of the house: list, ps and show."""

from __future__ import annotations

import json

from inhouse.gateway.ports import ModelCard
from inhouse.serve.plane.ollama import OllamaSurface
from inhouse.serve.plane.parts import Offer
from tests.serve.plane.house import open_plane
from tests.serve.plane.test_ollama import client, send

OFFERS = (
    Offer("Qwen2.5:7b", "box", "ollama", "local", size_bytes=5, context_tokens=32768, loaded=True,
          digest="sha256:" + "a" * 64, family="qwen2", parameter_size="7.6B", quantization="Q4_K_M",
          modified_at=1_790_000_000.0, expires_at=1_795_000_100.0, capabilities=("completion", "tools"),
          memory_bytes=8, gpu_bytes=6),
    Offer("plain", "box2", "vllm", "local", loaded=False),
)  # fmt: skip


CARD = ModelCard(
    "{{ .Prompt }}", "Be kind.", 'stop                           "<|im_end|>"\ntemperature 0.7', "MIT"
)


async def test_lists_and_details() -> None:
    """The client's list, ps and show understand what we know, and what we do not know."""
    async with open_plane(OllamaSurface(), offers=OFFERS) as plane, client(plane) as real:
        plane.models.cards["box/Qwen2.5:7b"] = CARD
        listed = (await real.list()).models
        running = (await real.ps()).models
        shown = await real.show("qwen2.5:7B")
        bare = json.loads((await send(plane, "POST", "/api/show", {"name": "plain:latest"}))[1])
        copilot = await send(
            plane, "POST", "/api/show", {"model": "plain"}, **{"User-Agent": "GitHubCopilotChat/1"}
        )
    assert [each.model for each in listed] == ["Qwen2.5:7b", "plain:latest"]
    assert listed[0].digest == "a" * 64
    assert len(listed[1].digest or "") == 64
    assert listed[0].details is not None
    assert (listed[0].details.family, listed[0].details.parameter_size) == ("qwen2", "7.6B")
    assert [(each.name, each.context_length) for each in running] == [("Qwen2.5:7b", 32768)]
    assert [(listed[0].size, each.size, each.size_vram) for each in running] == [(5, 8, 6)]
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo == {"general.architecture": "qwen2", "qwen2.context_length": 32768}
    assert (shown.template, shown.parameters, shown.license) == (CARD.template, CARD.parameters, CARD.license)
    assert shown.modelfile == (
        'FROM Qwen2.5:7b\nTEMPLATE """{{ .Prompt }}"""\nSYSTEM """Be kind."""\n'
        'PARAMETER stop "<|im_end|>"\nPARAMETER temperature 0.7\n'
    )
    assert bare["model_info"] == {}
    assert (bare["template"], bare["modelfile"], "system" in bare) == ("", "FROM plain\n", False)
    assert json.loads(copilot[1])["model_info"] == {"general.basename": "plain"}
