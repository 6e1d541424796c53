"""Says what log lines are about.

    import logclass
    with logclass.Classifier() as c:
        for line, answer in zip(lines, c.classify(lines)):
            print(answer.label_id, line)

Lines are str or bytes in any iterable, a pandas Series, or an Arrow column (pyarrow, polars, …), which is read where it lies.
"""
from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

from . import _native
from ._native import Error

__all__ = ["Answer", "Answers", "Classifier", "Error", "Label"]
__version__ = _native.version

_DATA = str(pathlib.Path(__file__).resolve().parent / "data")


class Label(NamedTuple):
    id: str
    name: str
    about: str


class Answer(NamedTuple):
    """The fields of the HTTP API; source is who decided: regex, bert, llm or fallback. reason says why a line is UNCLASSIFIED."""

    label_id: str
    label: str
    source: str
    confidence: float
    reason: str


class Answers(Sequence[Answer]):
    """The answers to a call, in the order of its lines, kept as columns."""

    __slots__ = ("_confidence", "_decider", "_label", "_labels", "_n", "_reason")

    def __init__(self, labels: tuple[Label, ...], columns: _native.Columns) -> None:
        self._labels = labels
        self._n, self._label, self._decider, self._reason, self._confidence = columns

    def __len__(self) -> int:
        return self._n

    def _answer(self, i: int) -> Answer:
        label = self._labels[self._label[i]]
        return Answer(label.id, label.name, _native.deciders[self._decider[i]], self.confidences[i], _native.reasons[self._reason[i]])

    @overload
    def __getitem__(self, i: int) -> Answer: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Answer]: ...
    def __getitem__(self, i: int | slice) -> Answer | Sequence[Answer]:
        if isinstance(i, slice):
            return [self._answer(k) for k in range(*i.indices(self._n))]
        if not -self._n <= i < self._n:
            raise IndexError(i)
        return self._answer(i % self._n)

    def __iter__(self) -> Iterator[Answer]:
        ids, deciders, reasons = self._labels, _native.deciders, _native.reasons
        for label, decider, reason, confidence in zip(self._label, self._decider, self._reason, self.confidences):
            yield Answer(ids[label].id, ids[label].name, deciders[decider], confidence, reasons[reason])

    @property
    def label_ids(self) -> list[str]:
        """The labels alone."""
        ids = [label.id for label in self._labels]
        return [ids[i] for i in self._label]

    @property
    def confidences(self) -> memoryview[float]:
        """Floats, where they lie: numpy.frombuffer takes them."""
        return memoryview(self._confidence).cast("d")

    def to_arrow(self) -> Any:
        """A pyarrow.Table with the columns of Answer; nothing is copied."""
        import pyarrow as pa

        def words(codes: bytes, names: Iterable[str]) -> Any:
            column = pa.Array.from_buffers(pa.uint8(), self._n, [None, pa.py_buffer(codes)])
            return pa.DictionaryArray.from_arrays(column, pa.array(names, pa.string()))

        confidence = pa.Array.from_buffers(pa.float64(), self._n, [None, pa.py_buffer(self._confidence)])
        return pa.table({
            "label_id": words(self._label, [x.id for x in self._labels]), "label": words(self._label, [x.name for x in self._labels]),
            "source": words(self._decider, _native.deciders), "confidence": confidence, "reason": words(self._reason, _native.reasons)})

    def to_pandas(self, index: Any = None) -> Any:
        """A pandas.DataFrame with the columns of Answer, for the index of the lines (series.index)."""
        import numpy as np
        import pandas as pd

        def words(codes: bytes, names: Iterable[str]) -> Any:
            return pd.Categorical.from_codes(np.frombuffer(codes, np.uint8).astype(np.int8), list(names))

        return pd.DataFrame({
            "label_id": words(self._label, [x.id for x in self._labels]), "label": words(self._label, [x.name for x in self._labels]),
            "source": words(self._decider, _native.deciders), "confidence": np.frombuffer(self._confidence),
            "reason": words(self._reason, _native.reasons)}, index=index)


class Classifier:
    """Any number of threads may use one; the interpreter is free while lines are judged. In a child after a fork it raises Error."""

    def __init__(self, *, data_dir: str | None = None, use_state: bool = False, **settings: object) -> None:
        """settings: options of docs/configuration.md that `logclass classify` and `follow` share: labels="ops", workers=2,
        offline=False, … data_dir: where rules, heads and model are, if not those of this package. use_state: what was learnt and
        said in the state folder of this user counts, as for the command line.
        """
        words = {True: "yes", False: "no"}
        pairs = tuple(f"{name}={words[value] if isinstance(value, bool) else value}" for name, value in settings.items())
        self._native = _native.Native(data_dir or _DATA, pairs, use_state)
        self.labels = tuple(Label(*x) for x in self._native.labels())
        self.about = self._native.about()

    def classify(self, lines: Any, sources: Any = None) -> Answers:
        """Judges all lines. sources: the program or host that wrote each of them, or one name for all. None and NaN are empty lines."""
        if isinstance(lines, (str, bytes)):
            raise TypeError("lines is one line: expected a list, a Series or a column of lines")
        lines, sources = _column(lines), sources if isinstance(sources, (str, bytes, type(None))) else _column(sources)
        arrow = _is_arrow(lines)
        if isinstance(sources, (str, bytes, type(None))) or _is_arrow(sources) == arrow:
            call = self._native.classify_arrow if arrow else self._native.classify
        else:  # one lies in Arrow's memory, the other does not
            lines, sources, call = _objects(lines), _objects(sources), self._native.classify
        return Answers(self.labels, call(lines, sources))

    def explain(self, line: str | bytes, source: str | bytes | None = None) -> dict[str, Any]:
        """The answer, and under "explain" why: the rule and what it matched, or the nearest labels with their probabilities."""
        answer: dict[str, Any] = json.loads(self._native.explain(line, source))
        return answer

    def close(self) -> None:
        """Ends its threads and gives back its memory; else the garbage collector does."""
        self._native.close()

    def __enter__(self) -> Classifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_arrow(column: Any) -> bool:
    return hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_c_stream__")


def _column(values: Any) -> Any:
    """A pandas Series as what it lies in: Arrow's memory, or Python's objects."""
    if not type(values).__module__.startswith("pandas."):
        return values
    array = getattr(values, "array", values)
    return array.__arrow_array__() if type(array).__name__.startswith("Arrow") else array.tolist()


def _objects(column: Any) -> Any:
    return column.to_pylist() if hasattr(column, "to_pylist") else column.to_list() if hasattr(column, "to_list") else column
