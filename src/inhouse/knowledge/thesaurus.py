"""What offices call the same thing: our own word list, a data table. Pure.

One group per line: texts that mean nearly the same, English before the bar, Russian after it. It bridges the
words of staff ("my boss", "get fired", "больничный") and the words of policies ("supervisor", "termination",
"временная нетрудоспособность"). Written from general knowledge of office life, not from any question file;
forms of a word need no entry, the stemmer joins them. `about` groups belong to one subject without meaning
the same, and count for less.
"""

from __future__ import annotations

from collections.abc import Callable

from inhouse.knowledge.expansions import Expansions, group_meanings

__all__ = ["SAME_LANGUAGE", "office_expansions"]

SAME_LANGUAGE, OTHER_LANGUAGE = 0.5, 0.2


def office_expansions(stems: Callable[[str], list[str]]) -> Expansions:
    """The table as expansions; some milliseconds, so make it once. `stems` is the index's analyzer."""
    groups: list[tuple[float, list[str]]] = []
    for line in OFFICE.strip().splitlines():
        english, _, russian = line.partition("|")
        sides = [[text.strip() for text in side.split(",") if text.strip()] for side in (english, russian)]
        groups += [(SAME_LANGUAGE, side) for side in sides if len(side) > 1]
        groups.append((OTHER_LANGUAGE, [*sides[0], *sides[1]]))
    return group_meanings(groups, stems)


