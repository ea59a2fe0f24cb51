"""Enough of EEL2, the language of REAPER's JSFX effects, to run the effects this project writes.

Written from "JSFX Programming" (https://www.reaper.fm/sdk/js/js.php): everything is a number, `a[b]` is memory at
a + b, `x ? y : z` and its one-armed form are expressions, `loop(n, ...)` repeats, a block is worth its last value,
comparisons are equal within 0.00001.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

Node = Callable[[], float]
TOKEN = re.compile(r'\s*(?://[^\n]*|(\d+\.?\d*|\$pi|"[^"]*"|\w+|[<>=!]=|\+=|-=|[-+*/<>=?:;,()\[\]]))')
PRECEDENCE = {"==": 1, "<": 2, ">": 2, "<=": 2, ">=": 2, "+": 3, "-": 3, "*": 4, "/": 4}
OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "==": lambda a, b: float(abs(a - b) < 1e-5),
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "floor": math.floor,
    "abs": abs,
    "max": max,
}


class Effect:
    """A JSFX effect at one sample rate: `process` takes and returns samples of shape (2, frames)."""

    def __init__(self, text: str, sample_rate: int) -> None:
        head, *parts = re.split(r"^@(\w+)[^\n]*\n", text, flags=re.MULTILINE)
        self.header = head.splitlines()
        self.memory: dict[int, float] = defaultdict(float)
        self.variables: dict[str, float] = defaultdict(float, srate=float(sample_rate))
        self.samples = [0.0, 0.0]
        sections = dict(zip(parts[::2], parts[1::2], strict=True))
        self.sample = _Parser(sections["sample"], self).program()
        _Parser(sections["init"], self).program()()

    def process(self, audio: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = np.empty_like(audio, dtype=np.float64)
        for i in range(audio.shape[1]):
            self.samples[:] = audio[:, i].tolist()
            self.sample()
            out[:, i] = self.samples
        return out


class _Parser:
    def __init__(self, code: str, effect: Effect) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(code.rstrip()):
            match = TOKEN.match(code, at)
            assert match, f"not in the language: {code[at : at + 40]!r}"
            at = match.end()
            if match[1]:
                self.tokens.append(match[1])
        self.effect = effect
        self.tokens.append("end")

    def program(self) -> Node:
        node = self.block("end")
        assert self.tokens == []
        return node

    def take(self, wanted: str = "") -> str:
        token = self.tokens.pop(0)
        assert not wanted or token == wanted, f"expected {wanted}, found {token} before {self.tokens[:8]}"
        return token

    def block(self, end: str) -> Node:
        nodes: list[Node] = []
        while self.tokens[0] != end:
            if self.tokens[0] == ";":
                self.take()
                continue
            nodes.append(self.expression())
            assert self.tokens[0] in (";", end), f"two expressions without a semicolon: {self.tokens[:8]}"
        self.take(end)

        def run() -> float:
            value = 0.0
            for node in nodes:
                value = node()
            return value

        return run

    def expression(self) -> Node:
        store, node = self.binary(1)
        if self.tokens[0] in ("=", "+=", "-="):
            operator = self.take()
            assert store is not None, "only variables, memory and spl() can be assigned to"
            return self.assignment(operator, store, node, self.expression())
        if self.tokens[0] == "?":
            self.take()
            yes, no = self.expression(), None
            if self.tokens[0] == ":":
                self.take()
                no = self.expression()
            return lambda: yes() if abs(node()) >= 1e-5 else (no() if no else 0.0)
        return node

    @staticmethod
    def assignment(operator: str, store: Callable[[float], None], old: Node, new: Node) -> Node:
        sign = {"=": 0.0, "+=": 1.0, "-=": -1.0}[operator]

        def run() -> float:
            value = old() + sign * new() if sign else new()
            store(value)
            return value

        return run

    def binary(self, lowest: int) -> tuple[Callable[[float], None] | None, Node]:
        store, left = self.unary()
        while PRECEDENCE.get(self.tokens[0], 0) >= lowest:
            operator = self.take()
            _, right = self.binary(PRECEDENCE[operator] + 1)
            store, left = None, self.operation(OPERATIONS[operator], left, right)
        return store, left

    @staticmethod
    def operation(operate: Callable[[float, float], float], left: Node, right: Node) -> Node:
        return lambda: operate(left(), right())

    def unary(self) -> tuple[Callable[[float], None] | None, Node]:
        if self.tokens[0] == "-":
            self.take()
            _, node = self.unary()
            return None, lambda: -node()
        store, node = self.primary()
        while self.tokens[0] == "[":
            self.take()
            store, node = self.indexed(node, self.block("]"))
        return store, node

    def indexed(self, base: Node, index: Node) -> tuple[Callable[[float], None], Node]:
        memory = self.effect.memory

        def store(value: float) -> None:
            memory[math.floor(base() + index() + 1e-5)] = value

        return store, lambda: memory[math.floor(base() + index() + 1e-5)]

    def primary(self) -> tuple[Callable[[float], None] | None, Node]:
        token = self.take()
        if token == "(":
            return None, self.block(")")
        if token == "$pi":
            return None, lambda: math.pi
        if token[0].isdigit():
            number = float(token)
            return None, lambda: number
        if self.tokens[0] == "(":
            return self.call(token)
        variables, name = self.effect.variables, token.lower()
        return lambda value: variables.__setitem__(name, value), lambda: variables[name]

    def call(self, name: str) -> tuple[Callable[[float], None] | None, Node]:
        self.take("(")
        if name == "spl":
            channel, samples = self.block(")"), self.effect.samples
            return lambda value: samples.__setitem__(int(channel()), value), lambda: samples[int(channel())]
        arguments = [self.expression()]
        if name == "loop":
            self.take(",")
            count, body = arguments[0], self.block(")")

            def run() -> float:
                for _ in range(int(count())):
                    body()
                return 0.0

            return None, run
        while self.tokens[0] == ",":
            self.take()
            arguments.append(self.expression())
        self.take(")")
        function = FUNCTIONS[name]
        return None, lambda: float(function(*(a() for a in arguments)))
