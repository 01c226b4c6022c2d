"""The rules in force follow their files, and the switch; what is wrong changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.compose.routing import names_nobody_has, open_rulebook, rules_of
from inhouse.config import Home, Loaded, load
from inhouse.gateway.edge.rulebook import Rulebook
from inhouse.gateway.fleet import Engine, Fleet, Model
from inhouse.kernel.errors import BadRequest, HomeUnusable


def home_of(folder: Path) -> Home:
    """An empty home with its state folder."""
    home = Home(folder / "home")
    home.state.mkdir(parents=True)
    return home


def loaded_of(home: Home, text: str = "", environment: Mapping[str, str] | None = None) -> Loaded:
    """The settings of a home whose `inhouse.toml` holds this text."""
    home.settings_file.write_text(text, "utf-8")
    return load(home.root, environment=environment or {}, folder=home.state)


def write(home: Home, text: str, age: int) -> None:
    """Write the settings as if `age` seconds had passed, so that the clock's steps do not matter."""
    home.settings_file.write_text(text, "utf-8")
    os.utime(home.settings_file, (age, age))


async def test_new_settings_count_without_a_restart(tmp_path: Path) -> None:
    """A changed file is read; an unchanged one gives the very same rules."""
    home = home_of(tmp_path)
    book = open_rulebook(loaded_of(home), home)
    before = book.rules()
    assert await book.refresh() is False
    assert book.rules() is before
    write(home, '[cloud]\nallowed = true\n[routing]\nlocal = "force"\n', 1)
    assert await book.refresh() is True
    assert (book.rules().cloud_allowed, book.rules().local) == (True, "force")
    assert book.state().origin == "inhouse.toml"


async def test_bad_settings_leave_the_old_ones_in_force(tmp_path: Path) -> None:
    """The old rules stay and the problem is told with file and key, until the file is right again."""
    home = home_of(tmp_path)
    book = open_rulebook(loaded_of(home, "[cloud]\nallowed = true\n"), home)
    write(home, "[cloud]\nallowed = 7\n", 1)
    await book.refresh()
    assert book.rules().cloud_allowed is True
    assert "cloud.allowed" in book.state().problem
    write(home, "[cloud]\nallowed = false\n", 2)
    await book.refresh()
    assert (book.rules().cloud_allowed, book.state().problem) == (False, "")


async def test_the_switch_counts_at_once_everywhere_and_after_a_restart(tmp_path: Path) -> None:
    """Turned in one process it is seen by another and by the next; back to the setting it is gone."""
    home = home_of(tmp_path)
    loaded = loaded_of(home, '[routing]\nlocal = "true"\n')
    here, there = open_rulebook(loaded, home), open_rulebook(loaded, home)
    state = here.turn("false", "anna")
    assert (state.local, state.origin) == ("false", "switch, turned by anna")
    assert here.rules().local == "false"
    assert await there.refresh() is True
    assert there.rules().local == "false"
    assert open_rulebook(loaded, home).rules().local == "false"
    assert here.turn(None, "anna").local == "true"
    await there.refresh()
    assert (there.rules().local, there.state().origin) == ("true", "inhouse.toml")


@pytest.mark.parametrize("text", ["", "{", '{"local": "maybe", "by": "x"}', "[]"])
def test_a_damaged_switch_is_no_switch(tmp_path: Path, text: str) -> None:
    """The setting counts, and inhouse starts."""
    home = home_of(tmp_path)
    home.switch.write_text(text, "utf-8")
    assert open_rulebook(loaded_of(home), home).rules().local == "auto"


