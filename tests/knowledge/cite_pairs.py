"""Pairs of what a model claims and what its source says, of the kinds that models produce.

Each row: the kind, whether the source holds the claim, the source, the claim. Two sentences of a source are
two cited sentences. Written for this test, not taken from any document.
"""

from __future__ import annotations

__all__ = ["PAIRS"]

PAIRS: tuple[tuple[str, bool, str, str], ...] = (
    # Rounded and rewritten numbers.
    (
        "rounded",
        False,
        "Revenue was 1,487,230 euros in 2023.",
        "Revenue was about 1.5 million euros in 2023.",
    ),
    ("scale", True, "The budget is 1.5 million euros.", "The budget is 1,500,000 euros."),
    ("scale", False, "The budget is 1.5 million euros.", "The budget is 1.5 thousand euros."),
    (
        "scale",
        True,
        "Лимит расходов — 50 тыс. руб. в месяц.",
        "Лимит расходов составляет 50 000 рублей в месяц.",
    ),
    (
        "scale",
        False,
        "Лимит расходов — 50 тыс. руб. в месяц.",
        "Лимит расходов составляет 50 рублей в месяц.",
    ),
    ("spelt", True, "Notice must be given two months ahead.", "Notice must be given 2 months ahead."),
    ("spelt", False, "Notice must be given two months ahead.", "Notice must be given three months ahead."),
    ("spelt", True, "Испытательный срок — три месяца.", "Испытательный срок составляет 3 месяца."),
    ("spelt", False, "Испытательный срок — три месяца.", "Испытательный срок составляет шесть месяцев."),
    ("decimals", True, "Ставка составляет 7,5 %.", "Ставка равна 7.5%."),
    ("decimals", False, "Ставка составляет 7,5 %.", "Ставка равна 75 %."),
    ("sign", False, "Store the vaccine at -20 °C.", "Store the vaccine at 20 °C."),
    ("sign", True, "Храните вакцину при −20 °C.", "Вакцину храните при -20 °C."),
    # Swapped figures, wrong subject.
    (
        "swap",
        False,
        "Juniors get 20 days and seniors get 25 days.",
        "Seniors get 20 days and juniors get 25 days.",
    ),
    ("swap", True, "Juniors get 20 days and seniors get 25 days.", "Seniors get 25 days."),
    (
        "swap",
        False,
        "Взнос для студентов — 300 рублей, для взрослых — 500 рублей.",
        "Взнос для студентов — 500 рублей.",
    ),
    (
        "swap",
        True,
        "Взнос для студентов — 300 рублей, для взрослых — 500 рублей.",
        "Студенты платят взнос 300 рублей.",
    ),
    (
        "swap",
        False,
        "Delivery takes 3 days in the city and 7 days elsewhere.",
        "Delivery in the city takes 7 days.",
    ),
    (
        "subject",
        False,
        "The manager approves trips over 500 euros.",
        "The director approves trips over 500 euros.",
    ),
    ("subject", False, "Отпуск согласует руководитель отдела.", "Отпуск согласует бухгалтер отдела."),
    (
        "subject",
        False,
        "Interns receive a monthly stipend of 400 euros.",
        "Contractors receive a monthly stipend of 400 euros.",
    ),
    (
        "subject",
        True,
        "The manager approves trips over 500 euros.",
        "Trips over 500 euros are approved by the manager.",
    ),
    ("roles", False, "Anna Weber reports to Paul Stein.", "Paul Stein reports to Anna Weber."),
    # Units and periods.
    ("unit", False, "The fee is 50 euros.", "The fee is 50 dollars."),
    ("unit", True, "The fee is €50.", "The fee is 50 euros."),
    ("unit", False, "The fee is €50.", "The fee is $50."),
    ("unit", False, "Load the trolley with at most 40 kg.", "Load the trolley with at most 40 tonnes."),
    ("unit", False, "The battery lasts 12 hours.", "The battery lasts 12 days."),
    ("unit", False, "Ответ дают за 5 рабочих дней.", "Ответ дают за 5 календарных дней."),
    ("unit", True, "Ответ дают за 5 рабочих дней.", "Ответ дадут в течение 5 рабочих дней."),
    (
        "period",
        False,
        "Travel costs are paid at 40 euros per day.",
        "Travel costs are paid at 40 euros per week.",
    ),
    ("period", False, "Премия выплачивается раз в квартал.", "Премия выплачивается раз в месяц."),
    ("period", True, "Премия выплачивается раз в квартал.", "Премию выплачивают раз в квартал."),
    ("percent", False, "The share rose by 3 percentage points.", "The share rose by 3 percent."),
    ("percent", True, "The share rose by 3 percent.", "The share rose by 3%."),
    ("percent", False, "Доля выросла на 5 процентных пунктов.", "Доля выросла на 5 %."),
    ("percent", False, "Скидка составляет 10 %.", "Скидка составляет 10 рублей."),
    # Limits and ranges.
    ("limit", False, "A claim needs at least 3 signatures.", "A claim needs at most 3 signatures."),
    ("limit", True, "A claim needs at least 3 signatures.", "At least 3 signatures are needed for a claim."),
    ("limit", False, "Гостей может быть не более 5.", "Гостей может быть не менее 5."),
    ("limit", True, "Гостей может быть не более 5.", "Может быть не более 5 гостей."),
    ("limit", False, "Apply before 10 May.", "Apply after 10 May."),
    ("limit", False, "Заявку подают до 10 мая.", "Заявку подают после 10 мая."),
    ("limit", False, "The minimum order is 200 pieces.", "The maximum order is 200 pieces."),
    ("limit", False, "Минимальный заказ — 200 штук.", "Максимальный заказ — 200 штук."),
    ("range", True, "Repairs take 5-7 days.", "Repairs take between 5 and 7 days."),
    ("range", False, "Repairs take 5-7 days.", "Repairs take 7 days."),
    ("range", True, "Ремонт длится от 5 до 7 дней.", "Ремонт длится 5–7 дней."),
    ("range", False, "Ремонт длится от 5 до 7 дней.", "Ремонт длится 5 дней."),
    # Dates and times.
    ("date", True, "The contract ends on 31.12.2025.", "The contract ends on December 31, 2025."),
    ("date", False, "The contract ends on 31.12.2025.", "The contract ends on December 30, 2025."),
    ("date", True, "Договор действует до 01.03.2025.", "Договор действует до 1 марта 2025 года."),
    ("date", False, "Договор действует до 01.03.2025.", "Договор действует до 3 января 2025 года."),
    ("date", False, "The audit is on 3 April 2024.", "The audit is on 3 April 2025."),
    ("date", True, "The audit is on 2024-04-03.", "The audit is on 3 April 2024."),
    ("time", True, "The office opens at 9:00 am.", "The office opens at 9 am."),
    ("time", False, "The office opens at 9:00 am.", "The office opens at 9:00 pm."),
    ("weekday", False, "The canteen closes early on Friday.", "The canteen closes early on Monday."),
    ("weekday", False, "Совещание проходит по вторникам.", "Совещание проходит по четвергам."),
    # Negation and opposites.
    ("negation", False, "Visitors are not allowed in the lab.", "Visitors are allowed in the lab."),
    ("negation", False, "Оплата картой невозможна.", "Оплата картой возможна."),
    ("negation", False, "Sharing passwords is prohibited.", "Sharing passwords is permitted."),
    ("negation", True, "Sharing passwords is prohibited.", "Passwords must not be shared."),
    ("negation", False, "Курение на складе запрещено.", "Курение на складе разрешено."),
    ("negation", True, "Курение на складе запрещено.", "На складе курить запрещено."),
    ("negation", False, "Insurance is optional for interns.", "Insurance is mandatory for interns."),
    ("negation", False, "Страховка для стажёров необязательна.", "Страховка для стажёров обязательна."),
    ("negation", False, "Prices increased in March.", "Prices decreased in March."),
    ("negation", False, "Цены в марте выросли.", "Цены в марте снизились."),
    ("negation", False, "All employees except interns get a bonus.", "Interns get a bonus."),
    ("negation", False, "Премию получают все, кроме стажёров.", "Премию получают стажёры."),
    ("negation", False, "Only managers may sign invoices.", "All employees may sign invoices."),
    # Added facts and reasons.
    (
        "added",
        False,
        "Leave requests go to the team lead.",
        "Leave requests go to the team lead because the works council demands it.",
    ),
    (
        "added",
        False,
        "Заявление подают в отдел кадров.",
        "Заявление подают в отдел кадров, потому что этого требует трудовая инспекция.",
    ),
    (
        "added",
        False,
        "The car park has 40 places.",
        "The car park has 40 places and is free of charge for guests.",
    ),
    ("added", False, "Пропуск выдаёт охрана.", "Пропуск выдаёт охрана бесплатно и в день обращения."),
    ("added", True, "The car park has 40 places.", "There are 40 places in the car park."),
    # Hedges and conditions.
    ("hedge", False, "The bonus may be paid in December.", "The bonus is always paid in December."),
    (
        "hedge",
        True,
        "The bonus may be paid in December.",
        "The bonus may be paid in December, but it is not certain.",
    ),
    (
        "condition",
        False,
        "Remote work is possible only with written consent.",
        "Remote work is possible without written consent.",
    ),
    (
        "condition",
        False,
        "Удалённая работа возможна с согласия руководителя.",
        "Удалённая работа возможна без согласия руководителя.",
    ),
    # Names.
    ("name", True, "Заявки принимает И. П. Сидоров.", "Заявки принимает Сидоров И. П."),
    ("name", False, "Заявки принимает И. П. Сидоров.", "Заявки принимает А. В. Сидоров."),
    ("name", True, "The head of finance is J. K. Miller.", "J. K. Miller is the head of finance."),
    ("name", False, "The head of finance is J. K. Miller.", "The head of finance is J. K. Moore."),
    ("name", False, "The head of finance is Jane Miller.", "John Miller is the head of finance."),
    # Tables and lists.
    ("table", True, "| Moscow | 14 days | 500 |", "For Moscow the term is 14 days."),
    ("table", False, "| Moscow | 14 days | 500 |", "For Moscow the term is 500 days."),
    ("table", False, "| Москва | 1200 рублей | 3 дня |", "Для города Казань — 1200 рублей."),
    ("table", True, "| Москва | 1200 рублей | 3 дня |", "Москва: 1200 рублей, 3 дня."),
    ("list", True, "- Laptop: 1 per employee, replaced every 4 years", "A laptop is replaced every 4 years."),
    ("list", False, "- Laptop: 1 per employee, replaced every 4 years", "A laptop is replaced every year."),
    # Two sources in one sentence.
    (
        "merged",
        True,
        "The notice period is 3 months. Notice is given in writing.",
        "The notice period is 3 months, and notice is given in writing.",
    ),
    (
        "merged",
        False,
        "Berlin has 12 desks. Munich has 30 desks.",
        "Berlin has 30 desks and Munich has 12 desks.",
    ),
    (
        "merged",
        True,
        "Berlin has 12 desks. Munich has 30 desks.",
        "Berlin has 12 desks and Munich has 30 desks.",
    ),
    ("merged", False, "В Туле 12 мест. В Рязани 30 мест.", "В Рязани 12 мест, а в Туле 30."),
    ("merged", True, "В Туле 12 мест. В Рязани 30 мест.", "В Туле 12 мест, а в Рязани 30."),
    # Translations.
    ("translated", True, "The trial period lasts 3 months.", "Испытательный срок длится 3 месяца."),
    ("translated", False, "The trial period lasts 3 months.", "Испытательный срок длится 6 месяцев."),
    ("translated", False, "Отпуск длится 28 календарных дней.", "Leave lasts 28 working days."),
)
