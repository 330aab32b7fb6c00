from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from connectrt.data.logical import DATE, TIME, TIMESTAMP, decimal_scale, decimal_schema, from_base, to_base
from connectrt.data.schema import BYTES, INT32, Schema, Type
from connectrt.errors import DataError

DECIMAL = decimal_schema(2)


def test_logical_values_have_the_base_values_that_java_gives_them() -> None:
    assert to_base(DECIMAL, Decimal("1.56")) == b"\x00\x9c"
    assert to_base(DECIMAL, Decimal("-1.56")) == b"\xffd"
    assert to_base(DATE, date(2019, 4, 14)) == 18_000
    assert from_base(TIME, 50_400_001) == datetime(1970, 1, 1, 14, 0, 0, 1000).time()
    assert from_base(TIMESTAMP, 1_566_570_894_346) == datetime(2019, 8, 23, 14, 34, 54, 346_000, tzinfo=UTC)


def test_values_of_other_schemas_and_null_stay_as_they_are() -> None:
    assert to_base(INT32, 5) == from_base(INT32, 5) == 5
    assert to_base(DATE, None) is from_base(DATE, None) is None


def test_datetime_is_a_date_only_at_midnight_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert to_base(DATE, datetime(2024, 2, 29, 2, tzinfo=east)) == to_base(DATE, date(2024, 2, 29))
    with pytest.raises(DataError, match="should not have any time fields"):
        to_base(DATE, datetime(2024, 2, 29, tzinfo=east))


def test_naive_datetime_is_utc() -> None:
    assert to_base(TIMESTAMP, datetime(1970, 1, 2)) == 86_400_000


def test_decimal_must_have_the_scale_of_its_schema() -> None:
    with pytest.raises(DataError, match="Schema has scale 2, value has scale 1"):
        to_base(DECIMAL, Decimal("1.5"))
    with pytest.raises(DataError, match="cannot be NaN"):
        to_base(DECIMAL, Decimal("NaN"))


@pytest.mark.parametrize("parameters", [None, {}, {"scale": "x"}, {"scale": "9" * 5000}, {"scale": str(2**31)}])
def test_decimal_schema_without_a_scale_of_32_bits_is_refused(parameters: dict[str, str] | None) -> None:
    with pytest.raises(DataError, match="Decimal schema: "):
        decimal_scale(Schema(Type.BYTES, name=DECIMAL.name, parameters=parameters))


@pytest.mark.parametrize(("schema", "base"), [
    (DATE, 2**31 - 1), (DATE, -(2**31)), (TIME, 86_400_000), (TIME, -1), (TIMESTAMP, 2**63 - 1), (TIMESTAMP, -(2**63)),
    (DECIMAL, b"")])
def test_base_value_that_python_cannot_hold_is_refused(schema: Schema, base: object) -> None:
    with pytest.raises(DataError):
        from_base(schema, base)


def test_decimal_schema_is_bytes_with_a_scale() -> None:
    assert (DECIMAL.type, DECIMAL.version, DECIMAL.parameters) == (BYTES.type, 1, {"scale": "2"})
    assert decimal_scale(decimal_schema(-3)) == -3
