"""Owns the SQL of one value: how a field of a person or an event is drawn from a 64-bit seed, by its path and kind.

Everything is an expression over columns that `rows` provides, so a part of any length is made without Python per row.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui_app.emulator.data import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_app.emulator.world.fields import Field

_PLAIN = re.compile(r"[ !#-&(-\[\]-~]*")
_DAY_MS = 86_400_000
_ODD = 211  # one last name of so many is one that breaks what trusts it
_PRIME = 2_147_483_647  # people's numbers are scattered below it, one to one
TYPES = {
    "string": "VARCHAR",
    "integer": "INTEGER",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "date-time": "TIMESTAMP",
}


def text(value: str) -> str:
    """Return an SQL expression of `value`; anything but plain ASCII goes as hexadecimal, so no text can break out."""
    if _PLAIN.fullmatch(value):
        return f"'{value}'"
    return f"decode(unhex('{value.encode('utf-8', 'replace').hex()}'))"


def listed(values: Iterable[str]) -> str:
    """Return an SQL list of texts."""
    return f"[{','.join(text(one) for one in values)}]"


PERSON_SEED = "h"  # the column that `rows` provides; what is the same in all events of a person is drawn from it


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws for one field: `seed` is the SQL of an unsigned 64-bit number, `topic` tells fields apart.

    `before` is the SQL of the epoch milliseconds before which all times lie; `country` that of an index of
    `words.COUNTRIES`; `person` that of the person's number.
    """

    seed: str
    topic: str
    before: str
    country: str = "k"
    person: str = "p"

    def of(self, topic: str) -> Draw:
        """Return the draws of another field of the same row."""
        return replace(self, topic=topic)

    @property
    def bits(self) -> str:
        """An unsigned 64-bit number."""
        return f"hash(xor({self.seed},{zlib.crc32(self.topic.encode())}::UBIGINT))"

    def below(self, limit: int) -> str:
        """An integer from 0 to `limit`, excluded."""
        return f"({self.bits}%{limit})::BIGINT"

    def pick(self, choices: Iterable[str]) -> str:
        """One of `choices`."""
        found = tuple(choices)
        return f"({listed(found)})[1+{self.below(len(found))}]"

    def early(self, choices: Iterable[str]) -> str:
        """One of `choices`, the first of them most often: the lesser of two draws."""
        found = tuple(choices)
        other = self.of(f"{self.topic}+")
        return f"({listed(found)})[1+least({self.below(len(found))},{other.below(len(found))})]"

    def hex(self, prefix: str = "") -> str:
        """Sixteen hexadecimal digits behind `prefix`."""
        return f"{text(prefix)}||lpad(lower(to_hex({self.bits})),16,'0')"

    def moment(self, days: int) -> str:
        """A time in the `days` before `before`."""
        return f"epoch_ms({self.before}-{self.below(days * _DAY_MS)})"

    def of_country(self, part: Callable[[words.Country], str]) -> str:
        """What `part` says of the person's country."""
        return f"({listed(part(one) for one in words.COUNTRIES)})[1+{self.country}]"

    def of_city(self, place: int) -> str:
        """A part of the city that the address with this topic's parent is in."""
        cities = ",".join(listed(city[place] for city in one.cities) for one in words.COUNTRIES)
        city = self.of(f"{self.topic.rpartition('.')[0]}.city").below(3)
        return f"([{cities}])[1+{self.country}][1+{city}]"


def email(draw: Draw) -> str:
    """Return the e-mail address of a person: the same wherever it is shown."""
    draw = replace(draw, seed=PERSON_SEED)
    name = f"({listed(ascii_name for _, ascii_name in words.FIRST_NAMES)})[1+{_first(draw)}]"
    return f"{name}||'.'||{_number(draw)}||'@example.com'"


def crm_id(draw: Draw) -> str:
    """Return the customer number of a person: the same wherever it is shown."""
    return f"'C-'||lpad(({_number(draw)})::VARCHAR,10,'0')"


def _number(draw: Draw) -> str:
    return f"(({draw.person}*48271+20011)%{_PRIME})"


def _first(draw: Draw) -> str:
    return draw.of("first name").below(len(words.FIRST_NAMES))


def _first_name(draw: Draw) -> str:
    return f"({listed(name for name, _ in words.FIRST_NAMES)})[1+{_first(draw)}]"


def _last_name(draw: Draw) -> str:
    odd, last = draw.of("odd name"), draw.of("last name")
    choices = words.ODD_NAMES
    chosen = f"({listed(choices)})[1+({odd.bits}//{_ODD}%{len(choices)})::BIGINT]"
    return f"CASE WHEN {odd.bits}%{_ODD}=0 THEN {chosen} ELSE {last.pick(words.LAST_NAMES)} END"


def _birth_date(draw: Draw) -> str:
    return f"(DATE '1934-01-01'+{draw.of('birth date').below(27_000)}::INTEGER)"


def _phone(draw: Draw) -> str:
    return f"'+'||{draw.of_country(lambda one: one.dial)}||' 555 0'||lpad({draw.below(1_000_000)}::VARCHAR,6,'0')"


