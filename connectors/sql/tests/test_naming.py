"""Names of tables and columns."""

from __future__ import annotations

import pytest
from connectrt_sql.naming import Naming, TableName, fold, snake_case

from connectrt.sdk import DataError


def naming(**rules: object) -> Naming:
    return Naming(**{"tables": {}, **rules})  # type: ignore[arg-type]


@pytest.mark.parametrize(("format", "topic", "name"), [
    ("${topic}", "orders", TableName("orders")),
    ("${topic}", "transformed.1.0.db", TableName("transformed.1.0.db")),
    ("analytics.${topic}", "a.b", TableName("a.b", "analytics")),
    ("warehouse.analytics.${topic}_raw", "a", TableName("a_raw", "analytics", "warehouse")),
])
def test_only_dots_of_the_format_separate_schema_and_table(format: str, topic: str, name: TableName) -> None:
    assert naming(table_format=format).table(topic) == name


def test_partition_and_source_are_replaced() -> None:
    rules = naming(table_format="${source.schema}.${source.table}_${partition}")
    assert rules.table("t", 3, {"schema": "in.ventory", "table": "orders"}) == TableName("orders_3", "in.ventory")


@pytest.mark.parametrize("format", ["${source.table}", "${nothing}", "a.b.c.${topic}", "${topic}."])
def test_a_name_that_cannot_be_made_is_the_records_fault(format: str) -> None:
    with pytest.raises(DataError, match=r"table\.name\.format"):
        naming(table_format=format if format != "${topic}." else "${topic}.x.y.z").table("orders")


def test_a_mapped_topic_keeps_its_table_and_others_follow_the_format() -> None:
    rules = naming(tables={"orders": "sales.o"}, table_format="x_${topic}")
    assert (rules.table("orders"), rules.table("users")) == (TableName("o", "sales"), TableName("x_users"))


def test_normalizing_spares_the_dots_of_the_format() -> None:
    assert naming(table_format="s.${topic}", normalize=True).table("a.b-ü") == TableName("a_b__", "s")


@pytest.mark.parametrize(("style", "name"), [
    ("as_is", "OrderItems"), ("lower", "orderitems"), ("upper", "ORDERITEMS"), ("snake_case", "order_items")])
def test_styles_change_topics_and_fields(style: str, name: str) -> None:
    rules = naming(table_style=style, column_style=style)
    assert (rules.table("OrderItems").table, rules.column("OrderItems")) == (name, name)


@pytest.mark.parametrize(("name", "snake"), [
    ("orderId", "order_id"), ("OrderItemID", "order_item_id"), ("HTTPServer", "http_server"), ("a-b c", "a_b_c"),
    ("already_snake", "already_snake"), ("v2Name", "v2_name")])
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_names_without_quotes_are_folded_wherever_they_come_from() -> None:
    rules = naming(tables={"T": "S.Mapped"}, fold=fold)
    assert (rules.table("T"), rules.table("Other"), rules.column("Id")) == (
        TableName("mapped", "s"), TableName("other"), "id")
