"""Facts about this machine, tried on things made for the purpose."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from inhouse.ops.edge import probes


def test_a_port_names_its_holder() -> None:
    """A port that this process listens on is this process's; a closed one is free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"(process {os.getpid()})" in probes.port_holder(port)
    assert probes.port_holder(port) == ""


def test_a_holder_that_cannot_be_seen_is_another_program(tmp_path: Path) -> None:
    """Another user's process: the table shows the port, no descriptor shows the process."""
    (tmp_path / "net").mkdir()
    head = "sl local_address rem_address st tx rx tr tm retr uid timeout inode\n"
    row = "0: 0100007F:2CAA 00000000:0000 0A 0:0 0:0 0 0 0 0 99\n"
    (tmp_path / "net" / "tcp").write_text(head + row)
    assert probes.port_holder(0x2CAA, proc=tmp_path) == "another program"
    assert probes.port_holder(0x2CAB, proc=tmp_path) == ""


def test_permissions_and_space(tmp_path: Path) -> None:
    """Mode bits and owner of a folder; free bytes of its disk."""
    tmp_path.chmod(0o750)
    assert probes.permissions(tmp_path) == (0o750, True)
    assert probes.free_bytes(tmp_path) > 0


def test_tesseract_tells_its_languages() -> None:
    """Version and languages, as installed for the tests."""
    version, languages = probes.tesseract()
    assert version
    assert {"eng", "rus"} <= set(languages)


def test_extras_are_found_without_importing() -> None:
    """Both extras are installed where tests run."""
    assert probes.missing_extras() == ()


def test_cards_are_told_or_none() -> None:
    """Works with and without a driver; a card has a name."""
    assert all(card.name for card in probes.gpus())
