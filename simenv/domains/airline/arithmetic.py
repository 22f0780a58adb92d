"""Exact arithmetic on what an agent typed: a small parser, no ``eval``, bounded work."""

import re
from collections.abc import Iterator
from fractions import Fraction

MAX_CHARACTERS = 200
MAX_OPERATIONS = 100
MAX_RESULT = 10**12

_TOKEN = re.compile(r" *(?:([0-9]+\.?[0-9]*|\.[0-9]+)|([-+*/()]))")
_STRANGE = re.compile(r"[^0-9+\-*/(). ]")
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "plus": 3, "minus": 3}


class ExpressionError(ValueError):
    """Text is not an expression that can be worked out; the message says why."""


def evaluate(expression: str) -> Fraction:
    """Return the exact value of ``+ - * /``, signs and brackets over decimal numbers.

    Raises:
        ExpressionError: On any other character, more than 200 characters or 100 operations, bad
            grammar (``**`` and ``//`` included) and division by zero.
    """
    values: list[Fraction] = []
    waiting: list[str] = []
    operand_next = True
    operations = 0
    for token in _tokens(expression):
        operations += token in "+-*/"
        take = _operand if operand_next else _operator
        operand_next = take(token, values, waiting)
    if operand_next:
        raise ExpressionError("the expression is incomplete")
    if operations > MAX_OPERATIONS:
        raise ExpressionError(f"more than {MAX_OPERATIONS} operations")
    _reduce(values, waiting, 1)
    if waiting:
        raise ExpressionError("a bracket is not closed")
    return values[0]


def _tokens(expression: str) -> Iterator[str]:
    if len(expression) > MAX_CHARACTERS:
        raise ExpressionError(f"longer than {MAX_CHARACTERS} characters")
    if _STRANGE.search(expression):
        raise ExpressionError("only digits, + - * / ( ) . and spaces are allowed")
    text, at = expression.rstrip(" "), 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError("a point stands alone")
        yield found.group(1) or found.group(2)
        at = found.end()


def _operand(token: str, values: list[Fraction], waiting: list[str]) -> bool:
    """Take a number, a sign or an opening bracket; return whether an operand is still to come."""
    if token == "(":
        waiting.append(token)
    elif token in "+-":
        waiting.append("plus" if token == "+" else "minus")
    elif token in "*/)":
        raise ExpressionError(f"a number is missing before {token}")
    else:
        values.append(Fraction(token))
        return False
    return True


def _operator(token: str, values: list[Fraction], waiting: list[str]) -> bool:
    """Take an operator or a closing bracket; return whether an operand is still to come."""
    if token == ")":
        _reduce(values, waiting, 1)
        if not waiting:
            raise ExpressionError("a bracket is closed that was not opened")
        waiting.pop()
        return False
    if token not in _RANK:
        raise ExpressionError(f"an operator is missing before {token}")
    _reduce(values, waiting, _RANK[token])
    waiting.append(token)
    return True


def _reduce(values: list[Fraction], waiting: list[str], rank: int) -> None:
    """Work out the operators on top that bind at least as strongly as ``rank``."""
    while waiting and waiting[-1] != "(" and _RANK[waiting[-1]] >= rank:
        operator, right = waiting.pop(), values.pop()
        if operator == "minus":
            values.append(-right)
        elif operator == "plus":
            values.append(right)
        else:
            values.append(_apply(operator, values.pop(), right))


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        raise ExpressionError("division by zero")
    return left / right


def two_decimals(value: Fraction) -> str:
    """Return ``value`` rounded half to even to two decimals, as ``str(float)`` would print it.

    Raises:
        ExpressionError: If it is 10**12 or more.

    Example:
        >>> [two_decimals(Fraction(text)) for text in ("255", "12.5", "12.345", "-0.001")]
        ['255.0', '12.5', '12.34', '0.0']
    """
    hundredths = round(value * 100)
    if abs(hundredths) >= 100 * MAX_RESULT:
        raise ExpressionError("the result is too large")
    whole, rest = divmod(abs(hundredths), 100)
    decimals = f"{rest:02d}".removesuffix("0")
    return f"{'-' if hundredths < 0 else ''}{whole}.{decimals}"
