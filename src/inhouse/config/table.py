"""The table of settings: name, type, default, unit and why. Everything else about them is derived.

A setting `section.name` is set in `$INHOUSE_HOME/inhouse.toml` under `[section]`, or by the environment
variable `INHOUSE_SECTION_NAME`; `ALIASES` are names that other programs already use. A secret is never
a value here, only a reference to where it stands.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from inhouse.config.money import BudgetEntry, HardwareEntry, MoneySection, PriceEntry, RateEntry
from inhouse.config.routing import AliasEntry, RouteEntry, Routing, TaskEntry
from inhouse.config.section import Section as _Section
from inhouse.config.section import needed as _needed
from inhouse.config.section import setting as _setting

__all__ = ["ALIASES", "EngineEntry", "Secrets", "Settings", "env_name"]

ALIASES = {
    "engines.ollama_url": "OLLAMA_URL",
    "routing.local": "USE_LOCAL_LLM",
}
"""Setting -> the environment variable that earlier plans gave it; `INHOUSE_…` wins over it."""

ENGINE_ORDER = ("mlx", "ollama", "vllm", "sglang", "llama.cpp", "lmstudio", "openai", "embedded")


def env_name(name: str) -> str:
    """`server.port` -> `INHOUSE_SERVER_PORT`."""
    return "INHOUSE_" + name.replace(".", "_").upper()


_ORIGIN = r"^https?://[^/\s*]+$"
_URL = r"^https?://[^\s]+$"


class Server(_Section):
    host: str = _setting(
        "127.0.0.1",
        "address to listen on; any but this machine's own needs `server.expose` and at least one API key",
    )
    expose: bool = _setting(
        False,
        "let other machines reach the wire surfaces (/v1, /v1beta, /api), each caller with an API key; the"
        " pages and /app stay for this machine: until people can sign in, they show every document",
    )
    port: int = _setting(8484, "port to listen on; 0 takes any free one", ge=0, le=65535)
    ollama_port: int = _setting(
        11434,
        "second port, where Ollama's clients look; 0 opens none. Taken by another program it is noted,"
        " unless it was set; with server.port 0 it is opened only when it was set",
        ge=0,
        le=65535,
    )
    max_body_mb: int = _setting(
        4, "largest request body, uploads apart; a question needs far less", "MB", ge=1, le=1024
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "names accepted in the Host header beside 127.0.0.1, localhost and [::1], against DNS rebinding;"
        " programs in containers may call the wire surfaces of host.docker.internal unasked",
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        "pages of these exact origins, e.g. https://app.example.com, may call the wire surfaces from a"
        " browser; `*` is refused: any page a person opens could then use this machine's models",
        pattern=_ORIGIN,
    )
    keyless: tuple[Literal["chat", "embed", "models", "pull", "documents", "usage", "admin"], ...] = _setting(
        ("chat", "embed", "models"),
        "what a program on this machine may do on the wire surfaces without an API key; [] asks it for one."
        " The default lets existing clients work unchanged, and none of them fetch or remove models",
    )
    keyless_cloud: Literal["auto", "true", "false"] = _setting(
        "auto",
        "let programs without a key use cloud engines, once `cloud.allowed` says so for the house; `auto`:"
        " until the first API key is made, for from then on it matters who pays",
    )


class LimitsSection(_Section):
    in_flight: int = _setting(
        300,
        "requests to the wire surfaces that are inside at once; the next is told to come again (429) before"
        " its body is read, so that a crowd cannot fill the memory",
        "requests",
        ge=1,
        le=100_000,
    )
    requests_per_minute: int = _setting(
        0,
        "for each key that has no limit of its own, and for all callers without a key together; 0 is none",
        ge=0,
    )
    tokens_per_minute: int = _setting(
        0, "the same in tokens, prompt and answer, counted when the answer ends; 0 is none", "tokens", ge=0
    )
    streams: int = _setting(0, "the same in answers under way at once; 0 is none", "answers", ge=0)
    house_requests_per_minute: int = _setting(0, "for all callers together; 0 is none", ge=0)
    house_tokens_per_minute: int = _setting(0, "for all callers together; 0 is none", "tokens", ge=0)
    repeat_s: int = _setting(
        600,
        "how long the reply to an Idempotency-Key is given again; 0 switches it off",
        "s",
        ge=0,
        le=86_400,
    )
    repeat_mb: int = _setting(32, "memory for such replies; the oldest go first", "MB", ge=1, le=10_000)


class CacheSection(_Section):
    replies: Literal["off", "asked", "on"] = _setting(
        "asked",
        "give the same reply to the same request: never; for requests with `x-inhouse-cache: on`; or for all"
        " but those with `off`. Only where chance plays no part (temperature 0 or a seed), never for answers"
        " from documents, and only within one team or user. Kept in memory, never on disk",
    )
    ttl_s: int = _setting(3600, "how long a reply stays good", "s", ge=1, le=2_592_000)
    max_mb: int = _setting(64, "memory for such replies; what was not used longest goes first", "MB", ge=1)


class StrategiesSection(_Section):
    """Answers that several models make, asked for by `x-inhouse-strategy` or `inhouse/cascade`."""

    draft_model: str = _setting("", "model that drafts in a cascade; empty: the routing chooses")
    refine_model: str = _setting("", "model that refines or joins answers; empty: the routing chooses")
    opinions: int = _setting(3, "models asked for a consensus", "models", ge=2, le=9)
    samples: int = _setting(
        0, "further drafts of a short answer, for their agreement; each costs a request", "drafts", ge=0, le=9
    )
    max_seconds: float = _setting(120.0, "longest time until the last model begins to answer", "s", gt=0)
    max_cost_micros: int = _setting(
        0, "most that all steps of one answer may cost; 0 is no cap", "micro-units", ge=0
    )
    post_hoc: bool = _setting(
        False, "judge single answers that are read whole, too, and ask again below routing.escalate_below"
    )


class Logs(_Section):
    level: Literal["debug", "info", "warning", "error"] = _setting("info", "least important line to keep")
    max_mb: int = _setting(10, "size at which logs/inhouse.log is put aside", "MB", ge=1, le=10_000)
    keep: int = _setting(5, "how many log files put aside are kept", "files", ge=0, le=1000)


class IngestSection(_Section):
    max_file_mb: int = _setting(100, "larger files are refused, with their reason", "MB", ge=1, le=100_000)
    max_text_chars: int = _setting(
        20_000_000, "a document with more text is refused; guards against bombs", "characters", ge=1000
    )
    parse_timeout_s: int = _setting(120, "a parser that takes longer is ended", "s", ge=1, le=86_400)
    parse_memory_mb: int = _setting(1500, "a parser that takes more memory is ended", "MB", ge=128)
    workers: int = _setting(0, "parsers at work at once; 0 chooses by cores", "processes", ge=0, le=256)
    ocr: Literal["auto", "off"] = _setting("auto", "read scans when tesseract is installed")
    ocr_languages: str = _setting("rus+eng", "languages tesseract looks for", min_length=3)
    undo_hours: int = _setting(
        72,
        "how long a mass deletion can be undone; its documents are invisible at once and removed for good"
        " after this time; 0 removes them at once",
        "h",
        ge=0,
        le=8_760,
    )


class SourcesSection(_Section):
    private_hosts: tuple[str, ...] = _setting(
        (),
        "exact `host:port` pairs inside the company's own network that web sources may read, e.g."
        " intranet.example.com:443; without them a web source reaches public addresses only, on 80 and 443."
        " Where clouds hand out a machine's keys can never be named",
        pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$",
    )


class RetrievalSection(_Section):
    chunk_chars: int = _setting(
        1500,
        "a section is one passage up to this length; another value cuts all documents anew at the next start",
        "characters",
        ge=200,
        le=20_000,
    )
    overlap_sentences: int = _setting(
        0, "sentences before a passage that help to find it and are never quoted with it", ge=0, le=5
    )
    headings: bool = _setting(True, "let the headings above a passage help to find it")
    window_weight: float = _setting(
        0.8, "what words of the question within one sentence count beside BM25", ge=0, le=5
    )
    closeness_weight: float = _setting(
        0.5, "what neighbours of the question near each other count", ge=0, le=5
    )
    anywhere_weight: float = _setting(0.3, "what words in title and headings count", ge=0, le=5)
    embedding_model: str = _setting(
        "",
        "model that turns documents and questions into vectors, as an engine of the house lists it, e.g."
        " bge-m3; empty: words only. Made in the background, used per language after a check on your texts",
    )
    embedding_query_prefix: str = _setting(
        "", "what the model wants before a question, e.g. `query: ` for the E5 family; bge-m3 wants nothing"
    )
    embedding_passage_prefix: str = _setting(
        "", "what the model wants before a passage, e.g. `passage: `; another one embeds everything anew"
    )
    embedding_batch: int = _setting(
        16,
        "texts sent at once; more is faster, and makes a question wait longer behind them",
        "texts",
        ge=1,
        le=512,
    )
    embedding_timeout_s: float = _setting(
        2.0, "a question whose vector is not there in this time is answered by words alone", "s", gt=0, le=60
    )
    vectors: Literal["files", "chroma"] = _setting(
        "files",
        "where vectors are kept: `files` searches exactly, in memory-mapped files of the home; `chroma` in a"
        " Chroma store, approximate, for houses that run one (pip install 'inhouse[chroma]')",
    )
    chroma_url: str = _setting(
        "",
        "Chroma server for `chroma` above, e.g. http://127.0.0.1:8000; empty: a store in the home",
        pattern=r"^(https?://[^\s]+)?$",
    )
    rerank_url: str = _setting(
        "",
        "server that judges the first passages anew, e.g. http://127.0.0.1:8012; empty: none. Used per"
        " language after a check on your documents, and never waited for longer than its time",
        pattern=r"^(https?://[^\s]+)?$",
    )
    rerank_model: str = _setting("", "model named to that server, e.g. bge-reranker-v2-m3; some need none")
    rerank_form: Literal["cohere", "tei"] = _setting(
        "cohere", "what it speaks: `cohere` (llama.cpp, vLLM, Infinity, Jina), or `tei` for TEI's own form"
    )
    rerank_candidates: int = _setting(
        30, "passages that are judged; each costs the server's time", "passages", ge=2, le=200
    )
    rerank_timeout_s: float = _setting(
        2.0, "a judgement that is not there in this time leaves the order as it was", "s", gt=0, le=60
    )
    cloud: bool = _setting(
        False,
        "let passages of documents be sent to a cloud engine for vectors and to a reranker that is not in the"
        " house; `cloud.allowed` must say so, too",
    )
    per_document: int = _setting(
        3,
        "places of ten that one document may take while others have something to show",
        "places",
        ge=1,
        le=10,
    )


class AnswersSection(_Section):
    use_model: Literal["auto", "never"] = _setting(
        "auto", "let a model write the answer when one is there; `never` answers with quotes only"
    )
    max_passages: int = _setting(5, "passages an answer is made from", "passages", ge=1, le=20)
    allow_demo_model: bool = _setting(
        False, "let the demo model write answers; it shows the plumbing, it knows nothing"
    )
    prompts: str = _setting(
        "",
        "folder with prompts of your own (answer.ru.txt, …) in place of ours; empty: `prompts` in the home",
    )
    rewrite: bool = _setting(
        True,
        "let a ready model put a question that leans on earlier ones into words that stand alone, before the"
        " search; without a model, rules find what it leans on",
    )
    max_question_chars: int = _setting(20_000, "longest question", "characters", ge=1, le=20_000)


class Engines(_Section):
    probe_local_ports: bool = _setting(True, "look for engines on their usual ports of this machine")
    probe_interval_s: int = _setting(15, "time between two looks at the engines", "s", ge=1, le=3600)
    ollama_url: str = _setting("http://127.0.0.1:11434", "where Ollama answers", pattern=_URL)
    embedded: str = _setting("demo", "engine inside inhouse: `demo`, `off`, or the path of a GGUF file")
    embedded_context_tokens: int = _setting(
        2048, "context of the embedded engine; more needs more memory", "tokens", ge=256
    )
    embedded_memory_mb: int = _setting(
        0,
        "most memory for all models of the embedded engine together; 0 takes what is free",
        "MB",
        ge=0,
    )
    embedded_parallel: int = _setting(
        1, "requests that one embedded model serves at once, each with a context of its own", ge=1, le=64
    )
    embedded_threads: int = _setting(
        0, "threads of one embedded model; 0 is one less than there are cores", "threads", ge=0, le=1024
    )
    embedded_gpu: bool = _setting(True, "let the embedded engine use a GPU where its build can")
    embedded_make_do: bool = _setting(
        True,
        "an embedded model that does not fit runs with less context, as a smaller variant of its name, or"
        " without the GPU, and the receipt says so; false: as asked or not at all",
    )
    keep_alive_s: float = _setting(
        300.0,
        "how long an embedded model stays loaded after its last answer, unless the request says otherwise;"
        " negative: until its memory is needed",
        "s",
    )
    load_timeout_s: float = _setting(120.0, "longest time that an embedded model may take to load", "s", gt=0)
    keep_warm: tuple[str, ...] = _setting(
        (), "models that are loaded at the start and kept, as `model` or `engine/model`; Ollama and embedded"
    )
    learn_warm: bool = _setting(
        True,
        "load a model shortly before the hour in which it was used on three or more of the last 14 days",
    )
    mlx_models: str = _setting(
        "", "folder of MLX models, each in a folder of its own; starts and watches an mlx_lm.server for them"
    )
    connect_timeout_s: float = _setting(2.0, "longest wait for a connection to an engine", "s", gt=0)
    first_event_timeout_s: float = _setting(
        60.0, "longest wait for the first word; a cold model loads in that time", "s", gt=0
    )
    idle_timeout_s: float = _setting(30.0, "longest silence in the middle of an answer", "s", gt=0)
    total_timeout_s: float = _setting(600.0, "longest answer", "s", gt=0)
    whole_timeout_s: float = _setting(
        300.0, "longest wait for an answer that is asked for in one piece: it gives no sign before", "s", gt=0
    )
    proxy: str = _setting(
        "",
        "proxy to engines outside of the house, e.g. http://proxy.lan:3128; the environment's is not used",
        pattern=r"^(https?://[^\s]+)?$",
    )
    ca_file: str = _setting(
        "", "PEM file of the authorities that engines' certificates are checked by; empty: the system's"
    )
    order: tuple[str, ...] = _setting(
        ENGINE_ORDER, "which kind of local engine is asked first; cloud is last"
    )


class Cloud(_Section):
    allowed: bool = _setting(
        False, "let text leave the house to cloud engines; a key in the environment is not consent"
    )
    anthropic_url: str = _setting(
        "https://api.anthropic.com", "where Anthropic answers; another address for a proxy", pattern=_URL
    )
    gemini_url: str = _setting(
        "https://generativelanguage.googleapis.com", "where Gemini answers", pattern=_URL
    )
    openai_url: str = _setting("https://api.openai.com/v1", "where OpenAI answers", pattern=_URL)
    anthropic_model: str = _setting(
        "", "model of Anthropic for requests that name none; without it only those that name one go there"
    )
    gemini_model: str = _setting("", "model of Gemini for requests that name none")
    openai_model: str = _setting("", "model of OpenAI for requests that name none")


_REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*(,[A-Za-z_][A-Za-z0-9_]*)*|file:.+)$"


class Secrets(_Section):
    """Each is `env:NAME` (or `env:NAME,NAME`, the first that is set) or `file:PATH`."""

    anthropic_api_key: str = _setting(
        "env:ANTHROPIC_API_KEY", "where the key of Anthropic stands", pattern=_REFERENCE
    )
    gemini_api_key: str = _setting(
        "env:GEMINI_API_KEY,GOOGLE_API_KEY", "where the key of Gemini stands", pattern=_REFERENCE
    )
    openai_api_key: str = _setting("env:OPENAI_API_KEY", "where the key of OpenAI stands", pattern=_REFERENCE)
    rerank_api_key: str = _setting(
        "env:RERANK_API_KEY", "where the key of the server in retrieval.rerank_url stands", pattern=_REFERENCE
    )


class EngineEntry(_Section):
    """An engine that is not found by looking: one `[[engine]]` block each in `inhouse.toml`."""

    name: str = _needed("name shown in receipts", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    kind: Literal["openai", "ollama"] = _needed("protocol it speaks")
    url: str = _needed("base address, e.g. http://10.0.0.5:8000/v1", pattern=_URL)
    profile: str = _setting("", "capability profile: llama.cpp, mlx, vllm, sglang, lmstudio or openai")
    model: str | None = _setting(None, "model to use; without it the first one it lists")
    api_key_env: str | None = _setting(None, "environment variable that holds its key")
    where: Literal["local", "cloud"] | None = _setting(
        None,
        "whether text sent to it stays in the house; without it the address tells: loopback, private networks"
        " and names such as `gpu` or `gpu.lan` are local, all others cloud, as is a machine paid by the hour",
    )
    prices: str = _setting(
        "", "vendor whose price list holds for it, e.g. openai; without it its kind or address tells"
    )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, validated. Frozen: a change means a restart."""

    server: Server = Server()
    limits: LimitsSection = LimitsSection()
    cache: CacheSection = CacheSection()
    logs: Logs = Logs()
    strategies: StrategiesSection = StrategiesSection()
    ingest: IngestSection = IngestSection()
    sources: SourcesSection = SourcesSection()
    retrieval: RetrievalSection = RetrievalSection()
    answers: AnswersSection = AnswersSection()
    engines: Engines = Engines()
    cloud: Cloud = Cloud()
    routing: Routing = Routing()
    money: MoneySection = MoneySection()
    secrets: Secrets = Secrets()
    engine: tuple[EngineEntry, ...] = ()
    task: tuple[TaskEntry, ...] = ()
    alias: tuple[AliasEntry, ...] = ()
    route: tuple[RouteEntry, ...] = ()
    price: tuple[PriceEntry, ...] = ()
    budget: tuple[BudgetEntry, ...] = ()
    rate: tuple[RateEntry, ...] = ()
    hardware: tuple[HardwareEntry, ...] = ()
