"""Logs of this process, and who holds a port."""

from __future__ import annotations

from msgspec.structs import asdict

from inhouse.config import Home, Loaded
from inhouse.ops.edge import logs

__all__ = ["port_holder", "start_logging"]


def start_logging(loaded: Loaded, home: Home | None, *, serving: bool) -> None:
    """Log to stderr, and to the home's rotating file when there is a home to write to."""
    chosen = loaded.settings.logs
    references = asdict(loaded.settings.secrets).values()
    secrets = [secret for reference in references if (secret := loaded.secret(reference))]
    logs.start_logging(
        logs.LogChoices(
            level=chosen.level,
            stderr_level="info" if serving and chosen.level == "debug" else "warning",
            file=home.logs / "inhouse.log" if home else None,
            max_bytes=chosen.max_mb * 1_000_000,
            keep=chosen.keep,
            secrets=tuple(secrets),
        )
    )


def port_holder(port: int) -> str | None:
    """Who listens on that port of this machine, None when nobody does."""
    # Only where a port is taken: what tells about the machine takes 15 ms to load.
    from inhouse.ops.edge import probes

    return probes.port_holder(port) or None
