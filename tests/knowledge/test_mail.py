"""Mail: heads in every encoding, the words that count, what was attached."""

from __future__ import annotations

import email.message
import email.policy
from pathlib import Path

from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.layout import MailLayout, read_layout
from tests.knowledge import samples
from tests.knowledge.office_samples import outlook
from tests.knowledge.test_read import text_of


def layout_of(parsed: Parsed) -> MailLayout:
    layout = read_layout(parsed.layout)
    assert isinstance(layout, MailLayout)
    return layout


def letter(words: str = "See below.", html: str = "") -> email.message.EmailMessage:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"], message["From"], message["To"] = "Счёт", "a@b.ru", "c@d.ru"
    message.set_content(words)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_the_layout_knows_head_body_and_attachments(tmp_path: Path) -> None:
    """Each by its offsets; what could not be read has its reason."""
    message = letter()
    message.add_attachment(
        samples.docx("# Terms", "30 days"), "application", "msword", filename="Условия.docx"
    )
    message.add_attachment(b"\x00\x01\x02" * 50, "application", "octet-stream", filename="x.bin")
    parsed = text_of(tmp_path, "m.eml", bytes(message))
    layout, text = layout_of(parsed), parsed.text
    assert [(one.name, text[one.start : one.end]) for one in layout.fields] == [
        ("subject", "Счёт"),
        ("from", "a@b.ru"),
        ("to", "c@d.ru"),
    ]
    assert text[layout.body_start : layout.body_end] == "See below."
    terms, noise = layout.parts
    assert (terms.name, text[terms.start : terms.end]) == ("Условия.docx", "### Terms\n\n30 days")
    assert (noise.name, noise.start == noise.end, "not text" in noise.reason) == ("x.bin", True, True)
    assert "Attachments: Условия.docx, x.bin" in text
    assert "## Attachment: Условия.docx" in text


def test_plain_words_win_over_the_page(tmp_path: Path) -> None:
    """Of two versions the plain one; a page alone is rendered; an empty plain one does not count."""
    both = text_of(tmp_path, "m.eml", bytes(letter("plain", "<p>page</p>"))).text
    page = text_of(tmp_path, "m.eml", bytes(letter(" ", "<h1>page</h1><p>words</p>"))).text
    assert ("plain" in both, "page" in both) == (True, False)
    assert page.endswith("# page\n\nwords\n")


def test_a_plain_version_that_only_points_to_the_page(tmp_path: Path) -> None:
    """Then the page is read; not where it is the same words with a footer."""
    page = "<p>The rent is 45 000 a month and is paid by the fifth.</p>" + "<p>Terms of office 12.</p>" * 9
    stub = text_of(tmp_path, "m.eml", bytes(letter("This message needs an HTML viewer.", page))).text
    same = "The rent is 45 000 a month and is paid by the fifth."
    both = text_of(tmp_path, "m.eml", bytes(letter(same, page))).text
    assert ("45 000" in stub, "viewer" in stub) == (True, False)
    assert ("45 000" in both, "office 12" in both) == (True, False)


def test_a_saved_page_without_its_trimmings(tmp_path: Path) -> None:
    """Styles and scripts of an MHT file are no attachments; a style sheet that was sent is one."""
    parts = "".join(
        f"--B\r\nContent-Type: {kind}\r\nContent-Location: https://x.invalid/{number}\r\n\r\n{words}\r\n"
        for number, (kind, words) in enumerate(
            (("text/html", "<h1>Rules</h1>"), ("text/css", "p { color: red }"), ("text/javascript", "go()"))
        )
    )
    head = "From: <Saved by Blink>\r\nSubject: Rules\r\nMIME-Version: 1.0\r\n"
    head += 'Content-Type: multipart/related; boundary="B"\r\n\r\n'
    text = text_of(tmp_path, "page.mht", f"{head}{parts}--B--\r\n".encode()).text
    assert text.endswith("\n\n# Rules\n")
    sent = letter()
    sent.add_attachment("p { color: red }", subtype="css", filename="x.css")
    assert "color: red" in text_of(tmp_path, "m.eml", bytes(sent)).text


def test_a_letter_with_thousands_of_parts(tmp_path: Path) -> None:
    """It is read up to a number of them, and says so."""
    part = b"--B\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nhello\n"
    head = b"From: a@b.ru\nTo: c@d.ru\nSubject: x\nMIME-Version: 1.0\n"
    data = head + b"Content-Type: multipart/mixed; boundary=B\n\n" + part * 600 + b"--B--\n"
    parsed = text_of(tmp_path, "m.eml", data)
    assert len(layout_of(parsed).parts) == 500
    assert "[More than 500 attachments: the others are not in the text]" in parsed.text


