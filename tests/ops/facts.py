"""A machine on which all is well."""

from __future__ import annotations

from inhouse.ops.doctor import EngineFact, Facts

GOOD = Facts(
    python=(3, 11),
    home="/srv/inhouse",
    home_mode=0o700,
    home_is_ours=True,
    server="",
    free_bytes=10**11,
    port=8484,
    port_holder="",
    ollama_port_holder="",
    tesseract="5.3.0",
    tesseract_languages=("eng", "osd", "rus"),
    wanted_languages=("rus", "eng"),
    engines=(EngineFact("ollama", "local", "up", 2, "", "yes", 0.4),),
    gpus=(),
    cloud_keys=(),
    cloud_allowed=False,
    missing_extras=(),
    database="ok",
    index="ok",
)
