"""Settings: sources, their order, and what a wrong one says."""

from __future__ import annotations

import os
import resource
from decimal import Decimal
from pathlib import Path

import pytest

from inhouse.config import Home, Loaded, default_root, load, open_home, show
from inhouse.config.table import env_name
from inhouse.config.values import expected, names
from inhouse.kernel.errors import BadRequest, HomeUnusable


def read(tmp_path: Path, *, toml: str = "", dotenv: str = "", **environment: str) -> Loaded:
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "inhouse.toml").write_text(toml, "utf-8")
    (tmp_path / ".env").write_text(dotenv, "utf-8")
    return load(tmp_path / "home", environment=environment, folder=tmp_path)


def origin(loaded: Loaded, name: str) -> str:
    return next(row.origin for row in show(loaded) if row.name == name)


def test_defaults_need_no_source(tmp_path: Path) -> None:
    """Without any file or variable everything has its default and says so."""
    loaded = load(tmp_path / "absent", environment={}, folder=tmp_path)
    assert loaded.settings.server.port == 8484
    assert {row.origin for row in show(loaded)} == {"default"}


def test_later_sources_win(tmp_path: Path) -> None:
    """defaults < inhouse.toml < .env < environment < command line."""
    toml = "[server]\nport = 1001\n[logs]\nkeep = 1\nmax_mb = 1\n[ingest]\nworkers = 1\n"
    dotenv = "INHOUSE_LOGS_KEEP=2\nexport INHOUSE_LOGS_MAX_MB='2' # why\nINHOUSE_INGEST_WORKERS=2\n"
    (tmp_path / "inhouse.toml").write_text(toml)
    (tmp_path / ".env").write_text(dotenv)
    loaded = load(
        tmp_path,
        environment={"INHOUSE_LOGS_MAX_MB": "3", "INHOUSE_INGEST_WORKERS": "3"},
        folder=tmp_path,
        overrides={"ingest.workers": ("4", "--workers")},
    )
    settings = loaded.settings
    assert (settings.server.port, settings.logs.keep) == (1001, 2)
    assert (settings.logs.max_mb, settings.ingest.workers) == (3, 4)
    assert origin(loaded, "server.port") == "inhouse.toml"
    assert origin(loaded, "logs.keep") == ".env INHOUSE_LOGS_KEEP"
    assert origin(loaded, "logs.max_mb") == "env INHOUSE_LOGS_MAX_MB"
    assert origin(loaded, "ingest.workers") == "--workers"


