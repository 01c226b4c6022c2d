"""A small invented handbook and what its staff might ask, a data table of `bench.staff`.

The questions were written as people talk, telling their story first and in other words than the rules use;
`holds` is a stretch of the rule that answers. Questions without a document are near misses: the subject is
in the handbook, the answer is not.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HANDBOOK", "QUESTIONS", "StaffQuestion"]


@dataclass(frozen=True, slots=True)
class StaffQuestion:
    """`document` is empty for a near miss; `holds` are stretches that the passages should hold."""

    language: str
    question: str
    document: str
    holds: tuple[str, ...] = ()


HANDBOOK: dict[str, str] = {
    "en/time-away.md": """# Time away from work

## Paid Time Off (PTO)
Full-time employees accrue 1.75 days of PTO for each month of service. PTO must be requested in the portal at
least ten working days before it begins. Up to five unused days may be carried into the next calendar year;
they lapse on March 31.

## Illness
An employee who is unwell informs their supervisor before 9:30 on the first day. A physician's statement is
due from the fourth consecutive day. Absences of this kind are paid in full for twenty days a year.

## Bereavement
After the death of a parent, spouse or child an employee receives five paid days. For grandparents and
siblings the company grants two days.

## Parental leave
Either parent may take sixteen weeks at full salary within a year of the birth or adoption.
""",
    "en/money.md": """# Compensation and expenses

Salaries are transferred on the 27th of each month. When the 27th falls on a weekend, the transfer is made on
the preceding working day.

## Travel
Economy class is booked for flights under six hours. Lodging is reimbursed up to 160 euros a night. The daily
meal allowance is 45 euros within the country and 70 euros abroad. Claims are filed within thirty days of the
return, with receipts for every amount above 15 euros.

## Private vehicles
Use of a private vehicle on company business is compensated at 0.38 euros per kilometre.

## Annual incentive
The incentive amounts to as much as eight percent of the yearly base salary and is paid in April. Persons who
joined after the first of October take part from the following year.
""",
    "en/security.md": """# Information security

Passphrases consist of at least fourteen characters and are never reused. A device that is lost or stolen is
reported to the security desk at extension 4411 within one hour. Laptops are locked when their owner steps
away. Unknown storage media must not be connected.

## Suspicious messages
Do not open links in a message that asks for credentials. Forward it to abuse@lumen.example and delete it.

## Visitors
Guests are announced at reception a day ahead, wear a yellow badge and are accompanied at all times.
""",
    "en/joining-and-leaving.md": """# Joining and leaving

The probationary period lasts three months and can be extended once, by six weeks. During probation either
side may end the employment with fourteen days' notice; afterwards the notice is two months.

Company equipment is handed over to the IT desk no later than the last working day. The exit conversation is
led by People Operations, not by the direct manager.

## Referrals
Whoever recommends a person that is hired receives 1,200 euros once that person has completed probation.
""",
    "en/workplace.md": """# Workplace

Core hours are from 10:00 to 15:00. Outside of them employees arrange their day as they like, with a weekly
total of 38 hours. Up to three days a week may be worked from home; working from another country is possible
for twenty days a year and needs the approval of People Operations.

## Animals
Well-behaved dogs are welcome on Fridays, after the consent of everyone in the room.

## Learning
Each employee has 900 euros a year for courses, books and conferences. What is not used does not carry over.

## Respect
Harassment is not tolerated. It can be reported to any manager, to People Operations, or without giving a name
through the speak-up line on the intranet.
""",
    "ru/otpusk.md": """# Отпуска и отсутствия

Ежегодный оплачиваемый отпуск составляет 28 календарных дней. Заявление подаётся за две недели до его начала.
Отпуск можно разделить на части, одна из них не короче 14 дней. Отпускные перечисляются за три дня до начала.

## Временная нетрудоспособность
Работник извещает непосредственного руководителя до 10:00 первого дня. Электронный листок нетрудоспособности
поступает в отдел кадров сам; его номер сообщать не нужно. Компания доплачивает до полного оклада первые
десять дней в году.

## Семейные события
При бракосочетании работника предоставляется три оплачиваемых дня, в связи с кончиной близкого родственника —
четыре. Отцу при рождении ребёнка предоставляется пять дней.
""",
    "ru/oplata.md": """# Оплата труда и возмещение расходов

Заработная плата перечисляется 10-го и 25-го числа. Расчётные листки доступны в личном кабинете.

## Служебные поездки
Суточные по России — 1 200 рублей, за рубежом — 4 000 рублей. Проживание возмещается в пределах 6 500 рублей в
сутки. Авансовый отчёт сдаётся в бухгалтерию в течение трёх рабочих дней после возвращения; к нему прилагаются
чеки и билеты.

