"""Owns the names of the invented audiences and what puts a profile into one, in both spellings of PQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Is:
    """A profile attribute compared with values; several values mean any of them."""

    path: str
    values: tuple[str | int, ...]
    sign: str = "="

    @property
    def text(self) -> str:
        """The rule as `pql/text`."""
        first = json.dumps(self.values[0])
        if len(self.values) > 1:
            return f"{self.path} in [{', '.join(map(json.dumps, self.values))}]"
        return f"{self.path}.{self.sign}({first}, false)" if self.sign.isalpha() else f"{self.path} {self.sign} {first}"

    @property
    def node(self) -> dict[str, Any]:
        """The rule as a node of `pql/json`."""
        looked_up: dict[str, Any] = {"nodeType": "parameterReference", "position": 1}
        for name in self.path.split("."):
            looked_up = _field(name, looked_up)
        if len(self.values) > 1:
            return apply("in", looked_up, _literal("List", [_plain(value) for value in self.values]))
        return apply(self.sign, looked_up, _plain(self.values[0]))


@dataclass(frozen=True, slots=True)
class Did:
    """An event of this type within so many days; none at all with `never`."""

    event: str
    days: int
    never: bool = False

    @property
    def text(self) -> str:
        """The rule as `pql/text`."""
        chain = f'chain(xEvent, timestamp, [A: WHAT(eventType = "{self.event}") WHEN(<= {self.days} days before now)])'
        return f"not {chain}" if self.never else chain

    @property
    def node(self) -> dict[str, Any]:
        """The rule as a node of `pql/json`."""
        event: dict[str, Any] = {"nodeType": "variableReference", "varName": "A"}
        kind = apply("=", _field("eventType", event), _plain(self.event))
        recent = apply("occursWithinDays", _field("timestamp", event), _plain(self.days))
        found = {
            "nodeType": "exists",
            "varName": "A",
            "in": _field("xEvent", {"nodeType": "parameterReference", "position": 1}),
            "where": apply("and", kind, recent),
        }
        return apply("not", found) if self.never else found


Rule = Is | Did


def apply(function: str, *params: dict[str, Any]) -> dict[str, Any]:
    """Return a node of `pql/json` that applies a function."""
    return {"nodeType": "fnApply", "fnName": function, "params": list(params)}


def _field(name: str, holder: dict[str, Any]) -> dict[str, Any]:
    return {"nodeType": "fieldLookup", "fieldName": name, "object": holder}


def _literal(kind: str, value: object) -> dict[str, Any]:
    return {"nodeType": "literal", "literalType": kind, "value": value}


def _plain(value: str | int) -> dict[str, Any]:
    return _literal("String" if isinstance(value, str) else "Integer", value)


def in_text(rules: tuple[Rule, ...]) -> str:
    """Return rules that must all hold as `pql/text`."""
    return " and ".join(f"({rule.text})" for rule in rules) if len(rules) > 1 else rules[0].text


def in_json(rules: tuple[Rule, ...]) -> str:
    """Return rules that must all hold as `pql/json`: a text that holds JSON."""
    nodes = [rule.node for rule in rules]
    return json.dumps(apply("and", *nodes) if len(nodes) > 1 else nodes[0], separators=(",", ":"))


def in_country(*codes: str) -> Is:
    """Return the rule of one or several countries, by their two letters."""
    return Is("homeAddress.countryCode", codes)


def _tier(*tiers: str) -> Is:
    return Is("loyalty.tier", tiers)


def _consent(channel: str) -> Is:
    return Is(f"consents.marketing.{channel}.val", ("y",))


_BOUGHT, _VIEWED, _CART = "commerce.purchases", "commerce.productViews", "commerce.productListAdds"
_PAGE, _OPENED, _CLICKED = "web.webpagedetails.pageViews", "directMarketing.emailOpened", "directMarketing.emailClicked"
_LAUNCH, _CHECKOUT = "application.launches", "commerce.checkouts"

# Name, description (None: the platform shows none) and rules, all of which must hold.
TABLE: tuple[tuple[str, str | None, tuple[Rule, ...]], ...] = (
    ("All profiles", "Everyone with at least one identity", (Is("personalEmail.address", ("",), "!="),)),
    ("Ordered in the last 30 days", "Last 30 days", (Did(_BOUGHT, 30),)),
    ("Ordered in the last 90 days", "", (Did(_BOUGHT, 90),)),
    ("Lapsed buyers 180 days", "Bought once, silent since", (Did(_BOUGHT, 180, never=True),)),
    ("Cart abandoners 7 days", "Added to cart, no order", (Did(_CART, 7), Did(_BOUGHT, 7, never=True))),
    ("Checkout abandoners 24 hours", None, (Did(_CHECKOUT, 1), Did(_BOUGHT, 1, never=True))),
    ("Newsletter subscribers", "Marketing e-mail allowed", (_consent("email"),)),
    ("Newsletter openers 30 days", "", (_consent("email"), Did(_OPENED, 30))),
    ("Newsletter clickers 30 days", None, (_consent("email"), Did(_CLICKED, 30))),
    ("Loyalty gold", "Tier as of last night", (_tier("gold"),)),
    ("Loyalty platinum", "Tier as of last night", (_tier("platinum"),)),
    ("Loyalty silver and bronze", "", (_tier("silver", "bronze"),)),
    ("Loyalty points above 10,000", None, (Is("loyalty.points", (10_000,), ">"),)),
    ("Germany", "", (in_country("DE"),)),
    ("Nordics", "Sweden, Norway, Denmark, Finland", (in_country("SE", "NO", "DK", "FI"),)),
    ("France and Belgium", "", (in_country("FR", "BE"),)),
    ("United Kingdom", None, (in_country("GB"),)),
    ("Iberia", "Spain and Portugal", (in_country("ES", "PT"),)),
    ("North America", "", (in_country("US", "CA"),)),
    ("App users 14 days", "Opened the app", (Did(_LAUNCH, 14),)),
    ("App users without push", "", (Did(_LAUNCH, 30), Is("consents.marketing.push.val", ("n",)))),
    ("Push allowed", None, (_consent("push"),)),
    ("Text message allowed", "", (_consent("sms"),)),
    ("Sale or share opted out", "Keep out of paid media", (Is("consents.share.val", ("n",)),)),
    ("Product viewers 3 days", "", (Did(_VIEWED, 3),)),
    ("Product viewers, no order", "For retargeting", (Did(_VIEWED, 14), Did(_BOUGHT, 14, never=True))),
    ("Frequent site visitors", None, (Did(_PAGE, 2),)),
    ("Dormant 365 days", "No event for a year", (Did(_PAGE, 365, never=True), Did(_OPENED, 365, never=True))),
    ("Birthday this month", "", (Is("person.birthDayAndMonth", ("03-",), "startsWith"),)),
    ("Born 1990 to 1999", None, (Is("person.birthYear", tuple(range(1990, 2000))),)),
    ("Over 60", "", (Is("person.birthYear", (1966,), "<="),)),
    ("Students", "Self-declared", (Is("_emulated.segmentation.occupation", ("student",)),)),
    ("Employees", "Exclude from campaigns", (Is("personalEmail.address", ("example.com",), "endsWith"),)),
    ("Test profiles", "Seeds of the QA team", (Is("testProfile", ("true",)),)),
    ("High churn risk", "Model score 0.7 and above", (Is("_emulated.scores.churn", (70,), ">="),)),
    ("Low churn risk", "", (Is("_emulated.scores.churn", (20,), "<"),)),
    ("High lifetime value", "Top decile", (Is("_emulated.scores.lifetimeValue", (900,), ">="),)),
    ("Propensity: outdoor", None, (Is("_emulated.scores.outdoor", (60,), ">="),)),
    ("Propensity: kitchen", None, (Is("_emulated.scores.kitchen", (60,), ">="),)),
    ("Propensity: running", "", (Is("_emulated.scores.running", (60,), ">="),)),
    ("Win-back wave 1", "Autumn campaign", (Did(_BOUGHT, 365), Did(_BOUGHT, 90, never=True))),
    ("Win-back wave 2", "Autumn campaign", (Did(_BOUGHT, 365), Did(_OPENED, 90, never=True))),
    ("Welcome series day 1", "", (Did("profile.created", 1),)),
    ("Welcome series day 7", "", (Did("profile.created", 7),)),
    ("Double opt-in pending", None, (Is("consents.marketing.email.val", ("p",)),)),
    ("Hard bounces", "Suppression", (Did("directMarketing.emailBounced", 90),)),
    ("Complaints", "Suppression", (Did("directMarketing.emailUnsubscribed", 365),)),
    ("Store visitors Berlin", "", (in_country("DE"), Is("homeAddress.city", ("Berlin",)))),
    ("Store visitors Stockholm", "", (in_country("SE"), Is("homeAddress.city", ("Stockholm",)))),
    ("Store visitors Lyon", None, (in_country("FR"), Is("homeAddress.city", ("Lyon",)))),
    ("Click and collect users", "", (Is("_emulated.preferences.delivery", ("store",)),)),
    ("Premium delivery members", "Yearly plan", (Is("_emulated.preferences.plan", ("premium",)),)),
    ("Gift card holders", None, (Is("_emulated.balances.giftCard", (0,), ">"),)),
    ("Returned last order", "", (Did("commerce.returns", 30),)),
    ("First-time buyers", "Exactly one order", (Is("_emulated.counters.orders", (1,)),)),
    ("Repeat buyers", "Two orders or more", (Is("_emulated.counters.orders", (2,), ">="),)),
    ("Big baskets", "Average above 150 EUR", (Is("_emulated.counters.averageBasket", (150,), ">"),)),
    ("Discount seekers", "", (Is("_emulated.counters.couponOrders", (3,), ">="),)),
    ("Winter sports", None, (Is("_emulated.interests", ("skiing", "snowboard", "skating")),)),
    ("Gardeners", "", (Is("_emulated.interests", ("garden",)),)),
    ("Cyclists", "", (Is("_emulated.interests", ("road cycling", "mountain biking", "commuting")),)),
    ("Parents of small children", "Sensitive: see label", (Is("_emulated.household.childrenUnder6", (0,), ">"),)),
    ("Pet owners", None, (Is("_emulated.household.pets", (0,), ">"),)),
    ("Business customers", "", (Is("workAddress.countryCode", ("DE", "AT", "CH")),)),
    ("Work e-mail only", None, (Is("workEmail.address", ("",), "!="), Is("personalEmail.address", ("",)))),
    ("Mobile number known", "", (Is("mobilePhone.number", ("",), "!="),)),
    ("Call centre contacts 30 days", "", (Did("interaction.call", 30),)),
    ("Survey promoters", "Score 9 or 10", (Is("_emulated.survey.score", (9, 10)),)),
    ("Survey detractors", "Score 0 to 6", (Is("_emulated.survey.score", (6,), "<="),)),
    ("Language: Swedish", None, (Is("preferredLanguage", ("sv-SE",)),)),
    ("Language: French", None, (Is("preferredLanguage", ("fr-FR", "fr-BE", "fr-CA")),)),
    ("Safari visitors", "", (Did(_PAGE, 30), Is("_emulated.devices.browser", ("Safari",)))),
    ("Black Friday 2025 buyers", "Frozen list", (Is("_emulated.campaigns", ("BF25",)),)),
    ("Spring catalogue recipients", "Print run 4", (Is("_emulated.campaigns", ("SPRING-CAT",)),)),
    ("A/B test 117 control", "", (Is("_emulated.experiments.t117", ("control",)),)),
    ("A/B test 117 variant B", "", (Is("_emulated.experiments.t117", ("B",)),)),
    ("Partner share Nordics", "Agreed with the partner", (in_country("SE", "NO"), Is("consents.share.val", ("y",)))),
    ("Paid media suppression", "Daily to ad platforms", (Did(_BOUGHT, 14),)),
    ("Postcodes of the delivery pilot", "List of 600 codes", ()),
    ("Gold members who ordered", "Built on two other audiences", ()),
    ("Draft: summer sale", None, (Did(_VIEWED, 30), _tier("gold", "platinum"))),
    ("Copy of Ordered in the last 30 days", "", (Did(_BOUGHT, 30),)),
    ("Nobody", "Rule that nothing matches", (in_country("AQ"),)),
)
# Name and origin of audiences that other products deliver.
SUPPLIED = (
    ("Site visitors (device graph)", "AUDIENCE_MANAGER"),
    ("In-market: bicycles", "AUDIENCE_MANAGER"),
    ("In-market: garden furniture", "AUDIENCE_MANAGER"),
    ("Lookalike of loyalty gold", "AUDIENCE_MANAGER"),
    ("Campaign viewers Q3", "AUDIENCE_MANAGER"),
    ("Partner list 2026-02", "CUSTOM_UPLOAD"),
    ("Trade fair leads", "CUSTOM_UPLOAD"),
    ("Household income upper third", "AUDIENCE_MANAGER"),
    ("Frequent travellers", "AUDIENCE_MANAGER"),
    ("Video completers 75%", "AUDIENCE_MANAGER"),
    ("Composition: churn plus discount", "AUDIENCE_ORCHESTRATION"),
    ("Suppression list legal", "CUSTOM_UPLOAD"),
    ("Trait: read sustainability page", "AUDIENCE_MANAGER"),
    ("Trait: used store finder", "AUDIENCE_MANAGER"),
    ("Composition: split 80/20", "AUDIENCE_ORCHESTRATION"),
)