@pytest.mark.parametrize(
    ("toml", "environment", "words"),
    [
        ("[server]\nprot = 1\n", {}, "server.port"),
        ("[sever]\nport = 1\n", {}, "server"),
        ("", {"INHOUSE_SERVER_PROT": "1"}, "INHOUSE_SERVER_PORT"),
        ("[server]\nport = 'many'\n", {}, "server.port = 'many' from inhouse.toml"),
        ("", {"INHOUSE_SERVER_PORT": "70000"}, "a whole number from 0 to 65535"),
        ("[ingest]\nocr = 'maybe'\n", {}, "one of auto, off"),
        (
            "[server]\ncors_origins = ['*']\n",
            {},
            "`*` is refused, for any page that a person opens could then use this machine's models",
        ),
        ("", {"OLLAMA_URL": "gpu:11434"}, "OLLAMA_URL is wrong: expected text, http:// or https:// first"),
        ("[money]\ncurrency = 'dollar'\n", {}, "expected text like USD"),
        ("[server]\nport = true\n", {}, "server.port = True from inhouse.toml"),
        ("[engines]\nconnect_timeout_s = nan\n", {}, "a number above 0"),
        ("[server]\nallowed_hosts = 'ai'\n", {}, "a list of names"),
        ("[ingest]\nocr_languages = 'en'\n", {}, "expected text"),
        ("[answers\n", {}, "not valid TOML"),
        ("server = 3\n", {}, "must be a section"),
        ("[[engine]]\nname = 'a'\nkind = 'telepathy'\nurl = 'http://x'\n", {}, "[[engine]] number 1, `kind`"),
        ("[[engine]]\nname = 'a'\nkind = 'openai'\nurl = 'http://x'\nurls = 1\n", {}, "`urls`"),
        ("[[engine]]\nname = 'a'\nkind = 'openai'\nurl = 'gpu'\n", {}, "`url`: expected text, http://"),
        ("[[engine]]\nname = 'a b'\nkind = 'openai'\nurl = 'http://x'\n", {}, "that fits ^[A-Za-z0-9]"),
        ("[[engine]]\nname = 'a'\nkind = 'openai'\n", {}, "[[engine]] number 1, `url`: it is needed"),
        ("engine = [1]\n", {}, "[[engine]] number 1: expected settings"),
        ("[[alias]]\nname = 'a'\nmodels = []\n", {}, "[[alias]] number 1, `models`"),
    ],
)
def test_a_wrong_source_is_named(tmp_path: Path, toml: str, environment: dict[str, str], words: str) -> None:
    """The error names the key, the value, the origin and the nearest or the expected."""
    with pytest.raises(BadRequest) as caught:
        read(tmp_path, toml=toml, **environment)
    assert words in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_only_loopback_is_listened_on(tmp_path: Path, host: str) -> None:
    """Any other address is refused until the administrator exposes the server in so many words."""
    with pytest.raises(BadRequest, match="other machines could reach it"):
        read(tmp_path, toml=f"[server]\nhost = '{host}'\n")
    exposed = read(tmp_path, toml=f"[server]\nhost = '{host}'\nexpose = true\n")
    assert exposed.settings.server.host == host


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "example.com", "https://a.example/", ""])
def test_origins_are_exact(tmp_path: Path, origin: str) -> None:
    """No pattern, no path, no bare name: a browser sends scheme, host and port."""
    with pytest.raises(BadRequest, match=r"server\.cors_origins"):
        read(tmp_path, toml=f"[server]\ncors_origins = ['{origin}']\n")
    with pytest.raises(BadRequest) as refused:
        read(tmp_path, toml=f"[server]\ncors_origins = ['{origin}']\n")
    assert ("`*` is refused, for any page" in refused.value.message) is ("*" in origin)
    assert "https://app.example.com" in refused.value.hint
    good = "[server]\ncors_origins = ['https://a.example', 'http://localhost:5173']\n"
    assert len(read(tmp_path, toml=good).settings.server.cors_origins) == 2


