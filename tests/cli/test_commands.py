"""Every command: what it prints, where, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inhouse.cli.ingest import bar, duration
from inhouse.kernel.errors import EngineBroke
from inhouse.knowledge.ports import FileOutcome
from inhouse.serve.document_shapes import ProgressShape
from tests.cli.house import FakeBuilder, FakeOwner, run
from tests.ops.facts import GOOD
from tests.serve.fakes import GOOD_SCRIPT, TEXT, FakeAnswers, FakeHouse

READING = [
    ("doctor",),
    ("documents", "ls"),
    ("documents", "show", "d1"),
    ("search", "vacation"),
    ("ask", "How long is vacation?"),
    ("models", "ls"),
    ("models", "ps"),
    ("config", "show"),
    ("usage",),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_on_stdout(tmp_path: Path, words: tuple[str, ...]) -> None:
    """`--json` prints one JSON object to stdout and ends with 0, without the right to write."""
    builder = FakeBuilder()
    result = run(tmp_path, *words, "--json", builder=builder)
    assert result.exit_code == 0, result.stderr
    assert isinstance(json.loads(result.stdout), dict)
    assert [writer for _command, writer in builder.opened] in ([], [False])
    assert builder.closed == len(builder.opened)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_readable_output_works_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without `--json` there is something to read, without escape codes where there is no terminal."""
    result = run(tmp_path, *words)
    assert result.exit_code == 0, result.stderr
    assert (result.stdout + result.stderr).strip()
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("words", READING[1:6], ids=" ".join)
def test_reading_goes_on_while_another_command_writes(tmp_path: Path, words: tuple[str, ...]) -> None:
    """An ingest in another process keeps nobody from reading."""
    result = run(tmp_path, *words, builder=FakeBuilder(holder=FakeOwner(command="ingest")))
    assert result.exit_code == 0, result.stderr


def test_an_answer_is_shown_with_numbered_quotes(tmp_path: Path) -> None:
    """Answer, then quotes with document and page; the receipt goes to stderr."""
    result = run(tmp_path, "ask", "How long is vacation?")
    assert result.stdout.splitlines()[0] == "Vacation lasts 28 days."
    assert "[1] handbook/hr/leave.md, page 1" in result.stdout
    assert "“Vacation lasts 28 days.”" in result.stdout
    assert "quotes only" in result.stderr


def test_ask_json_is_the_answer_document(tmp_path: Path) -> None:
    """The keys of the contract, and no chat is kept."""
    builder = FakeBuilder()
    document = json.loads(run(tmp_path, "ask", "vacation", "--json", "--as", "анна", builder=builder).stdout)
    assert list(document) == [
        "answer",
        "language",
        "sentences",
        "band",
        "refused",
        "reason",
        "passages",
        "receipt",
        "conflicts",
        "unanswered",
    ]
    assert builder.fakes.chats.chats == {}
    assert builder.fakes.answers.asked[0][0].user == "анна"