def test_a_switch_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The error names the file, and the rules stay as they were."""
    home = home_of(tmp_path)
    loaded = loaded_of(home)
    book = Rulebook(
        (rules_of(loaded, home), "default"),
        lambda: (rules_of(loaded, home), "default"),
        files=(),
        switch_file=tmp_path / "missing" / "switch.json",
        clock=lambda: 0.0,
    )
    with pytest.raises(HomeUnusable, match=r"switch\.json"):
        book.turn("force", "anna")
    assert book.rules().local == "auto"


async def test_what_was_learned_is_taken_up(tmp_path: Path) -> None:
    """A model that appears judges from then on; a damaged one leaves the old rules and says so."""
    home = home_of(tmp_path)
    book = open_rulebook(loaded_of(home), home)
    length = book.rules().scorer
    ranks = [index / 100 for index in range(101)]
    document = {"format": 1, "n": 300, "mean": 0.5, "tasks": {}, "places": {}, "ranks": ranks}
    home.learned_router.write_text(json.dumps(document), "utf-8")
    await book.refresh()
    scorer = book.rules().scorer
    assert scorer is not None
    assert scorer is not length
    assert scorer("anything", "chat") == pytest.approx(0.5, abs=0.01)
    home.learned_router.write_text("{", "utf-8")
    await book.refresh()
    assert book.rules().scorer is scorer
    assert "eval router" in book.state().problem


ENGINE = '[[engine]]\nname = "gpu-1"\nkind = "openai"\nurl = "http://127.0.0.1:9"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[engines]\norder = ["olama"]\n', "engines.order names 'olama'"),
        (ENGINE + ENGINE, "[[engine]] number 2, `name`: another [[engine]] is called 'gpu-1'"),
        (
            ENGINE + 'where = "cloud"\napi_key_env = "GPU_KEY"\n',
            "[[engine]] number 1, `api_key_env`: the cloud engine `gpu-1` has no key",
        ),
        (
            ENGINE + '[[alias]]\nname = "chat"\nmodels = ["gpu1/qwen"]\n',
            "[[alias]] number 1, `models`: there is no engine 'gpu1'",
        ),
        (
            '[cloud]\nallowed = true\nanthropic_model = "claude-x"\n',
            "inhouse.toml, cloud.anthropic_model = 'claude-x': there is no key for it, ANTHROPIC_API_KEY",
        ),
        (
            '[cloud]\nallowed = true\ngemini_model = "g"\n[secrets]\ngemini_api_key = "file:/missing/key"\n',
            "cloud.gemini_model = 'g': there is no key for it, /missing/key holds none",
        ),
        (ENGINE.replace("gpu-1", "embedded"), "'embedded' is already the name of the engine inside"),
        (
            '[engines]\nollama_url = "http://10.0.0.5:11434"\n' + ENGINE.replace("gpu-1", "ollama"),
            "'ollama' is already the name of the engine at engines.ollama_url",
        ),
        ('[[task]]\nname = "a"\n[[task]]\nname = "a"\n', "[[task]] number 2, `name`"),
        ('[[alias]]\nname = "chat"\nmodels = []\n', "[[alias]] number 1, `models`"),
        ('[[route]]\nname = "r"\nrole = "L9"\n', "[[route]] number 1, `role`"),
        ("[routing]\nhard_from = 7\n", "routing.hard_from = 7"),
        ('[route]\nname = "r"\n', "must be [[route]]"),
    ],
)
def test_bad_settings_are_refused_at_the_start(tmp_path: Path, text: str, told: str) -> None:
    """File, block or key, and a remedy."""
    home = home_of(tmp_path)
    with pytest.raises(BadRequest) as caught:
        open_rulebook(loaded_of(home, text), home)
    assert told in caught.value.message
    assert caught.value.hint


def test_good_settings_become_rules(tmp_path: Path) -> None:
    """The control: blocks are rules, a key that is set is no error, a model's name may hold a slash."""
    home = home_of(tmp_path)
    text = (
        ENGINE
        + 'where = "cloud"\napi_key_env = "GPU_KEY"\n'
        + '[[task]]\nname = "summary"\nmodels = ["mlx-community/Qwen3-4B", "small"]\nshift = -0.2\n'
        + '[[alias]]\nname = "fast"\nmodels = ["gpu-1/phi3", "ollama-8001/phi3"]\nmeans = "exact"\n'
        + '[[route]]\nname = "pay"\nteam = "pay*"\ndata = "local_only"\n'
        + "[routing]\nwait_medium_s = 7\n"
    )
    cloud = '[cloud]\nallowed = true\nopenai_model = "gpt-x"\n'
    loaded = loaded_of(home, text + cloud, {"GPU_KEY": "x", "OPENAI_API_KEY": "y"})
    assert open_rulebook(loaded, home).rules().cloud_allowed is True
    open_rulebook(loaded_of(home, cloud.replace("true", "false")), home)
    rules = rules_of(loaded_of(home, text, {"GPU_KEY": "x"}), home)
    assert (rules.tasks["summary"].shift, rules.tasks["summary"].configured) == (-0.2, True)
    assert rules.tasks["chat"].configured is False
    assert (rules.aliases[0].means, rules.routes[0].local_only) == ("exact", True)
    assert rules.deadlines["medium"] == 7


def test_names_that_nobody_has_are_told(tmp_path: Path) -> None:
    """One of a block's models has to be there; nothing is said while an engine is down."""
    home = home_of(tmp_path)
    engine = Engine("ollama", "ollama", "local", "", "up", (Model("phi3:latest"),))
    block = '[[alias]]\nname = "fast"\nmodels = ["{}"]\n'
    for good in ("phi3", "ollama/phi3", "phi*", "small"):
        assert names_nobody_has(loaded_of(home, block.format(good)), Fleet((engine,))) == ""
    wrong = loaded_of(home, block.format("phi9"))
    assert "nobody here has 'phi9'" in names_nobody_has(wrong, Fleet((engine,)))
    assert names_nobody_has(wrong, Fleet((engine, replace(engine, name="b", state="down")))) == ""
    route = loaded_of(home, '[[route]]\nname = "r"\nuse = "gpt-4o"\n')
    assert names_nobody_has(route, Fleet((engine,))) == ""


async def test_new_rules_for_a_model_that_nobody_has_are_not_taken(tmp_path: Path) -> None:
    """A changed block is checked against the engines that are there; the old rules stay in force."""
    home = home_of(tmp_path)
    fleet = Fleet((Engine("ollama", "ollama", "local", "", "up", (Model("phi3:latest"),)),))
    book = open_rulebook(loaded_of(home), home, lambda: fleet)
    write(home, '[[alias]]\nname = "fast"\nmodels = ["phi9"]\n', 1)
    await book.refresh()
    assert "nobody here has 'phi9'" in book.state().problem
    assert book.rules().aliases == ()
    write(home, '[[alias]]\nname = "fast"\nmodels = ["phi9", "phi3"]\n', 2)
    await book.refresh()
    assert (book.state().problem, book.rules().aliases[0].name) == ("", "fast")
