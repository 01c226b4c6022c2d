"""The routing rules, built from settings, and what is wrong with settings that cannot become rules."""

from __future__ import annotations

import difflib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import cast

from inhouse.config import Home, Loaded, load
from inhouse.gateway.candidates import candidates_of
from inhouse.gateway.complexity import cold_start
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.fleet import Fleet
from inhouse.gateway.gap_model import read_model
from inhouse.gateway.names import CLASSES, entry_of, matches
from inhouse.gateway.profiles import EngineKind
from inhouse.gateway.rules import ENGINE_ORDER, TASKS, AliasRule, RouteRule, Rules, Scorer, TaskRule
from inhouse.kernel.errors import BadRequest

__all__ = ["NAMES_HINT", "check_engines", "names_nobody_has", "open_rulebook", "rules_of"]

NO_ENGINES = Fleet()
NAMES_HINT = "`inhouse models ls` shows what is there; pull it, or correct the name"

FOUND_NAMES = frozenset(ENGINE_ORDER)
"""Names that engines get which were found by looking; on another port `-` and the port follow."""


def open_rulebook(loaded: Loaded, home: Home, fleet: Callable[[], Fleet] = lambda: NO_ENGINES) -> Rulebook:
    """The rules in force, which follow `inhouse.toml` and what was learned.

    New rules that name only models which none of the engines in `fleet` has are wrong, too.

    Raises:
        BadRequest: if the settings cannot become rules.
    """

    def read() -> tuple[Rules, str]:
        # `.env` and the environment are as they were at the start; only the file can change under us.
        again = load(home.root, environment=loaded.environment, folder=home.state)
        check_engines(again)
        if (engines := fleet()).engines and (wrong := names_nobody_has(again, engines)):
            raise BadRequest(wrong, hint=NAMES_HINT)
        return rules_of(again, home), _origin(again)

    check_engines(loaded)
    return Rulebook(
        (rules_of(loaded, home), _origin(loaded)),
        read,
        files=(home.settings_file, home.learned_router),
        switch_file=home.switch,
        clock=time.time,
    )


def _origin(loaded: Loaded) -> str:
    return loaded.origins.get("routing.local", "default")


def rules_of(loaded: Loaded, home: Home) -> Rules:
    """The rules that the settings stand for.

    Raises:
        BadRequest: if they name an engine or kind of engine that does not exist, or two blocks clash.
    """
    settings = loaded.settings
    routing = settings.routing
    tasks = {each.name: each for each in TASKS}
    for each in settings.task:
        tasks[each.name] = TaskRule(each.name, each.models, role=each.role, shift=each.shift, configured=True)
    for block, entries in (("task", settings.task), ("route", settings.route)):
        _no_twins(block, [each.name for each in entries])
    _known_engines(loaded)
    return Rules(
        cloud_allowed=settings.cloud.allowed,
        local=routing.local,
        allow_demo_answers=settings.answers.allow_demo_model,
        aliases=tuple(
            AliasRule(each.name, each.models, means=each.means, keys=each.keys) for each in settings.alias
        ),
        order=_order(settings.engines.order),
        max_attempts=routing.max_attempts,
        offered_names=routing.offered_names,
        unknown_names=routing.unknown_names,
        tasks=MappingProxyType(tasks),
        routes=tuple(
            RouteRule(
                each.name,
                task=each.task,
                model=each.model,
                key=each.key,
                team=each.team,
                local_only=each.data == "local_only",
                role=each.role,
                priority=each.priority,
                prefer=each.prefer,
                force=each.force,
                use=each.use,
            )
            for each in settings.route
        ),
        deadlines=MappingProxyType(
            {
                "critical": routing.wait_critical_s,
                "high": routing.wait_high_s,
                "medium": routing.wait_medium_s,
                "low": routing.wait_low_s,
                "batch": float("inf"),
            }
        ),
        scorer=_scorer(home) if routing.complexity == "auto" else None,
        hard_from=routing.hard_from,
        accept=routing.accept,
        escalate_below=routing.escalate_below,
        post_hoc=settings.strategies.post_hoc,
        retries=routing.retries,
    )


def _order(names: tuple[str, ...]) -> tuple[EngineKind, ...]:
    unknown = [name for name in names if name not in ENGINE_ORDER]
    if unknown:
        raise BadRequest(
            f"Setting engines.order names {unknown[0]!r}, which is no kind of engine",
            hint=f"the kinds are {', '.join(ENGINE_ORDER[1:])}",
        )
    named = cast("tuple[EngineKind, ...]", names)
    return (*named, *(kind for kind in ENGINE_ORDER if kind not in named))


def _scorer(home: Home) -> Scorer:
    """What was learned here, else the length."""
    try:
        return read_model(home.learned_router.read_text("utf-8")).score
    except FileNotFoundError:
        return cold_start
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"What the router learned cannot be read from {home.learned_router}: {error}",
            hint="remove the file, or learn again: inhouse eval router --data FILE --train",
        ) from None