@pytest.mark.parametrize("question", ["", "   ", "?!", "x" * 100_000, "word \udcff"])
def test_wrong_questions_end_with_2(tmp_path: Path, question: str) -> None:
    """Empty, only punctuation, 100 kB, bytes that are no text: two clear lines, stdout stays empty."""
    result = run(tmp_path, "ask", question, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: The question ")
    assert "\nhint: " in result.stderr


def test_a_long_question_can_come_from_stdin(tmp_path: Path) -> None:
    """`ask -` reads it there."""
    builder = FakeBuilder()
    assert run(tmp_path, "ask", "-", builder=builder, typed="How long?\n").exit_code == 0
    assert builder.fakes.answers.asked[0][1].question == "How long?"


def test_an_engine_that_dies_is_an_error_with_its_code(tmp_path: Path) -> None:
    """The exit code is that of the error's class, also after the stream has begun."""
    fault = EngineBroke("`ollama` stopped in the middle", hint="ask again")
    builder = FakeBuilder(FakeHouse(answers=FakeAnswers([*GOOD_SCRIPT[:2], fault])))
    result = run(tmp_path, "ask", "vacation", "--json", builder=builder)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "error: `ollama` stopped in the middle\nhint: ask again\n"


def test_what_is_not_there_ends_with_2(tmp_path: Path) -> None:
    """An unknown document, command, option: wrong use."""
    for words in (("documents", "show", "nope"), ("nonsense",), ("ask", "a", "--nonsense"), ("ask",)):
        assert run(tmp_path, *words).exit_code == 2, words


def test_documents_are_shown_and_removed(tmp_path: Path) -> None:
    """`show` prints the text, `rm` takes the right to write and looks everything up first."""
    builder = FakeBuilder()
    assert run(tmp_path, "documents", "show", "hr/leave.md").stdout == TEXT + "\n"
    assert run(tmp_path, "documents", "rm", "d1", "nope", builder=builder).exit_code == 2
    assert list(builder.fakes.library.records) == ["d1"]
    result = run(tmp_path, "documents", "rm", "handbook/hr/leave.md", builder=builder)
    assert (result.exit_code, builder.fakes.library.records) == (0, {})
    assert builder.opened[-1] == ("documents rm", True)


def test_ingest_reports_and_names_refused_files(tmp_path: Path) -> None:
    """Summary and reasons on stderr, the report on stdout with `--json`, exit 0."""
    builder = FakeBuilder()
    builder.fakes.ingest.outcomes = (
        FileOutcome("a.md", "docs", "added", "d2"),
        FileOutcome("b.pdf", "docs", "refused", None, "encrypted", "the file is encrypted"),
    )
    result = run(tmp_path, "ingest", str(tmp_path), "--source", "docs", "--json", builder=builder)
    assert result.exit_code == 0, result.stderr
    assert "1 added, 1 refused" in result.stderr
    assert "refused: 'b.pdf': the file is encrypted" in result.stderr
    assert json.loads(result.stdout)["refused"] == 1
    assert builder.fakes.ingest.submitted == [((tmp_path,), "docs")]


def test_ingest_fails_when_every_file_was_refused(tmp_path: Path) -> None:
    """Exit 1: nothing was taken in."""
    builder = FakeBuilder()
    builder.fakes.ingest.outcomes = (FileOutcome("b.pdf", "docs", "refused", None, "empty", "0 bytes"),)
    assert run(tmp_path, "ingest", str(tmp_path), builder=builder).exit_code == 1


def test_ingest_of_a_missing_path_does_nothing(tmp_path: Path) -> None:
    """Exit 2, the path named, and not even the good path beside it is touched."""
    builder = FakeBuilder()
    result = run(tmp_path, "ingest", str(tmp_path), str(tmp_path / "no 'such'\nthing"), builder=builder)
    assert result.exit_code == 2
    assert "such" in result.stderr
    assert (builder.opened, builder.fakes.ingest.submitted) == ([], [])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "An empty path"),
        ("n" * 300, "File name too long"),
        ("loop", "symbolic links"),
        ("dangling", "is a link to nothing"),
        ("bad\udcff.txt", "not valid UTF-8"),
        (".", "The home"),
        ("home", "belongs to the home"),
        ("home/state", "belongs to the home"),
    ],
)
def test_ingest_names_what_is_wrong_with_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    """No traceback and nothing queued: no name, names without end, loops, broken bytes, the home itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "state").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("gone")
    (tmp_path / "bad\udcff.txt").write_text("text")
    builder = FakeBuilder()
    result = run(tmp_path, "ingest", path, builder=builder, INHOUSE_HOME=str(tmp_path / "home"))
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr
    assert builder.opened == []


def test_ingest_may_stand_above_a_hidden_home(tmp_path: Path) -> None:
    """What begins with a dot is passed over by every ingest, so such a home is no harm."""
    result = run(tmp_path, "ingest", str(tmp_path), INHOUSE_HOME=str(tmp_path / ".home"))
    assert result.exit_code == 0, result.stderr


def test_writing_beside_another_writer_ends_with_3(tmp_path: Path) -> None:
    """A home that another command writes to is busy."""
    builder = FakeBuilder(holder=FakeOwner(command="ingest"))
    for words in (("ingest", str(tmp_path)), ("documents", "rm", "d1")):
        assert run(tmp_path, *words, builder=builder).exit_code == 3


def test_a_second_server_says_who_has_the_home(tmp_path: Path) -> None:
    """Exit 3, with the address of the first."""
    builder = FakeBuilder(holder=FakeOwner(address="http://127.0.0.1:8484"))
    result = run(tmp_path, "serve", "--port", "0", builder=builder)
    assert result.exit_code == 3
    assert "http://127.0.0.1:8484" in result.stderr


def test_only_loopback_is_served(tmp_path: Path) -> None:
    """Exit 2 and the reason, before anything is opened."""
    builder = FakeBuilder()
    result = run(tmp_path, "serve", "--host", "0.0.0.0", builder=builder)
    assert (result.exit_code, builder.opened) == (2, [])
    assert "other machines could reach it" in result.stderr
    assert "--expose" in result.stderr


def test_a_taken_port_names_its_holder(tmp_path: Path) -> None:
    """Exit 3; the house was not opened."""
    from inhouse.serve.server import bind

    builder = FakeBuilder()
    with bind("127.0.0.1", 0) as taken:
        result = run(tmp_path, "serve", "--port", str(taken.getsockname()[1]), builder=builder)
    assert (result.exit_code, builder.opened) == (3, [])
    assert "fake-program (process 12)" in result.stderr
    assert "--port" in result.stderr


def test_a_chat_can_be_piped_and_is_one_chat(tmp_path: Path) -> None:
    """Each line is a question; the answers belong to one chat."""
    builder = FakeBuilder()
    result = run(tmp_path, "chat", builder=builder, typed="How long is vacation?\n\nAnd then?\n")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("Vacation lasts 28 days.\n") == 2
    assert list(builder.fakes.chats.chats) == ["c1"]
    assert len(builder.fakes.answers.asked[1][1].history) == 1
    assert builder.closed == 1


def test_an_error_ends_a_piped_chat(tmp_path: Path) -> None:
    """A script must notice: the exit code is the error's."""
    assert run(tmp_path, "chat", typed="?!\n").exit_code == 2


