"""The syntax tree of a compiled expression, read from the library's serialized form.

The library compiles and checks; what the product must know beside that (which steps are
named, which parts of the data are needed, what a loop may cost) is read from its checked
tree: the protocol buffer `cel.expr.CheckedExpr`, of which only the fields below matter.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Fields = dict[int, list[Any]]


@dataclass(slots=True)
class Node:
    """One node; which attributes are filled depends on `kind`.

    `const`: value, type. `ident`: name. `select`: args [operand], name, is_test. `call`: name,
    args (a receiver comes first). `list`, `map`: args (keys and values alternate in a map).
    `fold` (what every macro becomes): names (iteration variables), accu, and args
    [range, init, condition, step, result].
    """

    kind: str
    type: str = "dyn"  # dyn, int, uint, double, bool, string, bytes, list, map, optional, other
    position: int = 0  # offset of a character in the source
    name: str = ""
    value: Any = None
    args: list["Node"] = field(default_factory=list)
    is_test: bool = False
    names: tuple[str, ...] = ()
    accu: str = ""

    def walk(self) -> Iterator["Node"]:
        """Give this node and everything inside it."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node.args)


def tree_read(serialized: bytes) -> Node:
    """Give the tree of an expression that the library serialized."""
    envelope = _fields(serialized)  # google.protobuf.Any
    checked = _fields(envelope[2][0])
    types = {entry[0]: _type_name(entry[1]) for entry in _entries(checked.get(3, []))}
    source = _fields(checked[5][0]) if 5 in checked else {}
    positions = {entry[0]: entry[1] for entry in _entries(source.get(4, []), number=True)}
    return _Reader(types, positions).node(checked[4][0])


@dataclass(slots=True)
class _Reader:
    types: dict[int, str]
    positions: dict[int, int]

    def node(self, raw: bytes) -> Node:
        fields = _fields(raw)
        number = fields.get(2, [0])[0]
        node = Node(
            "const", type=self.types.get(number, "dyn"), position=self.positions.get(number, 0)
        )
        for tag, shape in _SHAPES.items():
            if tag in fields:
                shape(self, node, _fields(fields[tag][0]))
        return node

    def const(self, node: Node, fields: Fields) -> None:
        node.kind = "const"
        tag, values = next(iter(fields.items()))
        node.type, node.value = _CONSTANTS[tag](values[0])

    def ident(self, node: Node, fields: Fields) -> None:
        node.kind, node.name = "ident", _text(fields, 1).lstrip(".")

    def select(self, node: Node, fields: Fields) -> None:
        node.kind, node.name = "select", _text(fields, 2)
        node.is_test = bool(fields.get(3, [0])[0])
        node.args = [self.node(fields[1][0])]

    def call(self, node: Node, fields: Fields) -> None:
        node.kind, node.name = "call", _text(fields, 2)
        node.args = [self.node(raw) for raw in fields.get(1, []) + fields.get(3, [])]

    def list(self, node: Node, fields: Fields) -> None:
        node.kind = "list"
        node.args = [self.node(raw) for raw in fields.get(1, [])]

    def map(self, node: Node, fields: Fields) -> None:
        node.kind, node.name = "map", _text(fields, 1)
        for raw in fields.get(2, []):
            entry = _fields(raw)
            node.args += [self.node(part) for part in entry.get(3, []) + entry.get(4, [])]

    def fold(self, node: Node, fields: Fields) -> None:
        node.kind, node.accu = "fold", _text(fields, 3)
        node.names = tuple(name for name in (_text(fields, 1), _text(fields, 8)) if name)
        node.args = [self.node(fields[tag][0]) for tag in (2, 4, 5, 6, 7)]


_SHAPES: dict[int, Callable[[_Reader, Node, Fields], None]] = {
    3: _Reader.const,
    4: _Reader.ident,
    5: _Reader.select,
    6: _Reader.call,
    7: _Reader.list,
    8: _Reader.map,
    9: _Reader.fold,
}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_CONSTANTS: dict[int, Callable[[Any], tuple[str, Any]]] = {
    1: lambda _: ("null", None),
    2: lambda value: ("bool", bool(value)),
    3: lambda value: ("int", _signed(value)),
    4: lambda value: ("uint", value),
    5: lambda value: ("double", struct.unpack("<d", value)[0]),
    6: lambda value: ("string", value.decode()),
    7: lambda value: ("bytes", value),
    8: lambda value: ("other", value),
    9: lambda value: ("other", value),
}
_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_TYPES = {1: "dyn", 2: "null", 6: "list", 7: "map", 10: "dyn"}


def _type_name(raw: bytes) -> str:
    fields = _fields(raw)
    if 3 in fields:
        return _PRIMITIVES.get(fields[3][0], "other")
    if 14 in fields:
        return "optional" if b"optional_type" in fields[14][0] else "other"
    return next((name for tag, name in _TYPES.items() if tag in fields), "other")


def _entries(raws: list[bytes], *, number: bool = False) -> Iterator[tuple[int, Any]]:
    for raw in raws:
        fields = _fields(raw)
        yield fields.get(1, [0])[0], fields.get(2, [0 if number else b""])[0]


def _text(fields: Fields, tag: int) -> str:
    return fields[tag][0].decode() if tag in fields else ""


def _fields(raw: bytes) -> Fields:
    """Read one protocol buffer message: each tag with its values, in order."""
    found: Fields = {}
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        tag, wire = key >> 3, key & 7
        value: Any
        if wire == 0:
            value, at = _varint(raw, at)
        elif wire == 1:
            value, at = raw[at : at + 8], at + 8
        elif wire == 5:
            value, at = raw[at : at + 4], at + 4
        else:
            length, at = _varint(raw, at)
            value, at = raw[at : at + length], at + length
        found.setdefault(tag, []).append(value)
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            return value, at
        shift += 7
