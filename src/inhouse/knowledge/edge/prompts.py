"""Reads the prompt files: those of the package, and those that a home puts in their place."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import get_args

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.prompt import Prompt, Prompts, PromptTask, read_prompt
from inhouse.knowledge.words import Language

__all__ = ["load_prompts"]

LARGEST_BYTES = 20_000


def load_prompts(own: Path | None = None) -> Prompts:
    """Every prompt by task and language; `own` is a folder whose files (`answer.ru.txt`) win.

    Raises:
        BadRequest: if a file of `own` cannot be used; it names the file and what is wrong.
    """
    found: dict[tuple[PromptTask, Language], Prompt] = {}
    shipped = resources.files("inhouse.knowledge") / "prompts"
    for task in get_args(PromptTask):
        for language in get_args(Language):
            name = f"{task}.{language}.txt"
            mine = own / name if own else None
            if mine is not None and mine.is_file():
                found[task, language] = _own(task, language, mine)
            else:
                content = (shipped / name).read_text("utf-8")
                found[task, language] = read_prompt(task, language, content)
    return found


def _own(task: PromptTask, language: Language, path: Path) -> Prompt:
    try:
        data = path.read_bytes()
        if len(data) > LARGEST_BYTES:
            raise ValueError(f"it has {len(data):,} bytes, more than {LARGEST_BYTES:,}")
        return read_prompt(task, language, data.decode("utf-8"), own=hashlib.sha256(data).hexdigest()[:6])
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"The prompt {path} cannot be used: {error}", hint="mend it, or move it away"
        ) from None