def test_models_are_pulled_and_removed_by_ollama(tmp_path: Path) -> None:
    """`pull` says how far it is, `rm` passes the engine's refusal on."""
    pulled = run(tmp_path, "models", "pull", "qwen2.5:7b")
    assert pulled.exit_code == 0, pulled.stderr
    assert "pulling\nsuccess\nqwen2.5:7b is ready\n" in pulled.stderr
    assert run(tmp_path, "models", "rm", "qwen2.5:7b").exit_code == 0
    assert run(tmp_path, "models", "rm", "unknown").exit_code == 3


def test_a_file_is_taken_in(tmp_path: Path) -> None:
    """A path of this machine goes to no Ollama; a name that only ends like a file does; both in words."""
    (tmp_path / "Tiny.gguf").write_bytes(b"GGUF")
    builder = FakeBuilder()
    for words in ("./Tiny.gguf", "Tiny.gguf", f"file://{tmp_path}/Tiny.gguf", str(tmp_path / "Tiny.gguf")):
        result = run(tmp_path, "models", "pull", words, builder=builder)
        assert (result.exit_code, result.stderr) == (0, "Tiny is ready\n")
    assert {each.resolve() for each in builder.taken} == {tmp_path / "Tiny.gguf"}
    assert builder.opened == []
    assert run(tmp_path, "models", "pull", "file://other/x.gguf", builder=builder).exit_code == 2
    assert run(tmp_path, "models", "pull", "hf.co/a/b:c.gguf", builder=builder).exit_code == 0
    assert len(builder.opened) == 1


def test_without_ollama_no_model_can_be_pulled(tmp_path: Path) -> None:
    """Exit 3, and the way out."""
    result = run(tmp_path, "models", "pull", "qwen2.5:7b", "--engine", "vllm")
    assert result.exit_code == 3
    assert "hint: start Ollama" in result.stderr


def test_config_shows_values_and_origins(tmp_path: Path) -> None:
    """`--origin` adds where a value comes from; keys are named, never shown."""
    result = run(
        tmp_path, "config", "show", "--origin", INHOUSE_SERVER_PORT="8500", OPENAI_API_KEY="sk-canary"
    )
    assert "server.port" in result.stdout
    assert "env INHOUSE_SERVER_PORT" in result.stdout
    assert "env:OPENAI_API_KEY (found)" in result.stdout
    assert "canary" not in result.stdout + result.stderr


def test_the_home_can_stand_in_dotenv(tmp_path: Path) -> None:
    """`.env` names the home; the environment wins over it."""
    (tmp_path / ".env").write_text(f"INHOUSE_HOME={tmp_path / 'elsewhere'}\n")
    assert str(tmp_path / ".home") in run(tmp_path, "config", "show").stderr
    assert str(tmp_path / "elsewhere") in run(tmp_path, "config", "show", INHOUSE_HOME="").stderr