def test_rights_without_a_key(tmp_path: Path) -> None:
    """Asking models, and nothing that changes anything; an unknown right is an error; none is possible."""
    assert read(tmp_path).settings.server.keyless == ("chat", "embed", "models")
    assert read(tmp_path, toml="[server]\nkeyless = []\n").settings.server.keyless == ()
    with pytest.raises(BadRequest, match=r"server\.keyless"):
        read(tmp_path, toml="[server]\nkeyless = ['root']\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_accepted(tmp_path: Path, host: str) -> None:
    """The control of the test above."""
    assert read(tmp_path, toml=f"[server]\nhost = '{host}'\n").settings.server.host == host


def test_names_of_the_plans(tmp_path: Path) -> None:
    """OLLAMA_URL and USE_LOCAL_LLM are read; our own names win over them."""
    loaded = read(tmp_path, OLLAMA_URL="http://gpu:11434", USE_LOCAL_LLM="1")
    assert loaded.settings.engines.ollama_url == "http://gpu:11434"
    assert loaded.settings.routing.local == "true"
    assert origin(loaded, "engines.ollama_url") == "env OLLAMA_URL"
    both = read(tmp_path, OLLAMA_URL="http://a", INHOUSE_ENGINES_OLLAMA_URL="http://b")
    assert both.settings.engines.ollama_url == "http://b"


def test_secrets_are_found_and_never_shown(tmp_path: Path) -> None:
    """A key in the environment or in .env is known by its name only, and is not consent."""
    canary = "sk-canary-4711"
    loaded = read(tmp_path, dotenv=f"ANTHROPIC_API_KEY={canary}\n", GOOGLE_API_KEY=canary)
    assert loaded.cloud_keys() == ("anthropic_api_key", "gemini_api_key")
    assert loaded.secret(loaded.settings.secrets.gemini_api_key) == canary
    assert loaded.settings.cloud.allowed is False
    assert canary not in repr(loaded) + repr(show(loaded))
    assert origin(loaded, "secrets.gemini_api_key") == "env GOOGLE_API_KEY"


def test_a_secret_is_not_a_value(tmp_path: Path) -> None:
    """A key written into the settings is refused without being repeated."""
    with pytest.raises(BadRequest) as caught:
        read(tmp_path, toml="[secrets]\nopenai_api_key = 'sk-canary-4711'\n")
    assert "sk-canary" not in str(caught.value)
    assert "env:NAME" in str(caught.value)


def test_a_secret_can_stand_in_a_file(tmp_path: Path) -> None:
    """`file:PATH` is read; a missing file is a missing key."""
    key = tmp_path / "key"
    key.write_text("sk-1\n")
    loaded = read(tmp_path, toml=f"[secrets]\nopenai_api_key = 'file:{key}'\n")
    assert loaded.secret(loaded.settings.secrets.openai_api_key) == "sk-1"
    key.unlink()
    assert loaded.secret(loaded.settings.secrets.openai_api_key) is None


def test_lists_come_from_variables_too(tmp_path: Path) -> None:
    """Names are separated by commas."""
    loaded = read(tmp_path, INHOUSE_SERVER_ALLOWED_HOSTS="ai.local, ai")
    assert loaded.settings.server.allowed_hosts == ("ai.local", "ai")


@pytest.mark.parametrize(
    ("setting", "written", "value"),
    [
        ("server.port", " 8484 ", 8484),
        ("server.expose", "Yes", True),
        ("server.expose", "0", False),
        ("server.keyless_cloud", "On", "true"),
        ("engines.connect_timeout_s", "2", 2.0),
        ("money.electricity_kwh", "0.10", Decimal("0.10")),
    ],
)
def test_text_counts_as_what_it_spells(tmp_path: Path, setting: str, written: str, value: object) -> None:
    """A variable has text only: numbers, amounts and words for yes and no are read from it."""
    section, key = setting.split(".")
    loaded = read(tmp_path, **{env_name(setting): written})
    assert repr(getattr(getattr(loaded.settings, section), key)) == repr(value)


def test_other_programs_variables_do_not_matter(tmp_path: Path) -> None:
    """Only names that begin with INHOUSE_ are ours to judge; an empty one is not set."""
    loaded = read(tmp_path, dotenv="PORT=1\nnonsense\n", INHOUSE_SERVER_PORT="", PATH="/bin")
    assert loaded.settings.server.port == 8484


def test_every_setting_says_what_it_is() -> None:
    """Name, variable and expectation exist for each row of the table."""
    for name in names():
        assert expected(name)
        assert env_name(name).startswith("INHOUSE_")


def test_where_the_home_is() -> None:
    """INHOUSE_HOME, else the place of the system."""
    assert default_root({"INHOUSE_HOME": "/srv/ai"}) == Path("/srv/ai")
    assert default_root({"XDG_DATA_HOME": "/d"}, "linux") == Path("/d/inhouse")
    assert default_root({}, "darwin").parts[-3:] == ("Library", "Application Support", "inhouse")
    with pytest.raises(HomeUnusable, match="no folder of its own"):
        default_root({"INHOUSE_HOME": "~no-such-user-here/ai"})


def test_a_home_is_private(tmp_path: Path) -> None:
    """Folders are made for their owner only; opening twice changes nothing."""
    for _ in range(2):
        home = open_home(tmp_path / "deep" / "home")
    assert home == Home(tmp_path / "deep" / "home")
    assert {path.stat().st_mode & 0o777 for path in (home.root, home.state, home.logs)} == {0o700}
    assert list(home.state.iterdir()) == []


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The message names the path, the hint the way out."""
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeUnusable, match="is not a folder") as caught:
        open_home(tmp_path / "home")
    assert caught.value.exit_code == 3
    assert "INHOUSE_HOME" in caught.value.hint


def test_a_disk_that_takes_no_bytes_is_told_without_a_file_name(tmp_path: Path) -> None:
    """A write that fails names no file, unlike one that cannot be opened; so on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(HomeUnusable, match=r"cannot be used: File too large\. hint"):
            open_home(tmp_path / "home")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    open_home(tmp_path / "home")


def test_a_home_that_cannot_be_written_is_refused() -> None:
    """A file system that takes no files (here /proc) is named, not a traceback."""
    if os.uname().sysname != "Linux":
        return
    with pytest.raises(HomeUnusable, match="/proc/inhouse"):
        open_home(Path("/proc/inhouse"))
