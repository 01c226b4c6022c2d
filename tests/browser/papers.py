"""The small documents that the browser tests ask about."""

from __future__ import annotations

from tests.browser.house import pdf_of

__all__ = ["EVIL", "LEAVE_QUOTE", "LONG_QUOTE", "PAPERS", "PDF_QUOTE"]

LEAVE_QUOTE = "Ежегодный оплачиваемый отпуск сотрудника составляет 28 календарных дней."
LONG_QUOTE = "The archive in the Vladivostok cellar keeps signed originals for 75 years."
PDF_QUOTE = "The warranty on laminated doors is 18 months from delivery."
EVIL = (
    "The parking barrier opens with code 4711 <img src=x onerror=document.title='pwned'>"
    "<script>document.title='pwned'</script> [click](javascript:document.title='pwned')"
    " ![p](http://evil.example/x.png) for visitors."
)

LEAVE = f"""# Положение об отпусках

## Продолжительность отпуска

Редакция 𝟐𝟎𝟐𝟔.

{LEAVE_QUOTE} Право на первый отпуск возникает через шесть месяцев непрерывной работы.

## Порядок подачи заявления

Заявление на отпуск подаётся руководителю не позднее чем за 14 дней до начала отпуска.
"""

TRAVEL = """# Travel policy

## Meals

Meals during business trips are reimbursed up to 40 euros per day. Receipts are handed in within ten days.

## Hotels

A hotel room may cost up to 150 euros per night in capital cities.
"""


def long_paper() -> str:
    """About 1.2 MB with one sentence in the middle that a question finds."""
    line = (
        "Section {n} describes how incoming letters are sorted, stamped and handed to the right department."
    )
    before = "\n\n".join(line.format(n=n) for n in range(6000))
    after = "\n\n".join(line.format(n=n) for n in range(6000, 12000))
    return f"# Rules of the office\n\n{before}\n\n{LONG_QUOTE}\n\n{after}\n"


PRICES = """code;product;price, roubles
K-1;"Kitchen ""Onega""; with island";184000
W-7;Wardrobe Ladoga;66300
S-2;Shelf Sukhona;9400
"""

RATES = """# Delivery rates

| Zone | Price, roubles | Days |
| --- | --- | --- |
| City | 900 | 1 |
| Region \\| north | 2400 | 3 |
"""

PAPERS: dict[str, bytes] = {
    "hr/leave.md": LEAVE.encode(),
    "hr/travel.md": TRAVEL.encode(),
    "office/rules.txt": long_paper().encode(),
    "sales/warranty.pdf": pdf_of("Price list for kitchens.", PDF_QUOTE),
    "sales/prices.csv": PRICES.encode(),
    "sales/rates.md": RATES.encode(),
    "security/parking.md": f"# Parking\n\n{EVIL}\n".encode(),
    "broken/empty.md": b"",
    "broken/program.docx": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8,
}