def check_engines(loaded: Loaded) -> None:
    """Raises `BadRequest` if two engines have one name, or a cloud engine or model lacks its key."""
    _no_twins("engine", [each.name for each in loaded.settings.engine])
    taken = _taken(loaded)
    for number, each in enumerate(loaded.settings.engine, 1):
        if each.name in taken:
            raise BadRequest(
                f"inhouse.toml, [[engine]] number {number}, `name`: {each.name!r} is already the name of"
                f" {taken[each.name]}",
                hint=f"call it otherwise, e.g. {each.name}-2",
            )
        if each.where == "cloud" and each.api_key_env and not loaded.environment.get(each.api_key_env):
            raise BadRequest(
                f"inhouse.toml, [[engine]] number {number}, `api_key_env`: the cloud engine `{each.name}` has"
                f" no key, the environment variable {each.api_key_env} is not set",
                hint=f"set {each.api_key_env}, or remove the block",
            )
    _check_clouds(loaded)


def _check_clouds(loaded: Loaded) -> None:
    """Raises `BadRequest` if a model of a cloud is to be used, and the key for it is not there."""
    settings = loaded.settings
    for name in ("anthropic", "gemini", "openai") if settings.cloud.allowed else ():
        key, model = f"cloud.{name}_model", getattr(settings.cloud, f"{name}_model")
        reference = getattr(settings.secrets, f"{name}_api_key")
        if not model or loaded.secret(reference):
            continue
        kind, _, place = reference.partition(":")
        first = place.split(",")[0]
        missing = f"{place.replace(',', ' or ')} is not set" if kind == "env" else f"{place} holds none"
        raise BadRequest(
            f"{loaded.origins.get(key, 'default')}, {key} = {model!r}: there is no key for it, {missing}",
            hint=f"{f'set {first}' if kind == 'env' else f'write the key to {first}'}, or remove {key}",
        )


def _taken(loaded: Loaded) -> dict[str, str]:
    """Names of engines that are there without a block, and what they are."""
    settings = loaded.settings
    found = {"embedded": "the engine inside inhouse"}
    if "engines.ollama_url" in loaded.origins:
        found["ollama"] = "the engine at engines.ollama_url"
    for name in ("openai", "anthropic", "gemini"):
        if loaded.secret(getattr(settings.secrets, f"{name}_api_key")):
            found[name] = f"the cloud engine whose key was found (secrets.{name}_api_key)"
    return found


def _no_twins(block: str, names: list[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        number = max(index for index, name in enumerate(names, 1) if name == twins[0])
        raise BadRequest(
            f"inhouse.toml, [[{block}]] number {number}, `name`: another [[{block}]] is called {twins[0]!r}",
            hint="give each a name of its own",
        )


def _targets(loaded: Loaded) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where the settings name models, and the names; one of each group has to exist."""
    settings = loaded.settings
    for number, task in enumerate(settings.task, 1):
        if task.models:
            yield f"[[task]] number {number}, `models`", task.models
    for number, alias in enumerate(settings.alias, 1):
        yield f"[[alias]] number {number}, `models`", alias.models
    for number, route in enumerate(settings.route, 1):
        if route.use:
            yield f"[[route]] number {number}, `use`", (route.use,)


def _known_engines(loaded: Loaded) -> None:
    """Raises `BadRequest` if a name looks like `engine/model` with the engine's name misspelt.

    A slash alone proves nothing: `mlx-community/Qwen3-4B` is the name of a model.
    """
    known = {each.name for each in loaded.settings.engine} | FOUND_NAMES
    for place, names in _targets(loaded):
        for name in names:
            engine, slash, _ = name.partition("/")
            plain = engine.rsplit("-", 1)[0] if engine.rsplit("-", 1)[-1].isdigit() else engine
            if not slash or "*" in engine or engine in known or plain in FOUND_NAMES:
                continue
            near = difflib.get_close_matches(engine, sorted(known), n=1, cutoff=0.75)
            if near:
                raise BadRequest(
                    f"inhouse.toml, {place}: there is no engine {engine!r} (in {name!r})",
                    hint=f"did you mean `{near[0]}/{name.partition('/')[2]}`?",
                )


def names_nobody_has(loaded: Loaded, fleet: Fleet) -> str:
    """What is wrong when a task, alias or route names only models that nobody here has; empty for nothing.

    Says nothing while an engine is down: what it offers is not known then.
    """
    if any(engine.state == "down" for engine in fleet.engines):
        return ""
    offered = [(each.plain, each.full) for each in candidates_of(fleet)]
    aliases = {each.name for each in loaded.settings.alias}
    for place, names in _targets(loaded):
        known = any(
            name in CLASSES
            or (place.startswith("[[route]]") and (name in aliases or entry_of(name) is not None))
            or any(_means(name, plain, full) for plain, full in offered)
            for name in names
        )
        if not known:
            return f"inhouse.toml, {place}: nobody here has {' or '.join(repr(name) for name in names)}"
    return ""


def _means(name: str, plain: str, full: str) -> bool:
    return any(matches(each, plain) or matches(each, full) for each in (name, name.removesuffix(":latest")))
