"""Sentences of office life in English and Russian, a data table: does a model know that they mean the same?

Written for this purpose. The pairs share no word, name or figure, so that only meaning can join them.
"""

from __future__ import annotations

__all__ = ["PAIRS"]

PAIRS: tuple[tuple[str, str], ...] = (
    ("Employees may take their annual leave in two parts.", "Сотрудник вправе разделить ежегодный отпуск."),
    ("The invoice has to be paid within a month.", "Счёт следует оплатить в течение месяца."),
    ("Passwords are changed every quarter.", "Пароли меняют раз в квартал."),
    ("Smoking is forbidden inside the building.", "В здании запрещено курить."),
    ("The warehouse is locked during the night.", "На ночь склад запирают."),
    ("Travel costs are refunded after the trip.", "Расходы на командировку возмещают после поездки."),
    ("New colleagues receive a laptop on their first day.", "Новичкам выдают ноутбук в первый рабочий день."),
    ("A doctor's certificate is needed for a long illness.", "При долгой болезни нужна справка от врача."),
    ("The fire alarm is tested once a year.", "Пожарную сигнализацию проверяют ежегодно."),
    ("Visitors sign the book at the reception.", "Посетители расписываются в журнале на входе."),
    ("The contract is signed by the director.", "Договор подписывает руководитель."),
    ("Lunch break lasts one hour.", "Обеденный перерыв длится час."),
    ("Broken furniture is replaced free of charge.", "Сломанную мебель меняют бесплатно."),
    ("Salary is transferred twice a month.", "Зарплату перечисляют два раза в месяц."),
    ("The car must be washed before it is returned.", "Перед возвратом автомобиль нужно помыть."),
    ("Backups are kept on a separate server.", "Резервные копии хранят на отдельном сервере."),
    ("Personal data may not be shown to strangers.", "Личные сведения нельзя показывать посторонним."),
    ("The meeting room is booked in advance.", "Переговорную бронируют заранее."),
    ("Overtime is paid at a double rate.", "Сверхурочную работу оплачивают вдвойне."),
    ("Goods with a defect are sent back to the supplier.", "Бракованный товар возвращают поставщику."),
    ("Working from home requires the manager's consent.", "Для удалённой работы нужно согласие начальника."),
    ("The archive keeps papers for five years.", "Бумаги лежат в архиве пять лет."),
    ("Helmets are worn on the construction site.", "На стройке носят каски."),
    ("Customers get an answer to a complaint within ten days.", "На жалобу клиента отвечают за десять дней."),
)