def _page(draw: Draw) -> str:
    return f"'https://www.example.com/'||{draw.pick(words.PAGES)}||'?id='||{draw.of(draw.topic + '?').below(9_999)}"


def _times(limit: int, digits: int = 2) -> Callable[[Draw], str]:
    scale = 10**digits
    return lambda draw: f"{draw.below(limit * scale)}/{scale}.0::DOUBLE"


def _from(low: int, high: int) -> Callable[[Draw], str]:
    return lambda draw: f"{low}+{draw.below(high - low + 1)}"


def _any(*choices: str) -> Callable[[Draw], str]:
    return lambda draw: draw.pick(choices)


_Rule = Callable[[Draw], str]
# By the end of the path, longest first: what a text of this name holds, and what any other kind of value.
_TEXTS: dict[str, _Rule] = {
    "_id": lambda draw: draw.hex(),
    "person.name.firstName": _first_name,
    "person.name.lastName": _last_name,
    "person.name.fullName": lambda draw: f"{_first_name(draw)}||' '||{_last_name(draw)}",
    "middleName": _any("A.", "Marie", "Lee", "José", "van"),
    "courtesyTitle": _any("Ms", "Mr", "Dr", "Mx", "Fru", "Hr."),
    "suffix": _any("Jr.", "PhD", "III"),
    "birthDayAndMonth": lambda draw: f"strftime({_birth_date(draw)},'%m-%d')",
    "nationality": lambda draw: draw.of_country(lambda one: one.code),
    "personID": crm_id,
    "crmID": crm_id,
    "customerKey": crm_id,
    "personalEmail.address": email,
    "preferredLanguage": lambda draw: draw.of_country(lambda one: one.language),
    "language": lambda draw: draw.of_country(lambda one: one.language),
    "acceptLanguage": lambda draw: draw.of_country(lambda one: one.language),
    "timeZone": lambda draw: draw.of_country(lambda one: one.zone),
    "ianaTimezone": lambda draw: draw.of_country(lambda one: one.zone),
    "country": lambda draw: draw.of_country(lambda one: one.name),
    "countryCode": lambda draw: draw.of_country(lambda one: one.code),
    "Phone.countryCode": lambda draw: draw.of_country(lambda one: one.dial),
    "currencyCode": lambda draw: draw.of_country(lambda one: one.currency),
    "city": lambda draw: draw.of_city(0),
    "postalCode": lambda draw: draw.of_city(1),
    "region": lambda draw: draw.of_city(2),
    "stateProvince": lambda draw: draw.of_city(2),
    "state": lambda draw: draw.of_city(2),
    "street1": lambda draw: f"{draw.pick(words.STREETS)}||' '||(1+{draw.of(draw.topic + '#').below(240)})",
    "street2": _any("2nd floor", "Flat 4", "c/o Sørensen", "Apt. 12B"),
    "street3": _any("Rear building", "Gate 3"),
    "postOfficeBox": lambda draw: f"'PO Box '||{draw.below(9_999)}",
    "number": _phone,
    "phoneNumber": _phone,
    "areaCode": lambda draw: f"lpad({draw.below(999)}::VARCHAR,3,'0')",
    "extension": lambda draw: f"{draw.below(999)}::VARCHAR",
    "createdBy": lambda draw: draw.pick(words.SOURCES),
    "modifiedBy": lambda draw: draw.pick(words.SOURCES),
    "createdByBatchID": lambda draw: draw.hex(),
    "modifiedByBatchID": lambda draw: draw.hex(),
    "program": _any("Example Club", "Example Plus", "Førstepladsen"),
    "attribute": _any("size", "colour", "fit"),
    "value": _any("S", "M", "L", "42", "blue"),
    "jobTitle": lambda draw: draw.pick(words.JOBS),
    "department": lambda draw: draw.pick(words.DEPARTMENTS),
    "jobFunction": lambda draw: draw.pick(words.DEPARTMENTS),
    "organizations": lambda draw: draw.pick(words.COMPANIES),
    "company.name": lambda draw: draw.pick(words.COMPANIES),
    "industry": _any("retail", "energy", "health", "travel"),
    "categories": lambda draw: draw.pick(words.CATEGORIES),
    "categoryName": lambda draw: draw.pick(words.CATEGORIES),
    "brands": lambda draw: draw.pick(words.BRANDS),
    "brand": lambda draw: draw.pick(words.BRANDS),
    "colours": lambda draw: draw.pick(words.COLOURS),
    "make": lambda draw: draw.pick(words.BRANDS),
    "manufacturer": lambda draw: draw.pick(words.BRANDS),
    "model": lambda draw: draw.pick(words.MODELS),
    "nickname": _first_name,
    "operatingSystem": lambda draw: draw.pick(words.SYSTEMS),
    "platform": lambda draw: draw.pick(words.SYSTEMS),
    "browserDetails.name": lambda draw: draw.pick(words.BROWSERS),
    "userAgent": lambda draw: draw.pick(words.AGENTS),
    "version": lambda draw: f"(1+{draw.below(130)})||'.'||{draw.of(draw.topic + '#').below(9)}",
    "modelVersion": lambda draw: f"'v'||(1+{draw.below(9)})",
    "ipV4": lambda draw: f"{draw.pick(('192.0.2.', '198.51.100.', '203.0.113.'))}||{draw.of('ip').below(254)}",
    "ipV6": lambda draw: f"'2001:db8::'||lower(to_hex({draw.below(65_535)}))",
    "domain": _any("www.example.com", "shop.example.com", "news.example.org"),
    "webPageDetails.name": lambda draw: draw.pick(words.PAGES),
    "viewName": lambda draw: draw.pick(words.PAGES),
    "siteSection": lambda draw: draw.pick(words.PAGES),
    "keywords": lambda draw: draw.pick(words.PRODUCTS),
    "query": lambda draw: draw.pick(words.PRODUCTS),
    "phrase": lambda draw: draw.pick(words.PRODUCTS),
    "productListItems.name": lambda draw: draw.pick(words.PRODUCTS),
    "SKU": lambda draw: f"'SKU-'||lpad({draw.below(99_999)}::VARCHAR,5,'0')",
    "campaignName": lambda draw: draw.pick(words.CAMPAIGNS),
    "campaign": lambda draw: draw.pick(words.CAMPAIGNS),
    "messageSubject": _any("Your order", "=HYPERLINK(1)", "Nur heute: −20 %", "We miss you, [name]"),
    "storeID": lambda draw: f"'S'||lpad({draw.below(400)}::VARCHAR,4,'0')",
    "favouriteStore": lambda draw: f"'S'||lpad({draw.below(400)}::VARCHAR,4,'0')",
    "sourceType": lambda draw: draw.pick(words.SOURCES),
    "sourceSystem": lambda draw: draw.pick(words.SOURCES),
    "quietHoursStart": _any("20:00", "21:00", "22:30"),
    "quietHoursEnd": _any("06:30", "07:00", "08:00"),
}
_FIGURES: dict[str, _Rule] = {
    "birthDate": _birth_date,
    "person.birthDay": lambda draw: f"day({_birth_date(draw)})",
    "person.birthMonth": lambda draw: f"month({_birth_date(draw)})",
    "person.birthYear": lambda draw: f"year({_birth_date(draw)})",
    "birthYear": _from(1934, 2007),
    "latitude": lambda draw: f"{draw.below(130_000)}/1000.0-60",
    "longitude": lambda draw: f"{draw.below(360_000)}/1000.0-180",
    "elevation": _times(3_000, 1),
    "points": _from(0, 40_000),
    "lifetimePoints": _from(40_000, 900_000),
    "churn": _times(1, 4),
    "purchase": _times(1, 4),
    "upgrade": _times(1, 4),
    "modelYear": _from(1998, 2026),
    "quantity": _from(1, 6),
    "household.size": _from(1, 6),
    "satisfaction": _from(1, 5),
    "colorDepth": _from(24, 32),
    "viewportHeight": _from(360, 1440),
    "viewportWidth": _from(320, 2560),
    "screenHeight": _from(360, 1440),
    "screenWidth": _from(320, 2560),
    "localTimezoneOffset": _from(-720, 720),
    "value": _from(0, 3),
    "testProfile": lambda draw: f"{draw.below(500)}=0",
    "isDeleted": lambda draw: f"{draw.below(700)}=0",
    "isEmployee": lambda draw: f"{draw.below(40)}=0",
}
_REACH = 3  # steps of a path that a rule names at most
_ID = re.compile(r".*(?:ID|Id|Key|^id|token)")