def test_messages_in_messages_to_a_depth(tmp_path: Path) -> None:
    """Forwarded letters are read, and those forwarded with them; deeper ones are named."""
    message = letter("deepest")
    for words in ("third", "second", "first"):
        outer = letter(words)
        outer.add_attachment(message)
        message = outer
    parsed = text_of(tmp_path, "m.eml", bytes(message))
    assert [words in parsed.text for words in ("first", "second", "third", "deepest")] == [
        True,
        True,
        True,
        False,
    ]
    assert layout_of(parsed).parts[0].name == "Счёт.eml"


def test_the_number_of_attachments_is_bounded(tmp_path: Path) -> None:
    """Ten are read, the others have a reason; those in a zip archive count."""
    message = letter()
    members = {f"{number}.txt": f"words {number}" for number in range(12)}
    message.add_attachment(samples.archive(dict(members)), "application", "zip", filename="a.zip")
    parts = layout_of(text_of(tmp_path, "m.eml", bytes(message))).parts
    assert [bool(one.reason) for one in parts] == [False] * 10 + [True] * 2


def test_bombs_are_refused_and_the_letter_is_read(tmp_path: Path) -> None:
    """A document that would unpack to far too much is not opened."""
    message = letter()
    bomb = samples.archive({"word/document.xml": b"\x00" * (101 << 20)})
    message.add_attachment(bomb, "application", "msword", filename="b.docx")
    parsed = text_of(tmp_path, "m.eml", bytes(message))
    assert "See below." in parsed.text
    assert "would unpack" in layout_of(parsed).parts[0].reason


def test_encodings_that_are_stated_wrongly(tmp_path: Path) -> None:
    """Latin-1 that is cp1251, an unknown name, koi8-r, UTF-8 said to be cp1251, quoted-printable."""
    head = "Subject: =?koi8-r?B?8NLJ18XU?=\r\nFrom: a@b.ru\r\nTo: c@d.ru\r\n"
    head += "Content-Type: text/plain; charset={}\r\n"
    words = "Прошу согласовать договор поставки до пятницы."
    for stated, actual in (
        ("iso-8859-1", "cp1251"),
        ("x-unknown", "cp1251"),
        ("koi8-r", "koi8-r"),
        ("windows-1251", "utf-8"),
    ):
        data = (head.format(stated) + "\r\n").encode() + words.encode(actual)
        parsed = text_of(tmp_path, "m.eml", data)
        assert words in parsed.text, stated
        assert parsed.title == "Привет"
    quoted = (
        head.format("utf-8")
        + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=D0=94=D0=B0, 28=\r\n дней\r\n"
    )
    assert "Да, 28 дней" in text_of(tmp_path, "m.eml", quoted.encode()).text


def test_flowed_lines_are_whole_again(tmp_path: Path) -> None:
    """Only where the sender says that lines were broken by the program."""
    head = "Subject: s\r\nFrom: a@b.ru\r\nTo: c@d.ru\r\nContent-Type: text/plain{}\r\n\r\n"
    head += "leave is \r\n28 days\r\n"
    assert "leave is 28 days" in text_of(tmp_path, "m.eml", head.format("; format=flowed").encode()).text
    assert "leave is \n28 days" in text_of(tmp_path, "m.eml", head.format("").encode()).text


def test_outlook(tmp_path: Path) -> None:
    """Head, words and attachments of a message in Outlook's own format."""
    properties = {0x37: "Счёт", 0x1000: "Words\r\nmore", 0x0C1A: "Anna", 0x5D01: "anna@b.ru", 0x0E04: "Ivan"}
    data = outlook(properties, {"Условия.txt": "30 дней".encode()}, filetime=133_000_000_000_000_000)
    parsed = text_of(tmp_path, "m.msg", data)
    assert parsed.text == (
        "Subject: Счёт\nFrom: Anna <anna@b.ru>\nTo: Ivan\nDate: Sat, 18 Jun 2022 04:26:40 +0000\n"
        "Attachments: Условия.txt\n\nWords\nmore\n\n## Attachment: Условия.txt\n\n30 дней\n"
    )
    assert (parsed.title, parsed.modified_at) == ("Счёт", 1655526400.0)
    assert [one.name for one in layout_of(parsed).parts] == ["Условия.txt"]


def test_outlook_letters_that_are_pages(tmp_path: Path) -> None:
    """Without plain words the page is rendered."""
    data = outlook({0x37: "s", 0x1013: "<p>page <b>words</b></p>"})
    assert text_of(tmp_path, "m.msg", data).text.endswith("\n\npage words\n")


def test_tables_among_the_attachments(tmp_path: Path) -> None:
    """CSV becomes rows that a reader can follow, as the text around it is no table."""
    message = letter()
    message.add_attachment("Город;Сумма\r\nОмск;5\r\n".encode(), "text", "csv", filename="t.csv")
    text = text_of(tmp_path, "m.eml", bytes(message)).text
    assert text.endswith("| Город | Сумма |\n| --- | --- |\n| Омск | 5 |\n")