def test_names_with_broken_bytes_are_shown_escaped(tmp_path: Path) -> None:
    """A file name that is no UTF-8 is an error as any other, not a traceback."""
    assert run(tmp_path, "search", "a\udcff?").exit_code == 0
    assert run(tmp_path, "documents", "show", "a\udcff").exit_code == 2
    assert run(tmp_path, "ask", "a\udcff?").exit_code == 2
    assert run(tmp_path, "ingest", "a\udcff?").exit_code == 2


def test_a_wrong_setting_ends_with_2(tmp_path: Path) -> None:
    """Unknown names and wrong values are errors of use, whatever the command."""
    assert run(tmp_path, "usage", INHOUSE_SERVER_PROT="1").exit_code == 2
    assert run(tmp_path, "usage", INHOUSE_SERVER_PORT="x").exit_code == 2


def test_doctor_ends_with_1_when_something_is_wrong(tmp_path: Path) -> None:
    """A problem is named with its remedy."""
    builder = FakeBuilder(facts=replace(GOOD, port_holder="nginx (process 3)"))
    result = run(tmp_path, "doctor", builder=builder)
    assert result.exit_code == 1
    assert "nginx (process 3)" in result.stdout
    assert "hint: stop it" in result.stdout


def test_the_home_is_named_when_it_cannot_be_used(tmp_path: Path) -> None:
    """Exit 3."""
    (tmp_path / ".home").write_text("a file")
    result = run(tmp_path, "documents", "ls")
    assert result.exit_code == 3
    assert str(tmp_path / ".home") in result.stderr


def test_version_and_help(tmp_path: Path) -> None:
    """Both end with 0; help lists every command."""
    assert run(tmp_path, "--version").stdout.startswith("inhouse, version ")
    listing = run(tmp_path, "--help").stdout
    for name in ("up", "serve", "doctor", "ingest", "documents", "search", "ask", "chat", "models", "usage"):
        assert f"  {name} " in listing


def test_a_running_server_is_used_instead_of_opening_the_home(tmp_path: Path) -> None:
    """With an address announced, commands speak HTTP to it and open nothing themselves."""
    from tests.cli.test_server import server_thread

    fakes = FakeHouse()
    with server_thread(fakes.parts) as address:
        builder = FakeBuilder(FakeHouse(answers=FakeAnswers([])), holder=FakeOwner(address=address))
        answer = run(tmp_path, "ask", "vacation", "--as", "анна", builder=builder)
        listing = run(tmp_path, "documents", "ls", "--json", builder=builder)
        ingest = run(tmp_path, "ingest", str(tmp_path), builder=builder)
        missing = run(tmp_path, "documents", "show", "nope", builder=builder)
    assert answer.stdout.startswith("Vacation lasts 28 days.")
    assert fakes.answers.asked[0][0].user == "анна"
    assert json.loads(listing.stdout)["total"] == 1
    assert (ingest.exit_code, missing.exit_code) == (0, 2)
    assert fakes.ingest.submitted == [((tmp_path,), None)]
    assert builder.opened == []


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    """A stale address is an error that names it, exit 3."""
    from inhouse.serve.server import address, bind

    with bind("127.0.0.1", 0) as listener:
        stale = address(listener)
    result = run(tmp_path, "search", "a", builder=FakeBuilder(holder=FakeOwner(address=stale)))
    assert result.exit_code == 3
    assert stale in result.stderr


def test_the_bar_shows_rate_and_time_left() -> None:
    """How far, how fast, how long still; nothing unprintable reaches the terminal."""
    progress = ProgressShape(
        job_id="j",
        state="running",
        source="s",
        total_files=4,
        done_files=1,
        total_bytes=0,
        done_bytes=0,
        elapsed_s=2.0,
        eta_s=6.4,
        current="a\x1b[31m\nb",
        error=None,
        error_code=None,
    )
    line = bar(progress, 80)
    assert line == "[#####...............] 1/4 files  0.5 files/s  0:06 left  a?[31m?b"
    assert len(bar(progress, 30)) == 29
    assert (duration(7), duration(750), duration(3723)) == ("0:07", "12:30", "1:02:03")
