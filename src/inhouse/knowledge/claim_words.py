"""The words that the checks of claims know: opposites, roles, words of the frame. Tables. Pure."""

from __future__ import annotations

__all__ = ["FRAME", "OPPOSITES", "ROLES", "STRONG", "WEEKDAYS"]

OPPOSITES = """
minimum minimal least минимальный минимальная минимум | maximum maximal most максимальный максимум
before until earlier | after since later
increase increased rise rose grow grew raise raised higher
    | decrease decreased fall fell drop dropped reduce reduced decline declined lower shrink shrank
вырасти выросли выросла вырос увеличиться увеличились увеличилась увеличить растут повысить повысились выше
    | снизиться снизились снизилась снизить упасть упали упала уменьшиться уменьшились уменьшить
    сократиться сократились понизить ниже
mandatory compulsory obligatory required | optional voluntary
обязательный обязательна обязательно | добровольный добровольно необязательный необязательно
allow allowed permit permitted | prohibit prohibited forbid forbidden ban banned
разрешено разрешается разрешить можно допускается
    | запрещено запрещается запретить нельзя воспрещается недопустимо
open opens opened | close closes closed
открывается открыт открыта открыто | закрывается закрыт закрыта закрыто
start starts begin begins | end ends finish finishes expire expires
начинается начало | заканчивается кончается конец истекает
включая включается | исключая исключается
accept accepts accepted approve approved | reject rejected refuse refused decline
принять принят принята одобрить одобрен | отклонить отклонен отклонена отказать
internal | external
внутренний | внешний
full-time | part-time
free | paid charged
бесплатно бесплатный | платно платный
buyer | seller
покупатель | продавец
employer | employee
работодатель | работник
"""
"""Two sides of each pair; what is too long goes on in the next line, behind its bar."""
ROLES = """
manager supervisor head lead leader boss руководитель начальник заведующий
director ceo chief директор гендиректор
accountant accounting bookkeeper accounts бухгалтер бухгалтерия
lawyer legal counsel юрист юридический
intern trainee apprentice стажер стажёр практикант
contractor freelancer подрядчик исполнитель
customer client buyer покупатель клиент заказчик
supplier vendor seller поставщик продавец
guest visitor посетитель гость
student pupil студент ученик
engineer инженер
administrator admin администратор сисадмин
secretary assistant секретарь помощник
auditor аудитор ревизор
doctor physician врач
nurse медсестра
teacher lecturer учитель преподаватель
driver водитель
guard security охрана охранник
recruiter hr personnel кадры кадров кадровик
shareholder акционер
tenant арендатор
landlord арендодатель
parent родитель
child ребенок ребёнок
adult взрослый
senior пенсионер
junior младший
"""
"""One role per line, by all its names. Everybody ("employee", "сотрудник") is no role."""
STRONG = (
    "always guaranteed unlimited immediately automatically instantly free"
    " всегда гарантированно гарантирован неограниченно немедленно автоматически бесплатно"
    " бесплатный безлимитный"
)
"""What a claim may say only where its source says it."""
WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday"
    " понедельник вторник среда четверг пятница суббота воскресенье"
)
FRAME = """
get got receive give given make made take taken have keep kept provide offer use need require request
ask pay paid call hold held put apply submit file send sent hand allow approve grant entitle can may
must shall should per each employee employees staff worker person people company you member every
everyone anyone last take lasts amount amounts equal constitute include cost support possible available
valid also exactly total fall located contain state say mean according policy document certain least
most between within than total получать получает получают предоставлять предоставляется выдавать
выдаётся выдать дать давать дают дадут иметь составлять составляет равен равна длиться длится
продолжаться подавать подают подать направлять платить платят оплачиваться выплачивать выплачивают
проходит пройдет состоится находиться находится сотрудник сотрудники работник работники человек компания
лист город каждый согласно документ правило течение размер общий всего необходимо требуется нужно обязан
должен может разрешено также именно год work worked working job next following current new day days
moment date time begin become happen occur notify inform tell report contact write ask open opens reach
turn go come bring show see find know think want wish book booked reserve return help set define
describe specify state regulate apply applies effective run lead do done carried carry up over out once
already usually normally generally please order case way part number person thing kind least most well
сообщить сообщать уведомить уведомлять уведомляет известить рассказать обратиться обращаться спросить
прийти пойти работать работа работает работают день момент дата время начало действовать действует
вступить потребоваться потребуется потребуются понадобится понадобятся оформить оформление оформлять
сделать делать провести проводить проводится осуществляться осуществляется производиться производится
принимать принять взять брать найти узнать указать указывать указано описать определить установить
установлено регулироваться касаться относиться означать вернуть возвращать возвращают вернут
забронировать следующий текущий новый данный соответствующий случай порядок способ часть число вид
обычно как правило образ помощь очередь сторона место весь самый другой это есть быть стать являться
считаться называться
"""
"""Words in which two true sentences differ freely; a change of one of them changes no fact by itself."""