## Премирование
Квартальная премия составляет до 15 % оклада. Она не начисляется тем, кто отработал в квартале меньше месяца.

## Использование личного автомобиля
Компенсация — 9 рублей за километр; путевой лист заполняется в день поездки.
""",
    "ru/bezopasnost.md": """# Информационная безопасность

Пароль содержит не менее 12 знаков и меняется раз в полгода. Передавать его кому-либо запрещено, в том числе
сотрудникам технической поддержки.

Об утрате ноутбука, телефона или пропуска сообщают дежурному службы безопасности по номеру 5-05 немедленно, в
любое время суток. Подозрительные письма пересылают на адрес phish@lumen.example, вложения не открывают.

Подключать личные накопители к рабочим станциям не допускается.
""",
    "ru/trudoustroystvo.md": """# Приём и прекращение работы

Испытательный срок — три месяца, для руководителей — шесть. Трудовой договор расторгается по инициативе
работника с предупреждением за две недели, в период испытания — за три дня. Обходной лист подписывают
бухгалтерия, склад и отдел информационных технологий.

За рекомендацию кандидата, прошедшего испытательный срок, выплачивается 30 000 рублей.

Работа по совместительству у конкурентов не допускается; о прочей подработке работник уведомляет отдел кадров.
""",
    "ru/ofis.md": """# Офис и режим работы

Рабочий день — восемь часов, начало с 8:00 до 11:00 по выбору. Дистанционно можно работать два дня в неделю по
согласованию с руководителем. Посетителям заказывают пропуск до 17:00 накануне.

## Обучение
На курсы и конференции каждому выделяется 60 000 рублей в год. При увольнении в течение полугода после курса
половина стоимости удерживается.

## Обращения
О грубости, травле и иных нарушениях можно сообщить на линию доверия, имя называть необязательно.

