"""Evaluates a query of CloudWatch Logs Insights over lines of a log, because no emulator does: moto and ministack leave out
every filter and every statistic that they do not know.

It knows the part of the language that docs/runbook.md uses, and fails at any other word. So a query that it evaluates is
written as AWS describes the language. What AWS makes of the query was not tested.
"""

import json
import math
import re
from collections import namedtuple

Line = namedtuple("Line", "group timestamp message")

TOKEN = re.compile(r"""\s*(?:
    (?P<text>"[^"]*"|'[^']*') | (?P<pattern>/(?:\\.|[^/\\])+/) | (?P<number>\d+(?:\.\d+)?)(?P<unit>[mhd]\b)? |
    (?P<word>@?[A-Za-z_][\w.]*) | (?P<mark>!=|<=|>=|[=<>(),|*\[\]])
)""", re.VERBOSE)
UNITS_S = {"m": 60, "h": 3600, "d": 86400}
COMPARISONS = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}
FUNCTIONS = {
    "ispresent": lambda value: value is not None,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "strcontains": lambda value, part: int(part in str(value)),
}


def pct(values, rank):
    return sorted(values)[max(0, math.ceil(len(values) * rank / 100) - 1)] if values else None


STATISTICS = {
    "sum": sum, "min": lambda values: min(values, default=None), "max": lambda values: max(values, default=None), "pct": pct,
    "avg": lambda values: sum(values) / len(values) if values else None,
}


def tokens(query):
    """Yields the kind and the text of each token."""
    at, query = 0, query.rstrip()
    while at < len(query):
        found = TOKEN.match(query, at)
        if not found:
            raise ValueError(f"not a query of this language: {query[at:]!r}")
        yield found.lastgroup, found[0].strip()
        at = found.end()
    yield "end", ""


def numbers(values):
    """Returns what is a number, or a text that is one: a statistic leaves out a "-" of an access log."""
    found = []
    for value in values:
        try:
            found.append(float(value))
        except (TypeError, ValueError):
            continue
    return found


def comparable(value, other):
    """Returns both as numbers if both are, else as texts. A field that is not there is equal to nothing."""
    try:
        return float(value), float(other)
    except (TypeError, ValueError):
        return str(value), str(other)