OFFICE = """
vacation, annual leave, PTO, paid time off, time off, holiday, leave, days off | отпуск, ежегодный отпуск, отдых, выходные, дни отдыха, отгул
public holiday, bank holiday, statutory holiday, national holiday | праздник, праздничный день, нерабочий день, государственный праздник
sick leave, sick day, sickness, illness, ill, sick | больничный, больничный лист, нетрудоспособность, болезнь, болеть, заболеть, листок нетрудоспособности
medical certificate, doctor's note, sick note | справка от врача, медицинская справка, листок нетрудоспособности, больничный лист
bereavement, funeral, death in the family, passed away, died | похороны, смерть близкого, смерть родственника, умер, кончина
maternity, maternity leave, pregnancy, pregnant, expecting a baby | декрет, декретный отпуск, беременность, беременная, отпуск по беременности и родам
parental leave, paternity leave, new baby, childbirth, newborn, adoption | отпуск по уходу за ребёнком, рождение ребёнка, роды, новорождённый, усыновление
unpaid leave, leave without pay, leave of absence, sabbatical | отпуск без сохранения заработной платы, отпуск за свой счёт, без содержания
study leave, educational leave, exam leave | учебный отпуск, сессия, экзамены
jury duty, court duty, witness | присяжный, вызов в суд, повестка
carry over, roll over, carryover, unused days | перенос, перенести, остаток отпуска, неиспользованный отпуск, накопить
accrue, accrual, earn, accumulate | начисляться, накапливаться, начисление
day in lieu, compensatory time, comp time | отгул, компенсация выходного
wedding, marriage, get married | свадьба, бракосочетание, регистрация брака, женитьба
family emergency, personal emergency, urgent family matter | семейные обстоятельства, форс-мажор
absence, absent, not at work, no-show, away | отсутствие, прогул, неявка, отсутствовать
request time off, ask for leave, apply for leave | заявление на отпуск, попросить отпуск, оформить отпуск
hire, recruit, employ, take on | нанять, принять на работу, наём, трудоустройство, приём на работу, устроиться
recruiter, recruiting, talent acquisition, hiring | рекрутер, подбор персонала, найм
applicant, candidate, job seeker | кандидат, соискатель
resume, CV, curriculum vitae | резюме, анкета
job offer, offer letter, offer of employment | оффер, предложение о работе
interview, job interview, screening | собеседование, интервью
vacancy, opening, open position, job posting | вакансия, открытая позиция
referral, refer a friend, recommend a candidate, referral bonus | рекомендация кандидата, реферальная программа, привести друга
onboarding, first day, new hire, newcomer, new employee, new starter, joiner, just joined | адаптация, новичок, новый сотрудник, первый день, выход на работу, новенький
probation, probationary period, trial period, introductory period | испытательный срок, испытание
fire, fired, terminate, termination, dismiss, dismissal, let go, sack, discharge | уволить, увольнение, расторгнуть, расторжение, прекращение трудового договора
resign, resignation, quit, give notice, hand in notice, leave the company, last day | увольнение по собственному желанию, уволиться, уйти с работы, увольняться
notice period, notice, advance notice | срок предупреждения, отработка, отработать две недели, заранее, предупредить
layoff, laid off, redundancy, downsizing, reduction in force | сокращение, сокращение штата, попасть под сокращение
severance, severance pay, redundancy pay | выходное пособие, компенсация при увольнении
retire, retirement, pension | пенсия, выход на пенсию, пенсионер
offboarding, exit interview, departure, leaver | обходной лист, увольняющийся, передача дел
rehire, former employee, ex-employee, alumni | бывший сотрудник, повторный приём
contract, agreement | договор, контракт, соглашение
employment contract, employment agreement | трудовой договор, трудовой контракт
contractor, freelancer, consultant, self-employed | подрядчик, фрилансер, самозанятый, исполнитель, ГПХ
part-time, reduced hours, half-time | неполная занятость, неполный рабочий день, полставки, неполное рабочее время
full-time, full time employee | полная занятость, полный рабочий день, штатный сотрудник
temporary, temp, fixed-term, seasonal | временный, срочный договор, сезонный
intern, internship, trainee, apprentice | стажёр, стажировка, практикант, практика
second job, side job, moonlighting, outside employment, side hustle, outside work | совместительство, подработка, вторая работа
work record, employment record, certificate of employment | трудовая книжка, справка с места работы, сведения о трудовой деятельности
personnel file, employee record, HR file | личное дело, личная карточка
transfer, internal move, change teams, relocate to another department | перевод, перевестись, сменить отдел
promotion, promoted, career growth, advancement, career ladder | повышение, карьера, карьерный рост, продвижение, повысить
job title, role, position | должность, роль, позиция
job description, duties, responsibilities | должностная инструкция, обязанности, функции
salary, wage, wages, pay, paycheck, compensation, earnings, remuneration | зарплата, заработная плата, оклад, оплата труда, заработок, вознаграждение
payday, payroll, get paid, pay date, pay period | день зарплаты, выплата зарплаты, аванс, расчётный день
payslip, pay stub, pay statement, wage slip | расчётный листок, расчётка
raise, pay rise, salary increase, salary review | индексация, повышение зарплаты, прибавка, пересмотр зарплаты
bonus, incentive, annual bonus, performance bonus | премия, бонус, премирование, вознаграждение, тринадцатая зарплата
commission, sales commission | комиссия, комиссионные, процент с продаж
advance, salary advance, cash advance | аванс, подотчёт, деньги под отчёт, подотчётные средства
overtime, extra hours, work late | сверхурочные, переработка, сверхурочная работа
deduction, withhold, withheld | удержание, вычет, удержать
tax, income tax, taxation, withholding | налог, НДФЛ, подоходный налог, налогообложение
bank account, direct deposit, bank details | банковский счёт, реквизиты, зарплатная карта, расчётный счёт
loan, borrow, credit | заём, ссуда, кредит
equity, stock options, shares, vesting | опционы, акции, доли
allowance, stipend, subsidy, grant | пособие, надбавка, доплата, субсидия, дотация
expense, expenses, cost, costs, spending, out of pocket | расходы, затраты, траты, издержки
reimbursement, reimburse, pay back, refund, get money back, paid back | возмещение, возместить, компенсация, компенсировать, вернуть деньги, возврат средств
receipt, proof of purchase, invoice | чек, квитанция, подтверждающие документы
expense report, expense claim | авансовый отчёт, отчёт о расходах
company card, corporate card, company credit card | корпоративная карта, бизнес-карта
business trip, travel, work travel, trip | командировка, служебная поездка, поездка
per diem, daily allowance, meal allowance | суточные, командировочные
hotel, accommodation, lodging, place to stay | гостиница, отель, проживание, жильё
flight, airfare, plane ticket, airline | авиабилет, перелёт, самолёт, билет
train, rail | поезд, железнодорожный билет, РЖД
taxi, cab, ride share, Uber | такси, каршеринг
mileage, own car, personal vehicle, personal car, gas | личный автомобиль, своя машина, бензин, ГСМ, топливо, пробег
company car, company vehicle, fleet | служебный автомобиль, машина компании, корпоративный транспорт
meal, lunch, dinner, food | питание, обед, еда, столовая
relocation, relocate, moving, move to another city | релокация, переезд, переехать
benefit, benefits, perk, perks | льготы, соцпакет, социальный пакет, бонусы
health insurance, medical insurance, health plan, health coverage, medical coverage | ДМС, медицинская страховка, добровольное медицинское страхование, полис
insurance, coverage, insured | страховка, страхование, полис
dental, dentist, teeth, vision, glasses, optician | стоматология, стоматолог, зубы, очки, офтальмолог
dependent, family member, spouse, child, children, kids, husband, wife, partner | член семьи, супруг, ребёнок, дети, муж, жена, иждивенец, родственник
retirement plan, 401k, pension plan | пенсионная программа, НПФ, пенсионный план
gym, fitness, sport, wellness, wellbeing | спортзал, фитнес, спорт, абонемент
commute, commuting, transit, public transport, bus pass | проезд, дорога до работы, общественный транспорт
childcare, day care, nursery, kindergarten | детский сад, уход за детьми, няня
mental health, counseling, therapy, therapist, stress, burnout, EAP, employee assistance program | психолог, психологическая помощь, выгорание, стресс
working hours, work hours, schedule, office hours, business hours, core hours, shift, shifts | рабочее время, график, график работы, режим работы, часы работы, смена, расписание
flexible hours, flextime, flexible schedule | гибкий график, плавающий график
break, lunch break, rest break | перерыв, обеденный перерыв, пауза
late, lateness, tardiness, tardy, punctuality | опоздание, опоздать, задержаться, опаздывать
timesheet, time tracking, time card, clock in, hours worked | табель, учёт рабочего времени, тайм-трекинг
remote, remote work, work from home, WFH, telecommute, telework, telecommuting, home office | удалённая работа, удалёнка, из дома, дистанционная работа, дистанционно, дистант
hybrid, in the office, on-site, onsite, in person | гибридный, в офисе, очно
work from abroad, work abroad, another country, overseas, digital nomad | за границей, из-за границы, из другой страны, за рубежом
on call, on-call, standby, after hours, pager | дежурство, дежурный, дежурить
weekend, Saturday, Sunday | выходной, выходные дни, суббота, воскресенье
performance review, appraisal, performance evaluation, evaluation, annual review | аттестация, оценка персонала, ревью, оценка эффективности
feedback, one-on-one, 1:1, check-in | обратная связь, отзыв, встреча один на один
goal, goals, objective, OKR, target, KPI | цель, цели, показатели, KPI, план
poor performance, underperformance, performance improvement plan, PIP | низкая эффективность, план улучшения
discipline, disciplinary action, disciplinary, written warning, warning, reprimand | дисциплинарное взыскание, выговор, замечание, взыскание, наказание
misconduct, violation, breach, wrongdoing, break the rules | нарушение, проступок, нарушить
harassment, sexual harassment, bullying, hostile, abuse, inappropriate behavior | домогательство, харассмент, травля, буллинг, оскорбление
discrimination, bias, equal opportunity, fairness, diversity, inclusion | дискриминация, равные возможности, разнообразие
complaint, grievance, complain, report a problem, raise a concern, concern | жалоба, пожаловаться, претензия, обращение
whistleblower, whistleblowing, speak up, hotline, anonymous report | горячая линия, анонимное сообщение, сообщить о нарушении
retaliation, reprisal, retaliate | преследование, месть
conflict of interest, relative at work, nepotism | конфликт интересов, родственники
dating, relationship, romantic relationship, coworker relationship | отношения на работе, роман, служебный роман
gift, gifts, present, hospitality, entertainment, bribe, bribery | подарок, подарки, взятка, коррупция, представительские расходы
ethics, code of conduct, conduct, integrity, behavior | этика, кодекс, кодекс этики, поведение, правила поведения
dress code, clothing, attire, what to wear, clothes, appearance | дресс-код, одежда, внешний вид, форма одежды
smoking, smoke, vaping, cigarette | курение, курить, сигарета, вейп
alcohol, drink, drunk, drugs, substance abuse, intoxicated | алкоголь, пьяный, опьянение, наркотики, спиртное
weapon, gun, violence, threat | оружие, насилие, угроза
pet, dog, animal, service animal | животное, собака, питомец
social media, posting online, public statement, press, journalist, media inquiry | соцсети, социальные сети, СМИ, пресса, журналист, публикация
manager, supervisor, boss, team lead, line manager, lead, superior | руководитель, начальник, менеджер, шеф, непосредственный руководитель, тимлид
executive, leadership, management, C-level, director, CEO, president, head | руководство, директор, генеральный директор, дирекция, топ-менеджмент, администрация
employee, staff, worker, personnel, team member, staffer | сотрудник, работник, персонал, штат, служащий
coworker, colleague, teammate, peer, co-worker | коллега, товарищ по работе, сослуживец
human resources, HR, people team, people operations, people ops | отдел кадров, кадры, кадровик, HR, управление персоналом
accounting, accountant, bookkeeping, finance team | бухгалтерия, бухгалтер, финансовый отдел, главбух
IT, IT support, help desk, helpdesk, service desk, tech support, technical support | техподдержка, айтишники, ИТ-отдел, служба поддержки, техническая поддержка, системный администратор, сисадмин
legal, lawyer, attorney, legal counsel, counsel | юрист, юридический отдел, адвокат
security team, security officer, guard | служба безопасности, охрана, безопасник, охранник
procurement, purchasing, buyer | закупки, снабжение, отдел закупок, снабженец
sales, salesperson, sales team, account manager | продажи, отдел продаж, продавец, менеджер по продажам
marketing, advertising, promotion campaign | маркетинг, реклама, продвижение
department, team, division, unit, group | отдел, подразделение, департамент, команда, служба
committee, board, council | комитет, совет, комиссия, правление
mentor, buddy, coach | наставник, ментор, куратор
contact person, point of contact, who to ask, responsible person, owner | ответственный, контактное лицо, к кому обратиться
substitute, deputy, backup person, stand-in, cover for | заместитель, замещающий, исполняющий обязанности, замена
org chart, organization structure, reporting line | оргструктура, структура компании, подчинение
laptop, computer, notebook, workstation, PC, MacBook | ноутбук, компьютер, рабочая станция, ПК
phone, mobile, cell phone, smartphone, company phone | телефон, мобильный, смартфон, корпоративная связь
equipment, hardware, device, gear | оборудование, техника, устройство, аппаратура
monitor, screen, display | монитор, экран, дисплей
printer, print, printing, copier, scanner | принтер, печать, распечатать, МФУ, сканер
headset, headphones, keyboard, mouse, peripherals | гарнитура, наушники, клавиатура, мышь
broken, not working, malfunction, failure, fault, defect, out of order | сломался, не работает, неисправность, поломка, дефект, отказ, сбой
lost, stolen, theft, missing, lose | потерял, украли, кража, утеря, потеря, утрата
repair, fix, maintenance, servicing | ремонт, починить, обслуживание, исправить, устранить
replace, replacement, swap, exchange | замена, заменить, обмен, обменять
return equipment, hand over, give back, return | вернуть, сдать, возврат
personal device, BYOD, own laptop, own phone | личное устройство, свой ноутбук, собственный телефон
password, passcode, passphrase, credentials, PIN | пароль, учётные данные, код доступа, пин-код
two-factor, 2FA, MFA, multi-factor authentication, two-step verification, authenticator | двухфакторная аутентификация, двухфакторка, второй фактор, код подтверждения
log in, login, sign in, logon, authenticate, authentication | войти, вход, авторизация, авторизоваться, логин, аутентификация
log out, sign out, logout | выйти, выход из системы
account, user account, profile | учётная запись, аккаунт, профиль
locked out, account locked, cannot log in, forgot password, reset password | заблокирован, не могу войти, забыл пароль, сброс пароля, восстановить пароль
access, permission, permissions, rights, privileges, access rights, authorization | доступ, права, разрешение, полномочия, права доступа
administrator, admin, root, superuser | администратор, админ, суперпользователь
VPN, remote access, secure connection | ВПН, VPN, удалённый доступ
wifi, wi-fi, wireless, network, internet connection | вайфай, wi-fi, беспроводная сеть, сеть, интернет
email, e-mail, mail, mailbox, inbox | почта, электронная почта, имейл, письмо, почтовый ящик
attachment, attached file | вложение, прикреплённый файл, прикрепить
phishing, scam, suspicious email, spam, fraud, social engineering | фишинг, мошенничество, подозрительное письмо, спам, мошенники
malware, virus, ransomware, infected, hacked | вирус, вредоносное ПО, взлом, взломали, заражение
security incident, incident, data breach, leak, data leak, compromise | инцидент, утечка, утечка данных, инцидент безопасности, компрометация
report an incident, notify security | сообщить об инциденте, уведомить
encryption, encrypt, encrypted | шифрование, зашифровать, шифровать
backup, back up, restore, recovery | резервная копия, бэкап, резервное копирование, восстановление, восстановить
software, program, application, app, tool | программа, приложение, софт, ПО, программное обеспечение
install, installation, set up, setup, deploy, deployment | установить, установка, развернуть, развёртывание, поставить
uninstall, remove, delete, erase, wipe, deletion | удалить, удаление, стереть, убрать
update, upgrade, patch, new version | обновление, обновить, апгрейд, новая версия
download, upload | скачать, загрузить, загрузка
file, document, folder, directory | файл, документ, папка, каталог
open source, licence, license, licensing | открытый код, лицензия, лицензирование
subscription, plan, pricing, tier | подписка, тариф, тарифный план
configuration, settings, preferences, options, configure, configured | настройка, настройки, конфигурация, параметры, настроить
error, bug, crash, issue, exception | ошибка, баг, сбой, исключение
restart, reboot, reload | перезагрузка, перезапуск, перезагрузить, перезапустить
shut down, turn off, switch off, disable, deactivate | выключить, отключить, остановить, деактивировать
turn on, enable, activate, switch on, start | включить, активировать, запустить
server, host, hosting, machine | сервер, хост, хостинг
cloud, cloud storage | облако, облачное хранилище
database, DB, data store | база данных, БД
release, ship, rollout, launch, go live | релиз, выпуск, запуск, выкатить
outage, downtime, unavailable, incident response | простой, недоступность, авария
monitoring, alert, alerting, logs | мониторинг, оповещение, уведомление, журнал
test, testing, QA, quality assurance | тестирование, тест, проверка качества
code review, pull request, merge request, PR | ревью кода, пулл-реквест, мёрж-реквест
repository, repo, source code, codebase | репозиторий, исходный код, код
ticket, request, case, support request, issue tracker | заявка, тикет, обращение, запрос
artificial intelligence, AI, ChatGPT, language model, LLM, machine learning | искусственный интеллект, ИИ, нейросеть, языковая модель
approve, approval, sign off, sign-off, authorize, permission, consent, green light | согласовать, согласование, утвердить, одобрить, одобрение, утверждение, виза
sign, signature, e-signature, signing, electronic signature | подпись, подписать, ЭЦП, электронная подпись, подписание
stamp, seal | печать, штамп
form, application form, request form, paperwork | форма, бланк, заявление, анкета
submit, file, hand in, turn in, send in | подать, сдать, направить, предоставить, отправить
deadline, due date, time limit, cutoff, last date | срок, дедлайн, крайний срок, последний день
policy, rule, rules, guideline, guidelines, regulation, regulations | политика, правила, положение, регламент, порядок
procedure, process, steps, instructions, how-to | процедура, процесс, порядок, инструкция, шаги
handbook, manual, guide, documentation | руководство, справочник, инструкция, документация, методичка
template, sample, example, boilerplate | шаблон, образец, пример
required, mandatory, must, obligatory, compulsory, have to | обязательно, обязан, необходимо, требуется, обязательный
optional, voluntary, not required | необязательно, по желанию, добровольно
allowed, permitted, may, can, okay | разрешено, можно, допускается, вправе, разрешается
forbidden, prohibited, not allowed, banned, ban, must not | запрещено, нельзя, запрет, не допускается, запрещается
eligible, eligibility, qualify, entitled, entitlement | право на, положено, полагается, имеет право, вправе
exception, exemption, waiver, exempt | исключение, освобождение
requirement, requirements, criteria, condition, conditions | требования, условия, критерии
responsible, accountable, in charge | отвечает, ответственный, ответственность
fine, penalty, late fee | штраф, пеня, неустойка
record, log, register, registry | журнал, реестр, учёт, запись
archive, retention, keep records, store, storage period | архив, хранение, срок хранения, хранить
version, revision, edition | версия, редакция, издание
budget, funding, funds | бюджет, финансирование, средства
invoice, bill, billing | счёт, счёт-фактура, счёт на оплату
payment, pay, paid, settle | оплата, платёж, оплатить, расчёт
prepayment, deposit, down payment, upfront payment | предоплата, аванс, задаток
installment, instalment, payment plan | рассрочка, платёж частями
debt, overdue, arrears, outstanding, unpaid | долг, задолженность, просрочка, неоплаченный
refund, money back, chargeback | возврат денег, вернуть деньги, возврат
price, cost, fee, charge, rate, how much | цена, стоимость, тариф, плата, стоит, расценка
discount, rebate, price reduction, special offer | скидка, акция, распродажа, спецпредложение
price list, rate card, catalog, catalogue | прайс-лист, прайс, каталог, прейскурант
VAT, sales tax | НДС
revenue, turnover, income, sales volume | выручка, оборот, доход
profit, margin, markup | прибыль, маржа, наценка, рентабельность
loss, damage, damages | убыток, ущерб, потери
audit, inspection, check, review | аудит, проверка, ревизия, инспекция
report, reporting, statement | отчёт, отчётность
purchase, buy, procure, order, acquire | закупка, купить, покупка, приобрести, приобретение
purchase order, PO, order form | заказ поставщику, заявка на закупку
tender, bid, bidding, RFP, quotation, quote | тендер, конкурс, торги, коммерческое предложение, КП
supplier, vendor, provider | поставщик, вендор, контрагент
customer, client, buyer, consumer | клиент, заказчик, покупатель, потребитель
partner, dealer, reseller, distributor | партнёр, дилер, дистрибьютор
order, booking, reservation | заказ, бронирование, бронь, заявка
delivery, shipping, shipment, dispatch, freight | доставка, отгрузка, поставка, перевозка
courier, carrier, postal service | курьер, перевозчик, почта, транспортная компания
warehouse, stock, inventory, storage | склад, запасы, остатки, складской учёт
warranty, guarantee | гарантия, гарантийный срок
complaint about a product, claim, defective goods, return of goods | рекламация, претензия, брак, возврат товара
assembly, installation service, fitting | сборка, монтаж, установка
measurement, dimensions, size | замер, размеры, габариты
material, raw material, supplies | материал, сырьё, расходники
production, manufacturing, plant, factory | производство, изготовление, цех, завод, фабрика
quality, quality control | качество, контроль качества, ОТК
packaging, package, box | упаковка, тара, коробка
lead time, turnaround, production time | срок изготовления, срок поставки, сроки
cancel, cancellation, call off, revoke | отмена, отменить, аннулировать, отказ, отозвать
postpone, reschedule, delay, put off | перенести, отложить, задержка, перенос
extend, extension, renew, renewal, prolong | продление, продлить, пролонгация
negotiation, deal, terms | переговоры, сделка, условия
confidential, confidentiality, NDA, non-disclosure, secret, trade secret | конфиденциальность, коммерческая тайна, соглашение о неразглашении, NDA, секретно, тайна
personal data, privacy, GDPR, personal information, PII | персональные данные, личные данные, обработка персональных данных
intellectual property, IP, copyright, patent, trademark | интеллектуальная собственность, авторское право, патент, товарный знак
non-compete, competition, competitor | конкурент, конкуренция, неконкуренция
lawsuit, litigation, court, sue, dispute | суд, иск, спор, судебный, разбирательство
liability, liable, legal responsibility | ответственность, материальная ответственность
compliance, comply, compliant | соблюдение, соответствие, комплаенс
power of attorney, proxy | доверенность
law, legislation, statute | закон, законодательство, норма
subpoena, government request, law enforcement, police | полиция, правоохранительные органы, запрос органов
immigration, visa, work permit, work visa, sponsorship | виза, разрешение на работу, миграция, патент
passport, ID, identification, identity document | паспорт, удостоверение, документ удостоверяющий личность
office, workplace, premises, building | офис, рабочее место, помещение, здание
desk, workspace, seat, hot desk | стол, рабочее место, место
meeting room, conference room, book a room | переговорная, переговорка, конференц-зал, зал
badge, key card, access card, pass, keycard, entry card | пропуск, бейдж, карта доступа, ключ-карта
visitor, guest, bring a guest, visitors | посетитель, гость, посетители
parking, car park, park my car | парковка, стоянка, паркинг, припарковать
kitchen, coffee, snacks, fridge | кухня, кофе, чай, холодильник
cleaning, cleaner, housekeeping | уборка, уборщица, клининг
key, keys, lock | ключ, замок, ключи
heating, air conditioning, temperature | отопление, кондиционер, температура
office supplies, stationery | канцтовары, канцелярия
address, location, where is, located, directions | адрес, местоположение, расположение, находится, как проехать
phone number, contact, contacts, reach, get in touch | номер телефона, контакты, связаться, позвонить, обратиться
mail delivery, parcel, package delivery | посылка, корреспонденция
fire alarm, evacuation, fire safety, emergency exit, fire drill | пожар, эвакуация, пожарная безопасность, пожарная тревога, запасный выход
emergency, urgent, crisis | чрезвычайная ситуация, экстренный, срочно, ЧС, авария
accident, injury, injured, hurt, workplace injury | несчастный случай, травма, производственная травма, пострадавший
workers' compensation, workers compensation, injury compensation | страхование от несчастных случаев, компенсация вреда
first aid, first-aid kit, ambulance, defibrillator | первая помощь, аптечка, скорая помощь, медпункт
safety, occupational safety, health and safety, safety rules | охрана труда, техника безопасности, безопасность
protective equipment, PPE, gloves, helmet, safety glasses | средства защиты, СИЗ, спецодежда, перчатки, каска
medical examination, checkup, health check | медосмотр, медицинский осмотр, медкомиссия, диспансеризация
vaccine, vaccination, covid, flu shot | прививка, вакцинация, ковид, вакцина
disability, disabled, accommodation, accessibility, reasonable accommodation | инвалидность, инвалид, доступная среда, ограниченные возможности
hazard, risk, danger, dangerous | опасность, риск, опасный
training, course, learning, education, class, workshop | обучение, курс, тренинг, учёба, повышение квалификации
certificate, certification, diploma, degree | сертификат, диплом, свидетельство, аттестат
conference, seminar, event, summit | конференция, семинар, мероприятие
tuition, tuition reimbursement, education budget, learning budget, professional development | оплата обучения, компенсация обучения, бюджет на обучение
book, library, books | книга, библиотека, литература
skill, skills, competence, competency, expertise | навык, компетенция, квалификация, умение
briefing, instruction, induction | инструктаж, вводный инструктаж
meeting, call, sync, stand-up, standup, all-hands | встреча, совещание, созвон, собрание, планёрка, митинг
calendar, invite, invitation, schedule a meeting | календарь, приглашение, назначить встречу
minutes, notes, meeting notes, protocol | протокол, заметки, итоги встречи
chat, messenger, Slack, instant message, message | чат, мессенджер, сообщение, переписка
announcement, newsletter, news | объявление, новости, рассылка
language, translation, interpreter | язык, перевод, переводчик
video call, Zoom, videoconference, video meeting | видеозвонок, видеоконференция, видеосвязь
presentation, slides, deck | презентация, слайды
survey, poll, questionnaire | опрос, анкета, голосование
project, initiative, program | проект, программа, инициатива
task, assignment, to-do, work item | задача, поручение, задание
plan, roadmap, schedule | план, дорожная карта, график
priority, urgent matter, important | приоритет, срочность, важный
milestone, stage, phase | этап, веха, стадия, фаза
goal setting, planning session | планирование, постановка целей
team building, offsite, retreat, party, celebration, corporate event | тимбилдинг, корпоратив, праздник, выездное мероприятие, вечеринка
birthday, anniversary | день рождения, юбилей, годовщина
volunteer, volunteering, charity, donation | волонтёрство, благотворительность, пожертвование
award, recognition, reward, thank | награда, признание, поощрение, благодарность
company history, founded, founder, mission, values | история компании, основатель, миссия, ценности
minimum, at least, no less than, lowest | минимум, не менее, как минимум, минимальный
maximum, at most, no more than, limit, cap, up to, ceiling | максимум, не более, лимит, предел, максимальный, не превышает
once a month, monthly, each month, every month | ежемесячно, раз в месяц, каждый месяц
once a year, annually, yearly, per year, every year, annual | ежегодно, раз в год, каждый год, годовой
weekly, once a week, every week | еженедельно, раз в неделю
daily, every day, each day | ежедневно, каждый день
quarterly, every quarter | ежеквартально, раз в квартал
frequency, how often, how frequently | периодичность, как часто, частота
in advance, beforehand, ahead of time, prior, ahead | заранее, предварительно, за сколько
immediately, right away, as soon as possible, at once, promptly | немедленно, сразу, срочно, как можно скорее, незамедлительно
duration, length, how long, period | длительность, продолжительность, период, срок
start date, effective date, come into force | дата начала, вступает в силу, дата вступления
expire, expiry, expiration, run out, lapse, valid until | истекает, срок действия, сгорает, сгорят, действителен
increase, raise, grow, higher | увеличить, повысить, рост, поднять
decrease, reduce, lower, cut | снизить, уменьшить, сократить
change, modify, alter, amend, edit | изменить, изменение, поменять, исправить, редактировать
create, make, add, new | создать, добавить, завести, новый
find, search, look up, locate | найти, поиск, искать
show, display, view, see | показать, посмотреть, отобразить, просмотр
send, forward, share | отправить, переслать, передать, поделиться
receive, get, obtain | получить, получение
choose, select, pick | выбрать, выбор
help, assistance, support, aid | помощь, поддержка, помочь
inform, notify, tell, report, let know | сообщить, уведомить, известить, оповестить
ask, request, apply, inquire | попросить, запросить, обратиться, запрос
decide, decision, determine | решить, решение, определить
check, verify, confirm, validate | проверить, подтвердить, проверка, подтверждение
connect, link, attach, join | подключить, соединить, подключение, привязать
copy, duplicate, clone | скопировать, копия, дубликат
import, export, migrate, migration | импорт, экспорт, выгрузка, перенос данных, миграция
filter, sort, sorting | фильтр, сортировка, отобрать
table, spreadsheet, Excel, sheet | таблица, эксель, лист
chart, graph, diagram, dashboard | диаграмма, график, дашборд, схема
button, menu, tab, icon | кнопка, меню, вкладка, иконка
field, column, row, cell | поле, столбец, колонка, строка, ячейка
notification, alert, reminder | уведомление, напоминание, оповещение
user, end user | пользователь
fever, flu, cold, unwell, feel sick, under the weather, caught a cold | температура, простуда, грипп, простудился, плохо себя чувствовать, недомогание
doctor, physician, clinic, hospital, hospitalized | врач, доктор, поликлиника, больница, госпитализация
surgery, operation, medical procedure | операция, хирургия
parent, mother, father, mom, dad | родитель, мать, отец, мама, папа, родители
grandparent, grandmother, grandfather, grandma, grandpa | бабушка, дедушка
sibling, brother, sister | брат, сестра
immediate family, close relative, relatives, family | близкие родственники, семья, родственники, родные
baby, infant, child, kid, son, daughter | малыш, младенец, ребёнок, сын, дочь
dog, puppy, cat, pets, animals | собака, щенок, кошка, кот, питомец, животное
friend, acquaintance, classmate, know someone | друг, знакомый, приятель, подруга
money, cash, funds, sum, amount | деньги, наличные, средства, сумма
euro, euros, dollar, dollars, rubles | евро, доллар, рубль, рублей
gas, fuel, petrol | бензин, топливо, дизель
car, vehicle, automobile, driving, drive | машина, автомобиль, авто, транспорт, за рулём
bike, bicycle, scooter | велосипед, самокат
USB stick, flash drive, thumb drive, removable media, storage media, external drive | флешка, флэшка, накопитель, съёмный носитель, внешний диск
plug in, insert, connect a device | воткнуть, вставить, подключать
steal, stole, stolen, robbed, theft | украсть, украли, кража, похитить, хищение
call, phone, ring, dial | звонить, позвонить, номер, телефон
write, email someone, message someone | написать, письмо, сообщение
click, open a link, link | ссылка, перейти по ссылке, кликнуть
suspicious, weird, strange, unknown sender | подозрительный, странный, неизвестный отправитель
anonymously, anonymous, without giving a name, without my name | анонимно, без имени, не называя имени
rude, nasty, insult, mean remarks, offensive, yelling | грубость, хамство, оскорбление, грубый, кричит
beach, trip abroad, go away, vacation trip | море, поехать отдыхать, путешествие, уехать
split, in parts, divide, in pieces | разделить, частями, по частям, кусками, делить
skip, miss, absent without leave | пропустить, прогулять, пропуск занятий
leave early, go home early | уйти раньше, отпроситься, отпроситься пораньше
sleep, overslept, woke up | проспал, проснулся
tell, inform, let someone know, notify, announce | сказать, предупредить, сообщить, известить, уведомить
keep, retain, hold on to, save | сохранить, хранить, оставить, сберечь
lose, forfeit, expire, lapse, use it or lose it | потерять, сгореть, пропасть, сгорает
pay for, cover, reimburse, compensate | оплатить, оплачивать, возместить, покрыть, компенсировать, вернуть
spend, use up, expenditure | потратить, тратить, расходовать, расход
earn, make money, get paid | заработать, получать, платят
entitled to, get, be given, receive | положено, дают, дадут, предоставляется, получить
stay home, at home | сидеть дома, остаться дома, дома
sit, work remotely from | сидеть на удалёнке, работать удалённо, дистанционно
hours, schedule, start work, begin the day, come to work | начало работы, приходить на работу, рабочий день, к скольки
finish, end of the day, go home | конец рабочего дня, уходить с работы, окончание
night, evening, at night | ночь, вечер, ночью, ночное время
year, calendar year, annual | год, календарный год, в год
beginner, junior, newbie, just started, recently joined, started working | новичок, недавно устроился, только пришёл, только вышел
get rid of, throw away, dispose, disposal | выбросить, утилизация, списать, списание
broken screen, cracked, damaged, spilled | разбил, разбит, повреждён, пролил, повреждение
wait, waiting time, how long does it take | ждать, сколько ждать, срок рассмотрения
who decides, who approves, needs approval, sign-off from | кто решает, кто согласует, кто разрешает, согласование
where do I find, where can I find, available at | где найти, где взять, где посмотреть, доступен
"""  # noqa: E501  a group is read as one line
