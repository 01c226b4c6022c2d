"""Log lines: JSON into a rotating file, a readable form to stderr.

One process writes a log file: the one that holds the home. Values given to `structlog.get_logger()` and
records of the standard library end in the same two places, after the same redaction.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from inhouse.ops.redact import redact

# For tracebacks in colours structlog loads rich where some other package brought it: 70 ms and 6 MB of every
# start, for what is never drawn here, as `format_exc_info` has made them text before. It must not find it.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # what Python itself takes for "is not there"
import structlog  # noqa: E402  not before rich is hidden

del sys.modules["rich"]
if _rich is not None:
    sys.modules["rich"] = _rich

__all__ = ["LogChoices", "start_logging"]

_OURS = "inhouse"


@dataclass(frozen=True, slots=True)
class LogChoices:
    """`file` is None when nothing is to be written to disk. `secrets` are never written anywhere."""

    level: str = "info"
    stderr_level: str = "warning"
    file: Path | None = None
    max_bytes: int = 10_000_000
    keep: int = 5
    secrets: Collection[str] = field(default=(), repr=False)


def start_logging(choices: LogChoices) -> None:
    """Send all log lines of this process where `choices` says; a second call replaces the first."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        _Redaction(choices.secrets),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    # stderr is looked up at each line, so that a test or a redirection in between is heeded.
    readable = logging.StreamHandler(sys.stderr)
    readable.setLevel(choices.stderr_level.upper())
    readable.setFormatter(_formatter(structlog.dev.ConsoleRenderer(colors=colours), shared))
    handlers: list[logging.Handler] = [readable]
    if choices.file is not None:
        handlers.append(_file_handler(choices.file, choices, shared))
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.name == _OURS]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.name = _OURS
        root.addHandler(handler)
    root.setLevel(choices.level.upper())


def _file_handler(
    path: Path, choices: LogChoices, shared: list[structlog.types.Processor]
) -> logging.Handler:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=choices.max_bytes, backupCount=choices.keep, encoding="utf-8"
    )
    handler.setLevel(choices.level.upper())
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer(ensure_ascii=False), shared))
    return handler


def _formatter(
    renderer: structlog.types.Processor, shared: list[structlog.types.Processor]
) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        foreign_pre_chain=shared,
    )


class _Redaction:
    """The last step before a line is written."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = tuple(secrets)

    def __call__(
        self, _logger: object, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        kept = {name: value for name, value in event.items() if name.startswith("_")}
        shown = redact({name: value for name, value in event.items() if name not in kept}, self._secrets)
        return {**shown, **kept}