## Парковка
Места на подземной стоянке распределяет административный отдел, на одно место приходится два сотрудника.
""",
}

_EN = [
    (
        "I'd like to go to the beach in July. How early do I have to ask for vacation?",
        "en/time-away.md",
        "ten working days before",
    ),
    (
        "I didn't manage to take all my holiday this year, will I lose it?",
        "en/time-away.md",
        "carried into the next calendar year",
    ),
    ("I woke up with a fever. By when do I have to tell my boss?", "en/time-away.md", "before 9:30"),
    (
        "I've been sick since Monday and I'm still in bed. At what point do I need a doctor's note?",
        "en/time-away.md",
        "fourth consecutive day",
    ),
    (
        "My grandmother passed away last night. How many days off can I take?",
        "en/time-away.md",
        "grandparents",
    ),
    (
        "My wife is pregnant and I am the father. How long can I stay at home with the baby?",
        "en/time-away.md",
        "sixteen weeks",
    ),
    ("When do we get paid if payday is a Sunday?", "en/money.md", "preceding working day"),
    (
        "I'm going to see a client in Lisbon. What is the most I can spend on a hotel?",
        "en/money.md",
        "160 euros",
    ),
    ("Do I need to keep the receipt for a ten euro sandwich?", "en/money.md", "above 15 euros"),
    ("I drove my own car to a customer, what do I get for gas?", "en/money.md", "0.38 euros"),
    (
        "I only started in November. Will I get the yearly bonus next spring?",
        "en/money.md",
        "first of October",
    ),
    ("How long should my password be?", "en/security.md", "fourteen characters"),
    ("Somebody stole my laptop on the train, who do I call?", "en/security.md", "4411"),
    (
        "I got an email that wants me to confirm my login. What should I do with it?",
        "en/security.md",
        "abuse@lumen.example",
    ),
    (
        "A friend wants to see our office. Can I bring a guest, and must somebody stay with them?",
        "en/security.md",
        "accompanied at all times",
    ),
    (
        "I want to quit, I've been here for two years. How much notice do I have to give?",
        "en/joining-and-leaving.md",
        "two months",
    ),
    ("Can they let me go in my first weeks, and how fast?", "en/joining-and-leaving.md", "fourteen days"),
    (
        "A former classmate would fit our team. Is there money in it for me if she gets hired?",
        "en/joining-and-leaving.md",
        "1,200 euros",
    ),
    ("Is it okay to do my job from Spain for a while?", "en/workplace.md", "twenty days a year"),
    ("May I bring my puppy to the office?", "en/workplace.md", "Fridays"),
    (
        "A colleague makes nasty remarks about me. Can I report it anonymously?",
        "en/workplace.md",
        "without giving a name",
    ),
    (
        "How much can I spend on training, and what happens with what is left at the end of the year?",
        "en/workplace.md",
        "900 euros",
    ),
]
_RU = [
    (
        "Хочу поехать на море в августе. За сколько нужно предупредить об отпуске?",
        "ru/otpusk.md",
        "за две недели",
    ),
    ("Можно ли взять отпуск кусками, по неделе?", "ru/otpusk.md", "не короче 14 дней"),
    ("Я уезжаю в понедельник. Когда придут отпускные?", "ru/otpusk.md", "за три дня до начала"),
    ("Проснулся с температурой, до скольки надо написать начальнику?", "ru/otpusk.md", "до 10:00"),
    ("Врач открыл мне больничный. Надо ли куда-то отправлять номер?", "ru/otpusk.md", "сообщать не нужно"),
    ("У меня свадьба в сентябре, сколько дней дадут?", "ru/otpusk.md", "три оплачиваемых дня"),
    ("У коллеги умер отец. Сколько выходных ему положено?", "ru/otpusk.md", "четыре"),
    ("Какого числа приходит зарплата?", "ru/oplata.md", "10-го и 25-го"),
    ("Еду к клиенту в Казань на три дня. Сколько дают на еду в сутки?", "ru/oplata.md", "1 200 рублей"),
    (
        "Вернулся из командировки вчера, до какого дня надо отчитаться по деньгам?",
        "ru/oplata.md",
        "трёх рабочих дней",
    ),
    (
        "Ездил к заказчику на своей машине. Вернут ли мне за бензин и сколько?",
        "ru/oplata.md",
        "9 рублей за километр",
    ),
    (
        "Я вышел на работу две недели назад. Дадут ли мне премию за этот квартал?",
        "ru/oplata.md",
        "меньше месяца",
    ),
    (
        "Айтишник просит мой пароль, чтобы починить ноутбук. Можно ему сказать?",
        "ru/bezopasnost.md",
        "в том числе",
    ),
    ("У меня украли телефон в метро ночью. Кому звонить?", "ru/bezopasnost.md", "5-05"),
    ("Можно ли воткнуть свою флешку в рабочий компьютер?", "ru/bezopasnost.md", "личные накопители"),
    ("Хочу уволиться, сколько надо отработать?", "ru/trudoustroystvo.md", "за две недели"),
    (
        "Я ещё на испытательном, хочу уйти. За сколько дней предупредить?",
        "ru/trudoustroystvo.md",
        "за три дня",
    ),
    ("Привёл в компанию друга, его взяли. Заплатят ли мне за это?", "ru/trudoustroystvo.md", "30 000 рублей"),
    (
        "Предлагают подработку по вечерам. Нужно ли кому-то говорить?",
        "ru/trudoustroystvo.md",
        "уведомляет отдел кадров",
    ),
    ("Сколько дней можно сидеть на удалёнке и кто это разрешает?", "ru/ofis.md", "два дня в неделю"),
    ("Ко мне завтра придут гости из банка. Когда заказать им пропуск?", "ru/ofis.md", "до 17:00 накануне"),
    (
        "Фирма оплатила мне курс, а я хочу уйти через месяц. Придётся ли вернуть деньги?",
        "ru/ofis.md",
        "половина стоимости",
    ),
]
_EN_MISSES = [
    "How many weeks of vacation do I get after ten years with the company?",
    "How much does the company pay for my moving costs when I relocate?",
    "Which airline do we have to fly with?",
    "What does the company pay toward a gym membership?",
    "How often must I change my passphrase?",
    "How many monitors may I order for my home office?",
    "How much severance pay do I get when I am laid off?",
    "Can I bring my cat to the office on Mondays, and who pays for its food?",
]
_RU_MISSES = [
    "Сколько дней отпуска добавляют за вредные условия труда?",
    "Какой процент от оклада платят за работу ночью?",
    "Сколько стоит место на парковке в месяц?",
    "Какая авиакомпания выбрана для служебных поездок?",
    "Кто утверждает размер годовой премии директора?",
    "Сколько компания платит за спортзал?",
    "На сколько дней можно уехать работать за границу?",
    "Какой телефон у медпункта?",
]

QUESTIONS = (
    *(StaffQuestion("en", question, document, (holds,)) for question, document, holds in _EN),
    *(StaffQuestion("ru", question, document, (holds,)) for question, document, holds in _RU),
    *(StaffQuestion("en", question, "") for question in _EN_MISSES),
    *(StaffQuestion("ru", question, "") for question in _RU_MISSES),
)
