"""SCIM filters (RFC 7644 section 3.4.2.2) as SQL conditions.

Every condition is true or false, never null, so that `not` means what it says. What the database
cannot decide exactly as the filter means it raises `InvalidFilterException`; nothing is left out.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from scim.columns import Entries, Kind, Layout, Scalar
from scim.mapping import resource_id, storable

ORDER = {
    CompareOperator.gt: ">",
    CompareOperator.ge: ">=",
    CompareOperator.lt: "<",
    CompareOperator.le: "<=",
}


class Parameters:
    """The values of a statement, and their placeholders."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


class Condition(FilterVisitor[str]):
    """Compiles the filter of a search for one resource type."""

    def __init__(
        self, scim_filter: ScimFilter[Any], layout: Layout, parameters: Parameters
    ) -> None:
        self.filter = scim_filter
        self.layout = layout
        self.parameters = parameters
        self.selected: AttrPath | None = None
        """The attribute whose entries are being selected, inside brackets."""

    def visit_logical_expr(self, node: LogicalExpr) -> str:
        joiner = " AND " if node.op is LogicalOperator.and_ else " OR "
        return f"({joiner.join(self.visit(term) for term in node.terms)})"

    def visit_not(self, node: Not) -> str:
        return f"NOT {self.visit(node.expr)}"

    def visit_value_path(self, node: ValuePath) -> str:
        binding = self.filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return "FALSE"
        entries = self._entries(binding)
        self.selected = node.attr_path
        condition = self.visit(node.val_filter)
        self.selected = None
        return entries.any(condition)

    def visit_present(self, node: Present) -> str:
        binding = self._resolve(node.attr_path)
        if binding is None:
            return "FALSE"
        if self.selected is not None:
            return self._present(self._sub_attribute(self._entries(binding), binding))
        if not binding.is_multivalued:
            whole = self.layout.complex_present(binding) if _is_complex(binding) else None
            return whole or self._present(self._required(self.layout.scalar(binding), binding))
        entries = self._entries(binding)
        if binding.sub_field_name is None:
            return entries.any(entries.present)
        return entries.any(self._present(self._sub_attribute(entries, binding)))

    def visit_comparison(self, node: Comparison) -> str:
        binding = self._resolve(node.attr_path, for_comparison=True)
        if binding is None:
            return "FALSE"
        if node.op is CompareOperator.ne:
            return f"NOT {self._compare(binding, CompareOperator.eq, node.value)}"
        return self._compare(binding, node.op, node.value)

    def _compare(self, binding: AttributeBinding, op: CompareOperator, value: Any) -> str:
        try:
            operand = binding.comparable(coerce_value(binding, value, op))
        except ValueError as error:
            raise InvalidFilterException(detail=str(error)) from error
        if self.selected is not None:
            scalar = self._sub_attribute(self._entries(binding), binding)
            return self._matches(scalar, op, operand, binding)
        if not binding.is_multivalued:
            scalar = self._required(self.layout.scalar(binding), binding)
            return self._matches(scalar, op, operand, binding)
        entries = self._entries(binding)
        matches = self._matches(self._sub_attribute(entries, binding), op, operand, binding)
        if operand is None and op is CompareOperator.eq:
            return f"(NOT {entries.any('TRUE')} OR {entries.any(matches)})"
        return entries.any(matches)

    def _matches(
        self, scalar: Scalar, op: CompareOperator, operand: Any, binding: AttributeBinding
    ) -> str:
        if operand is None:
            if op is not CompareOperator.eq or not scalar.nullable:
                return "FALSE"
            return f"({scalar.sql} IS NULL)"
        condition = _COMPARERS[scalar.kind](self, scalar.sql, op, operand)
        if condition is None:
            raise InvalidFilterException(
                detail=f"The operator {op.value!r} does not apply to '{binding.urn}'."
            )
        return f"({scalar.sql} IS NOT NULL AND {condition})" if scalar.nullable else condition

    def text(self, sql: str, op: CompareOperator, operand: Any) -> str | None:
        if not isinstance(operand, str):
            return None
        if not storable(operand):
            raise InvalidFilterException(detail="No value has a character of this filter.")
        if op is CompareOperator.eq:
            return f"({sql} = {self.parameters.add(operand)})"
        value = f"CAST({self.parameters.add(operand)} AS TEXT)"
        if op in ORDER:
            return f"({self._by_code_point(sql)} {ORDER[op]} {value})"
        if op is CompareOperator.co:
            position = "strpos" if self.layout.postgres else "instr"
            return f"({position}({sql}, {value}) > 0)"
        if op is CompareOperator.sw:
            return f"(substr({sql}, 1, length({value})) = {value})"
        tail = f"substr({sql}, length({sql}) - length({value}) + 1)"
        return f"(length({sql}) >= length({value}) AND {tail} = {value})"

    def identifier(self, sql: str, op: CompareOperator, operand: Any) -> str | None:
        if op is not CompareOperator.eq:
            return self.text(f"CAST({sql} AS TEXT)", op, operand)
        wanted = resource_id(operand) if isinstance(operand, str) else None
        return f"({sql} = {self.parameters.add(wanted)})" if wanted else "FALSE"

    def time(self, sql: str, op: CompareOperator, operand: Any) -> str | None:
        if not isinstance(operand, datetime) or op not in {**ORDER, CompareOperator.eq: "="}:
            return None
        moment = operand if operand.tzinfo else operand.replace(tzinfo=UTC)
        try:
            in_utc = moment.astimezone(UTC)
        except OverflowError as error:
            raise InvalidFilterException(detail="This time is out of range.") from error
        return f"({sql} {ORDER.get(op, '=')} {self.parameters.add(in_utc)})"

    def condition(self, sql: str, op: CompareOperator, operand: Any) -> str | None:
        if not isinstance(operand, bool) or op is not CompareOperator.eq:
            return None
        return f"({sql})" if operand else f"(NOT ({sql}))"

    def json_boolean(self, sql: str, op: CompareOperator, operand: Any) -> str | None:
        if not isinstance(operand, bool) or op is not CompareOperator.eq:
            return None
        literal = f"'{str(operand).lower()}'" if self.layout.postgres else str(int(operand))
        return f"({sql} = {literal})"

    def _by_code_point(self, sql: str) -> str:
        return f'{sql} COLLATE "C"' if self.layout.postgres else sql

    @staticmethod
    def _present(scalar: Scalar) -> str:
        if scalar.kind is Kind.TEXT:
            return f"({scalar.sql} IS NOT NULL AND {scalar.sql} <> '')"
        return f"({scalar.sql} IS NOT NULL)" if scalar.nullable else "TRUE"

    def _resolve(self, path: AttrPath, *, for_comparison: bool = False) -> AttributeBinding | None:
        if self.selected is not None:
            path = AttrPath(self.selected.attr, path.attr, self.selected.uri)
        if for_comparison:
            return self.filter.resolve_comparison(path, strict=False)
        return self.filter.resolve(path, strict=False)

    def _entries(self, binding: AttributeBinding) -> Entries:
        entries = self.layout.entries(binding)
        if entries is None:
            raise _undecidable(binding)
        return entries

    def _sub_attribute(self, entries: Entries, binding: AttributeBinding) -> Scalar:
        return self._required(entries.scalar(binding), binding)

    @staticmethod
    def _required(scalar: Scalar | None, binding: AttributeBinding) -> Scalar:
        if scalar is None or _is_complex(binding):
            raise _undecidable(binding)
        return scalar


Comparer = Callable[[Condition, str, CompareOperator, Any], str | None]

_COMPARERS: dict[Kind, Comparer] = {
    Kind.TEXT: Condition.text,
    Kind.ID: Condition.identifier,
    Kind.TIME: Condition.time,
    Kind.CONDITION: Condition.condition,
    Kind.JSON_BOOLEAN: Condition.json_boolean,
}


def _is_complex(binding: AttributeBinding) -> bool:
    return hasattr(binding.target_type, "model_fields")


def _undecidable(binding: AttributeBinding) -> InvalidFilterException:
    return InvalidFilterException(detail=f"'{binding.urn}' cannot be filtered on.")
