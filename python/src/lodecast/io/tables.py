"""Tables of others as columns for the engine: a name, a contiguous array or a list of texts, and where values are missing.

Arrays are handed over where they lie; a copy is made only of those that are strided or of an unusual type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lodecast.errors import ArgumentError, FileError, SweepError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Column = tuple[str, "NDArray[Any] | list[str | None]", "NDArray[np.bool_] | None"]

#: Where a table keeps the metrics of its sweep with their directions, if it has a place for that.
_METRICS = "lodecast_metrics"
_AS_THEY_ARE = ("float64", "float32", "int64", "uint64")


def from_numpy(table: Mapping[str, Any]) -> list[Column]:
    """Columns of a mapping of names to arrays or lists."""
    if not isinstance(table, Mapping):
        raise SweepError(f"a mapping of column names to arrays is needed, not {type(table).__name__}")
    return [_column(str(name), np.asarray(values)) for name, values in table.items()]


def from_pandas(table: Any) -> list[Column]:
    """Columns of a pandas data frame."""
    if not hasattr(table, "columns") or not hasattr(table, "attrs"):
        raise ArgumentError(f"a pandas data frame is needed, not {type(table).__name__}{_reader(table)}")
    columns = []
    for name in table.columns:
        series = table[name]
        if getattr(series.dtype, "kind", "O") in "fiub" and isinstance(series.dtype, np.dtype):
            columns.append(_column(str(name), series.to_numpy()))
            continue
        # Extension types and texts; their missing values are None, NaN or NA.
        missing = np.ascontiguousarray(series.isna().to_numpy(dtype=bool))
        kind = getattr(series.dtype, "kind", "O")
        if kind in "fiub":
            columns.append(_column(str(name), series.fillna(0).to_numpy(dtype=_wide(kind)), missing))
        else:
            columns.append(_column(str(name), series.to_numpy(dtype=object), missing))
    return _directed(columns, table.attrs.get(_METRICS))


def from_polars(table: Any) -> list[Column]:
    """Columns of a polars data frame."""
    if not hasattr(table, "iter_columns"):
        raise ArgumentError(f"a polars data frame is needed, not {type(table).__name__}{_reader(table)}")
    columns = []
    for series in table.iter_columns():
        missing = series.is_null().to_numpy() if series.null_count() else None
        if series.dtype.is_numeric() and not series.dtype.is_decimal():
            values = series.to_numpy() if missing is None else series.fill_null(0).to_numpy()
            columns.append(_column(series.name, values, missing))
        elif series.dtype.is_decimal():
            columns.append(_column(series.name, series.cast(float).fill_null(0.0).to_numpy(), missing))
        else:
            columns.append(_column(series.name, np.array(series.to_list(), dtype=object), missing))
    return columns


def from_arrow(table: Any) -> list[Column]:
    """Columns of anything that gives Arrow data by the PyCapsule interface."""
    if hasattr(table, "iter_columns") and hasattr(table, "null_count"):
        return from_polars(table)
    try:
        import pyarrow as pa
    except ImportError:
        raise SweepError("Arrow tables need pyarrow: pip install pyarrow, or pass numpy columns to from_numpy") from None
    if not isinstance(table, pa.Table):
        if not hasattr(table, "__arrow_c_stream__") and not isinstance(table, pa.RecordBatch):
            raise SweepError(f"{type(table).__name__} gives no Arrow data (__arrow_c_stream__); try from_numpy")
        table = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else pa.table(table)
    columns = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        column = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if not number:
            columns.append(_column(name, np.array(column.to_pylist(), dtype=object), missing))
            continue
        values = column if missing is None else column.fill_null(pa.scalar(0, column.type))
        columns.append(_column(name, values.to_numpy(zero_copy_only=False), missing))
    said = (table.schema.metadata or {}).get(_METRICS.encode())
    return _directed(columns, None if said is None else json.loads(said))


def _reader(table: Any) -> str:
    """Say which function takes a table, as far as it is known."""
    if isinstance(table, Mapping):
        return ": lodecast.Sweep.from_numpy takes columns by their names"
    known = {"pandas": "from_pandas", "polars": "from_polars", "pyarrow": "from_arrow"}
    found = known.get(type(table).__module__.partition(".")[0])
    return "" if found is None else f": lodecast.Sweep.{found} takes it"


def _directed(columns: list[Column], metrics: Sequence[str] | None) -> list[Column]:
    """Give the columns of metrics the direction that was kept beside a table that a sweep went out as."""
    known = {metric.rpartition(":")[0]: metric for metric in metrics or ()}
    return [(known.get(name, name), values, missing) for name, values, missing in columns]


def _wide(kind: str) -> str:
    return {"f": "float64", "u": "uint64"}.get(kind, "int64")


def _column(name: str, values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Column:
    if values.ndim != 1:
        raise SweepError(f"the column '{name}' has {values.ndim} dimensions; give one value a row")
    if missing is not None:
        missing = np.ascontiguousarray(missing, dtype=np.bool_)
    if values.dtype.name in _AS_THEY_ARE and values.dtype.isnative:
        return name, np.ascontiguousarray(values), missing
    if values.dtype.kind in "fiub":
        return name, np.ascontiguousarray(values, dtype=_wide(values.dtype.kind)), missing
    if values.dtype.kind == "O":
        return _objects(name, values, missing)
    if values.dtype.kind in "UT":
        return name, [str(value) for value in values], missing
    raise SweepError(f"the column '{name}' is of type {values.dtype}; make it numbers or texts, or leave it out")


def _objects(name: str, values: NDArray[Any], missing: NDArray[np.bool_] | None) -> Column:
    """Numbers with None among them, or texts."""
    absent = np.array([value is None for value in values], dtype=np.bool_)
    missing = absent if missing is None else absent | missing
    present = [value for value, gone in zip(values, missing, strict=True) if not gone]
    if present and all(isinstance(value, (int, float, np.number)) for value in present):
        numbers = [0.0 if gone else float(value) for value, gone in zip(values, missing, strict=True)]
        return name, np.array(numbers, dtype=np.float64), missing
    return name, [None if gone else str(value) for value, gone in zip(values, missing, strict=True)], None


def to_numpy(sweep: Any) -> dict[str, NDArray[Any]]:
    """Columns of a sweep as arrays, in which what was not measured is NaN, or None among texts and counts."""
    columns = {}
    for name, values, there in sweep._columns():
        if there is not None and values.dtype.kind == "u":
            values = values if there.all() else np.where(there, values.astype(object), None)
        columns[name] = np.asarray(values, dtype=object) if isinstance(values, list) and None in values else np.asarray(values)
    return columns


def to_pandas(sweep: Any) -> Any:
    """Make a pandas data frame of a sweep."""
    try:
        import pandas as pd
    except ImportError:
        raise FileError("to_pandas needs pandas: pip install pandas") from None
    columns = {}
    for name, values, there in sweep._columns():
        if there is not None and values.dtype.kind == "u" and not there.all():
            columns[name] = pd.array(values, dtype="UInt64")
            columns[name][~there] = pd.NA
        else:
            columns[name] = values
    frame = pd.DataFrame(columns)
    frame.attrs[_METRICS] = sweep.metrics
    return frame


def to_polars(sweep: Any) -> Any:
    """Make a polars data frame of a sweep."""
    try:
        import polars as pl
    except ImportError:
        raise FileError("to_polars needs polars: pip install polars") from None
    columns = []
    for name, values, there in sweep._columns():
        if isinstance(values, list):
            columns.append(pl.Series(name, values, dtype=pl.String))
            continue
        series = pl.Series(name, values)
        columns.append(series if there is None else series.zip_with(pl.Series(there), pl.Series([None], dtype=series.dtype)))
    return pl.DataFrame(columns)


def to_stream(sweep: Any, requested_schema: Any = None) -> Any:
    """Give the columns of a sweep as an Arrow stream, by whichever of pyarrow and polars is there."""
    try:
        import pyarrow as pa
    except ImportError:
        return to_polars(sweep).__arrow_c_stream__(requested_schema)
    columns = {}
    for name, values, there in sweep._columns():
        mask = None if there is None else ~there
        columns[name] = pa.array(values, pa.string()) if isinstance(values, list) else pa.array(values, mask=mask)
    table = pa.table(columns).replace_schema_metadata({_METRICS: json.dumps(sweep.metrics)})
    return table.__arrow_c_stream__(requested_schema)
