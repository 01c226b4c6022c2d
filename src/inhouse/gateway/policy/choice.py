"""Layers 7 to 12: which model suits the task and the prompt, who has room for it, and what comes after."""

from __future__ import annotations

from inhouse.gateway.names import CLASSES, distance, matches, size_step
from inhouse.gateway.names_table import ModelClass
from inhouse.gateway.policy.route import Candidate, Question, TraceStep

__all__ = ["complexity", "errors", "load", "order", "post_hoc", "stronger_than", "task"]

UNWANTED = 50
"""Rank of a model that a task does not name; its distance from the task's class is added."""
ASSUMED_REQUEST_S = 5.0
"""How long a request takes on an engine of which that is not known."""
ASSUMED_LOAD_S = 20.0
LOAD_BYTES_PER_S = 1e9
"""A model of known size loads at the speed of a common SSD."""


def task(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """The models that suit the task, best first."""
    rule, name = question.task, question.facts.task
    step.inputs = (("task", name),)
    if question.meaning in ("exact", "alias"):
        step.said = "the model was named, the task does not matter"
        return left
    if rule is None or not rule.models:
        step.said = f"nothing is written about the task `{name}`"
        return left
    step.rule = f"task.{rule.name}"
    for each in left:
        question.fit[each.name] = _fit(each, rule.models, configured=rule.configured)
    least = min(question.fit.values())
    step.said = f"`{rule.name}` wants {', '.join(rule.models)}"
    if least >= UNWANTED:
        step.said += "; none of them is here, so the nearest"
    if len(set(question.fit.values())) > 1:
        question.because(f"suits the task `{rule.name}` best", mild=True)
    return left


def _fit(candidate: Candidate, models: tuple[str, ...], *, configured: bool) -> int:
    if candidate.chosen and not configured:
        return 0
    for index, name in enumerate(models):
        if name in CLASSES:
            if distance(_class(name), candidate.size, candidate.trades) == 0:
                return index
        elif matches(name, candidate.plain) or matches(name, candidate.full):
            return index
    last = models[-1]
    if last in CLASSES:
        return UNWANTED + distance(_class(last), candidate.size, candidate.trades)
    return UNWANTED


def _class(name: str) -> ModelClass:
    return next(each for each in CLASSES if each == name)


def complexity(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """A hard prompt goes to the strongest model that may take it, an easy one stays where it is."""
    score, rules = question.facts.complexity, question.rules
    if score is None:
        step.said = "nobody judged how hard the prompt is"
        return left
    shift = question.task.shift if question.task else 0.0
    score = min(1.0, max(0.0, score + shift))
    step.inputs = (("score", f"{score:.2f}"), ("hard from", f"{rules.hard_from:.2f}"))
    if score < rules.hard_from:
        step.rule, step.said = "complexity.easy", "not hard: nothing changes"
        return left
    step.rule = "complexity.hard"
    if question.meaning in ("exact", "alias"):
        step.said = "hard, but the model was named"
        return left
    if question.task is not None and not question.task.configured:
        question.fit.clear()
        question.mild.clear()
    for each in left:
        question.power[each.name] = 2 - size_step(each.size) if each.size else 1
    best = {place: _best(left, place, question) for place in ("local", "cloud")}
    if best["cloud"] < best["local"] and question.send(
        "cloud", "a hard prompt, and the cloud has a stronger model"
    ):
        step.said = "hard: the cloud has a stronger model"
    else:
        step.said = "hard: the strongest model first"
        if len(set(question.power.values())) > 1:
            question.because("a hard prompt: the strongest model first")
    return left


def _best(left: list[Candidate], place: str, question: Question) -> int:
    return min((question.power[each.name] for each in left if each.where == place), default=UNWANTED)


def load(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Wait for a free slot, load another model, or go elsewhere: whatever ends before the deadline."""
    word = question.facts.wishes.priority or "medium"
    deadline = question.rules.deadlines.get(word, 30.0)
    step.inputs = (("priority", word), ("may wait", f"{deadline:g} s"))
    waits: list[str] = []
    for each in left:
        seconds, why = _wait(each)
        if why:
            waits.append(f"{each.name}: {why}")
        if seconds > deadline:
            question.late[each.name] = seconds
    step.said = "; ".join(waits[:4]) or "nobody is known to be busy"
    local = [each for each in left if each.where == "local"]
    if not question.late or not local:
        return left
    step.rule = "load.wait"
    least = min(question.named.get(each.name, 0) for each in local)
    wanted = [each for each in local if question.named.get(each.name, 0) == least]
    if any(each.name not in question.late for each in wanted):
        question.because("others are busy or would have to load a model", mild=True)
        return left
    free = [each for each in left if each.where == "cloud" and each.name not in question.late]
    why = "local engines cannot begin in time"
    if free and word != "batch" and question.send("cloud", why):
        step.rule, step.said = "load.spill", f"{why}: {step.said}"
    return left


def _wait(candidate: Candidate) -> tuple[float, str]:
    """About how long until this model begins, and why; 0 where nothing is known."""
    state, model = candidate.engine.load, candidate.model
    seconds, said = 0.0, []
    queue = state.queue()
    if queue:
        each = state.request_s if state.request_s is not None else ASSUMED_REQUEST_S
        seconds += queue * each
        said.append(f"{queue} before it, about {queue * each:.0f} s")
    if model.loaded is False and candidate.where == "local":
        needs = state.load_s
        if needs is None:
            needs = model.size_bytes / LOAD_BYTES_PER_S if model.size_bytes else ASSUMED_LOAD_S
        seconds += needs
        said.append(f"has to be loaded, about {needs:.0f} s")
    return seconds, " and ".join(said)


def order(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Local before cloud unless a rule above said otherwise, then by kind; one model per engine."""
    kinds = {kind: index for index, kind in enumerate(question.rules.order)}
    named, late, fit, power = question.named, question.late, question.fit, question.power
    first = question.place or "local"

    def rank(each: Candidate) -> tuple[bool, int, float, int, int, int, int, int, str, int]:
        name = each.name
        return (
            each.where != first,
            named.get(name, 0),
            late.get(name, 0.0),
            fit.get(name, 0),
            power.get(name, 0),
            kinds.get(each.engine.kind, len(kinds)),
            each.engine.load.queue() or 0,
            each.engine.load.busy(),
            each.engine.name,
            each.place,
        )

    question.ranked = sorted(left, key=rank) if len(left) > 1 else list(left)
    best: dict[str, Candidate] = {}
    embeds = "embed" in question.facts.needs
    for each in question.ranked:
        # Vectors of two models cannot be compared: only the same model may take over.
        if not embeds or each.plain == question.ranked[0].plain:
            best.setdefault(each.engine.name, each)
    step.rule, step.inputs = f"order.{first}", (("first", first),)
    step.said = " > ".join(each.name for each in best.values())
    return list(best.values())


def post_hoc(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """What happens when the answer turns out weak; carried out after it is there."""
    rules, stronger = question.rules, stronger_than(left[0], question)
    step.rule = "post_hoc.thresholds"
    step.inputs = (("accept", f"{rules.accept:.2f}"), ("escalate below", f"{rules.escalate_below:.2f}"))
    if question.meaning == "exact":
        step.said = "the model was named: nobody else is asked afterwards"
    elif stronger is None:
        step.said = "nobody stronger may be asked"
    elif rules.post_hoc:
        step.said = (
            f"an answer that is read whole and has confidence below {rules.escalate_below:.2f} is asked again"
            f" of {stronger.name}"
        )
    else:
        step.said = (
            f"single answers are not judged (strategies.post_hoc); a cascade would ask {stronger.name}"
        )
    return left


def stronger_than(first: Candidate, question: Question) -> Candidate | None:
    """The strongest other candidate: larger than the first, or as large and in the cloud."""
    if question.meaning == "exact" or "embed" in question.facts.needs:
        return None
    own = size_step(first.size or "medium")
    best: Candidate | None = None
    for each in question.ranked:
        step = size_step(each.size or "medium")
        larger = step > own or (step == own and first.where == "local" and each.where == "cloud")
        if larger and (best is None or step > size_step(best.size or "medium")):
            best = each
    return best


def errors(left: list[Candidate], question: Question, step: TraceStep) -> list[Candidate]:
    """Who is asked when an engine fails before its first word, and how often the same one again."""
    most = max(1, question.rules.max_attempts)
    step.rule, step.inputs = (
        "errors.attempts",
        (("attempts", str(most)), ("retries", str(question.rules.retries))),
    )
    rest = ", then ".join(each.name for each in left[1:most])
    step.said = f"before the first word a failure goes to {rest}" if rest else "there is nobody else to ask"
    return left[:most]
