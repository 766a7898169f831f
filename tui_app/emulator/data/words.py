"""Owns the invented words that exported rows are made of; no logic, and no person, company or host that exists."""

from __future__ import annotations

from typing import NamedTuple


class Country(NamedTuple):
    """Where a person lives: codes, dialling prefix, and cities as (name, postal code, region)."""

    code: str
    name: str
    language: str
    dial: str
    currency: str
    zone: str
    cities: tuple[tuple[str, str, str], ...]


# A first name and what stands for it in an e-mail address.
FIRST_NAMES = (
    ("Ann", "ann"),
    ("Bjørn", "bjorn"),
    ("Chloé", "chloe"),
    ("Dagný", "dagny"),
    ("Élodie", "elodie"),
    ("Farid", "farid"),
    ("Grace", "grace"),
    ("Hanako", "hanako"),
    ("İlknur", "ilknur"),
    ("José", "jose"),
    ("Kwame", "kwame"),
    ("Łucja", "lucja"),
    ("Mary-Jane", "mary.jane"),
    ("Nguyệt", "nguyet"),
    ("Óscar", "oscar"),
    ("Priya", "priya"),
    ("Quentin", "quentin"),
    ("Renée", "renee"),
    ("Søren", "soren"),
    ("Tomáš", "tomas"),
    ("Ulrike", "ulrike"),
    ("Violeta", "violeta"),
    ("Wanjirũ", "wanjiru"),
    ("Ximena", "ximena"),
    ("Yūki", "yuki"),
    ("Zoë", "zoe"),
    ("花子", "hanako2"),
    ("Дмитрий", "dmitri"),
    ("Ελένη", "eleni"),
    ("محمد", "mohammed"),
    ("서연", "seoyeon"),
    ("नेहा", "neha"),
)
LAST_NAMES = (
    "Abel", "Bergström", "Castañeda", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ivanova", "Jørgensen",
    "Kowalczyk", "Lindqvist", "Müller", "N'Diaye", "O'Brien", "Papadopoulos", "Quirke", "Rossi", "Sørbø", "Tanaka",
    "Ümit", "van der Berg", "Weiß", "Xu", "Yılmaz", "Żuk", "山田", "Петров", "김", "شريف",
)  # fmt: skip

# Text that breaks what trusts it: formulas, quotes, controls, direction marks, length, nothing at all.
ODD_NAMES = (
    "=1+1",
    "@SUM(A1:A9)",
    "+cmd|' /C calc'!A0",
    'O\'Brien "Bob", Jr.',
    "tab\there",
    "two\nlines\r\nthree",
    "esc \x1b[31mred\x1b[0m bell\x07",
    "nul\x00inside",
    "\u202enoitcerid\u202c",
    "👨‍👩‍👧‍👦 family",
    "e\u0301\u0301\u0301 combining",
    "NULL",
    " ",
    "",
    "long " * 400,
    "back\\slash {brace} [/x] %s",
)

COUNTRIES = (
    Country("US", "United States", "en-US", "1", "USD", "America/New_York",
            (("Springfield", "01101", "MA"), ("Riverton", "84065", "UT"), ("Fairview", "37062", "TN"))),
    Country("GB", "United Kingdom", "en-GB", "44", "GBP", "Europe/London",
            (("Ashford", "TN23 1AA", "England"), ("Newport", "NP20 1AA", "Wales"), ("Perth", "PH1 5AA", "Scotland"))),
    Country("DE", "Germany", "de-DE", "49", "EUR", "Europe/Berlin",
            (("Köln", "50667", "NW"), ("Würzburg", "97070", "BY"), ("Lübeck", "23552", "SH"))),
    Country("FR", "France", "fr-FR", "33", "EUR", "Europe/Paris",
            (("Nîmes", "30000", "OCC"), ("Besançon", "25000", "BFC"), ("Orléans", "45000", "CVL"))),
    Country("DK", "Denmark", "da-DK", "45", "DKK", "Europe/Copenhagen",
            (("Århus", "8000", "Midtjylland"), ("Helsingør", "3000", "Hovedstaden"), ("Ribe", "6760", "Syddanmark"))),
    Country("ES", "Spain", "es-ES", "34", "EUR", "Europe/Madrid",
            (("A Coruña", "15001", "GA"), ("Cáceres", "10001", "EX"), ("Málaga", "29001", "AN"))),
    Country("PL", "Poland", "pl-PL", "48", "PLN", "Europe/Warsaw",
            (("Łódź", "90-001", "LD"), ("Gdańsk", "80-001", "PM"), ("Kraków", "30-001", "MA"))),
    Country("JP", "Japan", "ja-JP", "81", "JPY", "Asia/Tokyo",
            (("札幌市", "060-0001", "北海道"), ("Kyoto", "600-8001", "Kyoto"), ("那覇市", "900-0001", "沖縄県"))),
    Country("BR", "Brazil", "pt-BR", "55", "BRL", "America/Sao_Paulo",
            (("São Luís", "65000-000", "MA"), ("Brasília", "70000-000", "DF"), ("Belém", "66000-000", "PA"))),
    Country("IN", "India", "hi-IN", "91", "INR", "Asia/Kolkata",
            (("Pune", "411001", "MH"), ("Kochi", "682001", "KL"), ("Jaipur", "302001", "RJ"))),
)  # fmt: skip

STREETS = ("Long Lane", "Mill Road", "Église", "Bahnhofstraße", "Old Harbour", "Calle Ancha", "Nørregade", "桜通り")
COMPANIES = ("Northwind Example", "Contoso Beispiel", "Fabrikam Ejemplo", "Acme Sample AB", "Initech Exemple")
JOBS = ("Nurse", "Engineer", "Teacher", "Carpenter", "Analyst", "Chef", "Driver", "Designer", "Farmer", "Pilot")
DEPARTMENTS = ("Sales", "Finance", "Care", "Logistics", "Research", "People")
BRANDS = ("Aurora", "Birch", "Cobalt", "Dune", "Ember", "Fjord")
CATEGORIES = ("shoes", "outdoor", "kitchen", "garden", "books", "games", "travel", "music")
COLOURS = ("red", "green", "blue", "sand", "black", "white")
MODELS = ("Model A", "Model B2", "Lux 40", "Trek 7", "Mini S")
PRODUCTS = ("Trail shoe", "Rain jacket", "Coffee grinder", "Desk lamp", "Tent 2P", "Puzzle 1000", "Blå kop", "茶碗")
CAMPAIGNS = ("spring-start", "win-back", "loyalty-double", "newsletter-12", "store-opening")
PAGES = ("home", "search", "product", "basket", "checkout", "account", "help")
BROWSERS = ("Firefox", "Chrome", "Safari", "Edge")
SYSTEMS = ("Windows", "macOS", "Linux", "iOS", "Android")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1",
)
SOURCES = ("crm", "web", "store", "app", "import")
PLAIN = ("standard", "north", "weekly", "other", "A", "B", "trial", "none", "main", "extra")

# What an event is, and the group of fields that it fills besides those that each event has.
EVENT_TYPES = (
    ("web.webpagedetails.pageViews", "web"),
    ("web.webpagedetails.pageViews", "web"),
    ("web.webinteraction.linkClicks", "web"),
    ("commerce.productViews", "commerce"),
    ("commerce.productListAdds", "commerce"),
    ("commerce.purchases", "commerce"),
    ("directMarketing.emailOpened", "directMarketing"),
    ("directMarketing.emailSent", "directMarketing"),
    ("advertising.impressions", "advertising"),
    ("application.launches", "application"),
    ("media.starts", "media"),
    ("storeInteraction.visits", "storeInteraction"),
)
