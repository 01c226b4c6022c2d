"""Which models of a list fit this machine, for `/app/models?fit=1`."""

from __future__ import annotations

from dataclasses import asdict, replace

from inhouse.gateway.fit import Machine, fit_named
from inhouse.serve.house_shapes import EngineShape, EnginesShape, FitShape, MachineShape, ModelShape

__all__ = ["with_fit"]


def with_fit(shown: EnginesShape, machine: Machine) -> EnginesShape:
    """The list with a verdict on every model of a local engine.

    Judged is each model by itself: the memory of models that are loaded now counts as free, because they
    make room. Elsewhere somebody else's machine does the work.
    """
    loaded = sum(
        model.memory_bytes or 0 for engine in shown.engines for model in engine.models if model.loaded
    )
    roomy = replace(machine, ram_free_bytes=min(machine.ram_total_bytes, machine.ram_free_bytes + loaded))
    engines = tuple(
        engine.model_copy(update={"models": tuple(_judged(engine, model, roomy) for model in engine.models)})
        for engine in shown.engines
    )
    return EnginesShape(engines=engines, machine=MachineShape(**asdict(machine)))


def _judged(engine: EngineShape, model: ModelShape, machine: Machine) -> ModelShape:
    if engine.where != "local":
        return model
    known = model.memory_bytes or model.need_bytes
    verdict = fit_named(model.name, machine, size_bytes=model.size_bytes, need_bytes=known)
    return model.model_copy(update={"fit": FitShape(**asdict(verdict))})
