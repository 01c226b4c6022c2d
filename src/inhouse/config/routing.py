"""The settings of routing: the section, and the blocks that say what names, tasks and requests mean."""

from __future__ import annotations

from typing import Literal

from inhouse.config.section import Section, needed, setting

__all__ = ["AliasEntry", "RouteEntry", "Routing", "TaskEntry"]

RoleName = Literal["L1", "L2", "L3"]
PriorityName = Literal["critical", "high", "medium", "low", "batch"]
PlaceName = Literal["local", "cloud"]
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"


class Routing(Section):
    local: Literal["auto", "true", "false", "force"] = setting(
        "auto",
        "use local engines: when they are there, yes (the cloud for the role L1 or where none is), no, or"
        " nothing but them; `inhouse route switch` changes it while inhouse runs",
    )
    offered_names: Literal["exact", "class", "ceiling"] = setting(
        "exact",
        "what a model name that an engine offers means: that model only; that model first, then others of its"
        " class; or any model up to its class, so that easy work runs on less",
    )
    unknown_names: Literal["class", "refuse"] = setting(
        "class",
        "what happens to names of other houses (gpt-4o, claude-sonnet): a model of the same class answers, so"
        " that existing clients work unchanged, or they are refused; names that nobody knows are not found",
    )
    complexity: Literal["auto", "off"] = setting(
        "auto",
        "judge how hard a prompt is, by what `inhouse eval router --train` learned here or else by its length"
        " and task; hard prompts go to the strongest model that may take them",
    )
    hard_from: float = setting(0.8, "from this score (0-1) a prompt is hard", ge=0, le=1)
    accept: float = setting(0.85, "confidence from which a draft of a cascade is good enough", ge=0, le=1)
    escalate_below: float = setting(
        0.70, "confidence below which a single answer is asked again of a stronger model", ge=0, le=1
    )
    max_attempts: int = setting(4, "engines tried for one request", "engines", ge=1, le=20)
    retries: int = setting(
        2, "how often in all one request may ask an engine that failed again", "times", ge=0, le=10
    )
    wait_critical_s: float = setting(
        5.0, "how long critical work may wait before it goes elsewhere", "s", gt=0
    )
    wait_high_s: float = setting(10.0, "the same for the priority high", "s", gt=0)
    wait_medium_s: float = setting(
        30.0, "the same for the priority medium, and where none is named; loading a model counts", "s", gt=0
    )
    wait_low_s: float = setting(120.0, "the same for the priority low; batch work always waits", "s", gt=0)


class TaskEntry(Section):
    """Which models a task wants: one `[[task]]` block each; it replaces the built-in one of its name."""

    name: str = needed("what callers send as x-inhouse-task", pattern=_NAME)
    models: tuple[str, ...] = setting(
        (),
        "model names (with * and ?), engine/model, or small, medium, large, code, reasoning, embedding;"
        " best first",
    )
    role: RoleName | None = setting(None, "role that the task stands for when the caller names none")
    shift: float = setting(0.0, "added to the score of how hard its prompts are", ge=-1, le=1)


class AliasEntry(Section):
    """What a requested model name means: one `[[alias]]` block each, the first that fits counts."""

    name: str = needed("requested name, with * and ?", min_length=1)
    models: tuple[str, ...] = needed("model names, engine/model or classes, best first", min_length=1)
    means: Literal["alias", "exact", "ceiling"] = setting(
        "alias",
        "alias: the first that can answer; exact: the first and no other; ceiling: no model above these",
    )
    keys: tuple[str, ...] = setting((), "only for these key ids or teams, with * and ?; empty is everybody")


class RouteEntry(Section):
    """Wishes for requests that fit: one `[[route]]` block each; what a caller says itself stays."""

    name: str = needed("name shown by `inhouse route explain`", pattern=_NAME)
    task: str = setting("", "fits this task, with * and ?")
    model: str = setting("", "fits this requested model")
    key: str = setting("", "fits this key id")
    team: str = setting("", "fits this team")
    data: Literal["local_only"] | None = setting(None, "local_only keeps it in the house, whoever asks")
    role: RoleName | None = setting(None, "role")
    priority: PriorityName | None = setting(None, "priority")
    prefer: PlaceName | None = setting(None, "place that is tried first")
    force: PlaceName | None = setting(None, "the only place that may answer")
    use: str = setting("", "model, where the caller named none")