def value(field: Field, draw: Draw) -> str:
    """Return the SQL of a leaf's value, of the leaf's own type; `draw.topic` is its path."""
    return f"({_untyped(field, draw)})::{TYPES[field.kind]}"


def _untyped(field: Field, draw: Draw) -> str:
    if field.choices:
        return draw.early(field.choices)
    rule = _rule(draw.topic, _TEXTS if field.kind == "string" else _FIGURES)
    if rule is not None:
        return rule(draw)
    if field.kind == "string":
        return _string(field, draw)
    if field.kind in ("date", "date-time"):
        return draw.moment(700)
    if field.kind == "boolean":
        return f"{draw.below(3)}=0"
    return draw.below(100) if field.kind == "integer" else _times(1_000)(draw)


def _rule(path: str, rules: Mapping[str, _Rule]) -> _Rule | None:
    steps = path.split(".")[-_REACH:]
    if len(steps) > 1 and steps[-2].endswith("Phone"):
        steps[-2] = "Phone"
    ends = (".".join(steps[at:]) for at in range(len(steps)))
    return next((rules[end] for end in ends if end in rules), None)


def _string(field: Field, draw: Draw) -> str:
    if field.form == "uri":
        return _page(draw)
    if field.form == "email":
        return draw.hex("mail.") + "||'@example.com'"
    name = draw.topic.rpartition(".")[2]
    if _ID.fullmatch(name):
        return draw.hex(f"{name[:3].upper()}-")
    return draw.pick(words.PLAIN)