class Query:
    """A query, parsed into functions from rows to rows. A row is a dict of what its fields hold."""

    def __init__(self, query):
        self.tokens, self.stages = list(tokens(query)), []
        while True:
            self.stages.append(self.stage())
            if self.next() == "":
                return
            self.expect("|", at=-1)

    def next(self):
        self.kind, self.last = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        return self.last

    def takes(self, *texts):
        """Takes the next token if it is one of these."""
        return self.next() if self.tokens[0][1] in texts else None

    def expect(self, text, at=0):
        found = self.last if at else self.next()
        if found != text:
            raise ValueError(f"{text!r} should stand where {found!r} stands")

    def listed(self, item):
        items = [item()]
        while self.takes(","):
            items.append(item())
        return items

    def stage(self):
        command = self.next()
        if command == "filter":
            holds = self.condition()
            return lambda rows: [row for row in rows if holds(row)]
        if command == "fields":
            fields = self.listed(self.named)
            return lambda rows: [{**row, **{name: value(row) for name, value in fields}} for row in rows]
        if command == "stats":
            statistics = self.listed(self.statistic)
            groups = self.listed(self.named) if self.takes("by") else []
            return lambda rows: grouped(rows, statistics, groups)
        if command == "sort":
            orders = self.listed(lambda: (self.value(), self.takes("asc", "desc")))
            return lambda rows: in_order(rows, orders)
        if command == "limit":
            count = int(self.next())
            return lambda rows: rows[:count]
        raise ValueError(f"{command!r} is not a command that this knows")

    def named(self):
        """A value, under the name that the query gives it or under its own text."""
        begins = list(self.tokens)
        value = self.value()
        text = "".join(text for _, text in begins[: len(begins) - len(self.tokens)])
        return (self.next() if self.takes("as") else text), value

    def statistic(self):
        function = self.next()
        self.expect("(")
        if function == "count":
            self.expect("*")
            of = len
        else:
            of = self.statistic_of(function, self.value())
        self.expect(")")
        self.expect("as")
        return self.next(), of

    def statistic_of(self, function, value):
        if function == "latest":
            return lambda rows: value(max(rows, key=lambda row: row["@timestamp"]))
        statistic, given = STATISTICS[function], [float(self.next())] if self.takes(",") else []
        return lambda rows: statistic(numbers(value(row) for row in rows), *given)

    def condition(self):
        either = [self.all_of()]
        while self.takes("or"):
            either.append(self.all_of())
        return lambda row: any(holds(row) for holds in either)

    def all_of(self):
        both = [self.comparison()]
        while self.takes("and"):
            both.append(self.comparison())
        return lambda row: all(holds(row) for holds in both)

    def comparison(self):
        value = self.value()
        is_not = bool(self.takes("not"))
        operator = self.takes("like", "in", *COMPARISONS)
        if operator == "like":
            text = self.next()
            if self.kind not in ("pattern", "text"):
                raise ValueError(f"{text!r} is not a pattern")
            pattern = re.compile(text[1:-1] if self.kind == "pattern" else re.escape(text[1:-1]))
            return lambda row: value(row) is not None and bool(pattern.search(str(value(row)))) != is_not
        if operator == "in":
            self.expect("[")
            members = self.listed(self.value)
            self.expect("]")
            return lambda row: (str(value(row)) in [str(member(row)) for member in members]) != is_not
        if is_not:
            raise ValueError("not stands before like or in")
        if operator is None:
            return value
        other, compare = self.value(), COMPARISONS[operator]
        return lambda row: compare(*comparable(value(row), other(row)))

    def value(self):
        text = self.next()
        if self.kind == "text":
            return lambda row: text[1:-1]
        if self.kind == "number":
            return lambda row: float(text)
        if self.kind != "word":
            raise ValueError(f"{text!r} is not a value")
        if not self.takes("("):
            return lambda row: row.get(text)
        if text == "bin":
            period = self.next()
            self.expect(")")
            seconds = int(period[:-1]) * UNITS_S[period[-1]]
            return lambda row: row["@timestamp"] // 1000 // seconds * seconds
        function, given = FUNCTIONS[text], self.listed(self.value)
        self.expect(")")
        return lambda row: function(*(value(row) for value in given))


def grouped(rows, statistics, groups):
    """Returns one row for each group of rows."""
    found = {}
    for row in rows:
        found.setdefault(tuple(value(row) for _, value in groups), []).append(row)
    names = [name for name, _ in groups]
    return [{**dict(zip(names, key)), **{name: of(members) for name, of in statistics}} for key, members in found.items()]


def in_order(rows, orders):
    for value, direction in reversed(orders):
        rows = sorted(rows, key=lambda row: (value(row) is not None, value(row)), reverse=direction == "desc")
    return rows


def flat(members, within=""):
    """Returns the members of an object and of the objects in it, by their path: `record.status`."""
    found = {}
    for name, held in members.items() if isinstance(members, dict) else ():
        found |= flat(held, f"{within}{name}.") if isinstance(held, dict) else {within + name: held}
    return found


def row_of(line):
    """The fields that Logs Insights finds in a line: its own, and the members of a JSON object."""
    try:
        members = json.loads(line.message)
    except ValueError:
        members = {}
    return {**flat(members), "@timestamp": line.timestamp, "@message": line.message, "@log": f"123456789012:{line.group}"}


def ask(query, lines):
    """Returns the rows of the answer to a query."""
    rows = [row_of(line) for line in lines]
    for stage in Query(query).stages:
        rows = stage(rows)
    return rows
