"""Files that are parsed together say what they say one by one."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.readers.ours import histories
from auditor.readers.ours.histories import read_histories
from auditor.trials import CURVE_COLUMNS, Run

HEADERS = [
    "execution,fold,epoch,seconds,loss,val_loss",
    "execution,fold,epoch,seconds,loss,learning_rate",
    "execution,fold,epoch,seconds",
    "execution,fold,epoch,seconds,val_loss,val_loss",
    'execution,fold,epoch,seconds,"a,b",loss',
    "fold,execution,epoch,seconds,loss",
]
whole = st.sampled_from(["0", "1", "2", "7"])
key = st.one_of(whole, whole, st.sampled_from(["-1", "+1", "1.0", "", "9999999999", "01", "nan"]))
cell = st.one_of(
    st.floats().map(repr),
    st.sampled_from(["", "nan", "inf", "-inf", "-nan", "1e", "1E5", ".5", "5.", "--1", "infinity"]),
    st.sampled_from(["1_0", " 1", "0x1", "٣", '"1"', "1\r", "e", "i", "+1", "1e400", "na"]),
)


@st.composite
def file(draw: st.DrawFn) -> bytes:
    header = draw(st.sampled_from(HEADERS))
    width = header.count(",") + 1
    # Most are as a search writes them.
    cells = draw(
        st.sampled_from([st.floats().map(repr), cell, st.just("") | st.floats().map(repr)])
    )
    keys = draw(st.sampled_from([st.just("0"), key]))
    epochs = draw(st.sampled_from([["0", "1", "2"], ["0", "0", "1"], ["1", "0", "2"], []]))
    rows = [
        [*draw(st.tuples(keys, keys)), epoch, *draw(st.tuples(*[cells] * (width - 3)))]
        for epoch in epochs
    ]
    text = "\n".join([header, *(",".join(row) for row in rows)])
    return text.encode() + draw(st.sampled_from([b"\n", b"\n", b"", b"\n\n", b"\n0,0", b",\n"]))


def said(files: dict[str, Path]) -> Any:
    found = read_histories(files)
    tables = [
        table.astype({"trial_id": str, "metric": str}).sort_values(
            list(CURVE_COLUMNS[:-1]), ignore_index=True
        )
        for table in (found.curves, found.series)
    ]
    runs = {trial: list(runs) for trial, runs in found.runs.items()}
    return [repr(table.values.tolist()) for table in tables], runs, found.complaints, found.trials


@example(contents=[f"{HEADERS[0]}\n0,0,0,1,2,3\n0,0,0,1,2,3\n".encode()], size=1)
@example(contents=[f"{HEADERS[0]}\n0,0,1,1,,3\n0,0,0,1,2,3\n".encode()] * 2, size=1)
@given(contents=st.lists(file(), max_size=4), size=st.sampled_from([1, 2**24]))
def test_together_is_as_one_by_one(contents: list[bytes], size: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        files = {str(i): Path(folder, f"{i}.csv") for i in range(len(contents))}
        for path, content in zip(files.values(), contents, strict=True):
            path.write_bytes(content)
        patch.setattr(histories, "BATCH_BYTES", size)
        together = said(files)
        patch.setattr(histories, "_is_as_written", lambda header, body: False)
        assert together == said(files)


def test_files_as_a_search_writes_them_are_not_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "_add_carefully", None)
    for name in "ab":
        (tmp_path / name).write_text(
            f"{HEADERS[0]}\n0,0,0,0.5,nan,1e-05\n0,0,1,,-inf,\n0,1,0,0.5,0.1,0.25\n"
        )
    found = read_histories({name: tmp_path / name for name in "ab"})
    assert list(found.runs["b"]) == [Run("b"), Run("b", 0, 1)]
    loss = found.curves[found.curves["metric"] == "loss"]
    assert list(map(repr, loss["value"].tolist())) == ["nan", "-inf", "0.1"] * 2
    assert found.series["value"].tolist() == [0.5, 0.5] * 2
    assert isinstance(found.curves["trial_id"].dtype, pd.CategoricalDtype)
