"""Writes the files in this folder: the same four-point sweep as other tools leave it. Run: python make_files.py"""

import json
import math
import sys

import pandas
import polars
import pyarrow
import pyarrow.parquet

print(f"pandas {pandas.__version__}, pyarrow {pyarrow.__version__}, polars {polars.__version__}, python {sys.version.split()[0]}")

points = pandas.DataFrame(
    {
        "run_id": ["a", "a", "b", "b"],
        "step": [10, 20, 10, 20],
        "train_loss": [2.5, 1.25, math.nan, math.inf],
        "learning_rate": [0.001, 0.0005, 0.1, 0.1],
        "val_accuracy": [math.nan, 0.5, math.nan, 0.1],
        "epoch": [0, 1, 0, 1],
    }
)

# As people save a data frame. Pandas has no null among its floats: NaN becomes null (Parquet), an empty field (CSV).
points.to_parquet("pandas.parquet")
points.to_csv("pandas.csv")
points.to_json("pandas.jsonl", orient="records", lines=True)

# A shuffled, categorical frame: an index column, a dictionary-encoded run id, narrow types.
narrow = points.astype(
    {"run_id": "category", "step": "uint32", "train_loss": "float32", "learning_rate": "float64", "val_accuracy": "float16"}
)
narrow.iloc[[3, 0, 2, 1]].to_parquet("pandas_narrow.parquet", compression="gzip")

# Arrow keeps NaN and null apart.
table = pyarrow.table(
    {
        "trial_id": pyarrow.array([7, 7, 8, 8], pyarrow.int64()),
        "global_step": pyarrow.array([10, 20, 10, 20], pyarrow.int32()),
        "loss": pyarrow.array([2.5, 1.25, math.nan, math.inf]),
        "lr": pyarrow.array([0.001, 0.0005, 0.1, 0.1]),
        "val_accuracy": pyarrow.array([None, 0.5, None, 0.1]),
        "seed": pyarrow.array([0, 0, 1, 1], pyarrow.uint8()),
        "schedule": pyarrow.array(["cosine", "cosine", None, "constant"]),
    }
)
pyarrow.parquet.write_table(table, "pyarrow.parquet", row_group_size=3)
pyarrow.parquet.write_table(
    table,
    "pyarrow_v2.parquet",
    compression="lz4",
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding={"global_step": "DELTA_BINARY_PACKED", "loss": "BYTE_STREAM_SPLIT", "schedule": "DELTA_LENGTH_BYTE_ARRAY"},
)

# Decimals, as databases hand numbers out: in bytes, and in whole numbers of 32 and 64 bits.
decimals = pyarrow.table(
    {
        "run_id": ["a", "a", "b", "b"],
        "step": pyarrow.array([10, 20, 10, 20], pyarrow.decimal128(12, 0)),
        "train_loss": pyarrow.array(["2.5", "1.25", None, "-0.75"]).cast(pyarrow.decimal128(7, 3)),
        "learning_rate": pyarrow.array(["0.001", "0.0005", "0.1", "0.1"]).cast(pyarrow.decimal128(16, 6)),
        "val_accuracy": pyarrow.array([None, "0.5", None, "0.1"]).cast(pyarrow.decimal128(30, 4)),
    }
)
pyarrow.parquet.write_table(decimals, "pyarrow_decimals.parquet", store_decimal_as_integer=True)

frame = polars.DataFrame(
    {
        "run_id": ["a", "a", "b", "b"],
        "step": [10, 20, 10, 20],
        "train_loss": [2.5, 1.25, math.nan, math.inf],
        "learning_rate": [0.001, 0.0005, 0.1, 0.1],
        "val_accuracy": [None, 0.5, None, 0.1],
    }
)
frame.write_parquet("polars.parquet")
frame.write_csv("polars.csv")
frame.write_ndjson("polars.ndjson")

# Python's json module writes tokens that are not JSON.
with open("python.jsonl", "w") as file:
    for step, loss in [(10, math.nan), (20, -math.inf)]:
        file.write(json.dumps({"run": "NaN", "iteration": step, "loss": loss, "lr": 0.1, "val_accuracy": 0.5}) + "\n")

# Lists: empty ones, nulls among them and in them; and so long that they go on over the ends of pages.
lists = pyarrow.table(
    {
        "run": ["a", "b", "c", "d", "e"],
        "loss": pyarrow.array([[1.0, 2.0], [], None, [3.0, None], [4.0]], pyarrow.list_(pyarrow.float64())),
        "step": pyarrow.array([[1, 2], [], None, [3, 4], [5]], pyarrow.list_(pyarrow.int64())),
    }
)
pyarrow.parquet.write_table(lists, "pyarrow_lists.parquet", data_page_version="1.0", row_group_size=3)
pyarrow.parquet.write_table(lists, "pyarrow_lists_v2.parquet", data_page_version="2.0", row_group_size=3)
long = pyarrow.array([[float(100 * row + item) for item in range(100)] for row in range(30)], pyarrow.list_(pyarrow.float64()))
options = {"data_page_size": 512, "write_batch_size": 7, "use_dictionary": False, "compression": "none"}
pyarrow.parquet.write_table(pyarrow.table({"loss": long}), "pyarrow_long_lists.parquet", **options)
