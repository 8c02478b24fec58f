"""Mutants of a module: its source with one small thing changed, by the mutation operators of mutmut.

mutmut's own runner keeps the mutants of a function side by side in one module. So it reaches neither what is decorated
(the properties of the state, the cached compilers) nor what stands outside functions (constants, defaults, tables): a
third of the rules. Here its operators work on every line, and a mutant is a module of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst import matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

_SAYS_NOTHING_AT_RUN_TIME = (
    m.Annotation()
    | m.Decorator()  # what @dataclass and @lru_cache are asked for is speed and safety, not a decision
    | m.ImportFrom()
    | m.FunctionDef(decorators=[m.Decorator(decorator=m.Name("overload"))])
    | m.Call(func=m.Name("len") | m.Name("isinstance"))  # of anything else they only raise
    | m.Assign(targets=[m.AssignTarget(target=m.Name(m.MatchRegex("[A-Z][a-z][A-Za-z]*")))])  # names a type
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change. ``lines`` are those of the statement that it is in, empty where that is in no function."""

    module: str
    """Its name below the package."""
    path: Path
    line: int
    lines: range
    tree: cst.Module
    old: cst.CSTNode
    new: cst.CSTNode

    def source(self) -> str:
        """Return the module's source with the change."""
        changed = self.tree.deep_replace(self.old, self.new)
        assert isinstance(changed, cst.Module)
        return changed.code

    def diff(self) -> str:
        """Return the change as a unified diff without context."""
        before, after = self.tree.code.splitlines(), self.source().splitlines()
        changes = difflib.unified_diff(before, after, n=0, lineterm="")
        return "\n".join(line for line in list(changes)[2:] if not line.startswith("@@"))


class _Collector(cst.CSTVisitor):
    """Collects what the operators make of each node, and where."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[range, range, cst.CSTNode, cst.CSTNode]] = []
        self._statements: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if m.matches(node, _SAYS_NOTHING_AT_RUN_TIME):
            return False
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._statements.append(node)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.found.extend((self._lines(node), self._statement(), node, new) for new in operator(node))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()

    def _statement(self) -> range:
        within = any(isinstance(one, cst.FunctionDef) for one in self._statements)
        return self._lines(self._statements[-1]) if within else range(0)

    def _lines(self, node: cst.CSTNode) -> range:
        position = self.get_metadata(PositionProvider, node, None)
        return range(position.start.line, position.end.line + 1) if position else range(1)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    collector = _Collector()
    wrapper.visit(collector)
    for place, statement, old, new in collector.found:
        yield Mutant(
            module=path.stem, path=path, line=place.start, lines=statement, tree=wrapper.module, old=old, new=new
        )
