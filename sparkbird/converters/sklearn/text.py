"""sklearn.feature_extraction.text: texts to counts of terms, and counts to weights.

N is the number of texts, K of terms in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.registry import converts, qualified_name
from sparkbird.converters.sklearn import token_patterns
from sparkbird.converters.sklearn.analysis import terms
from sparkbird.converters.sklearn.norms import normalized
from sparkbird.converters.sklearn.validation import finite_or_sparse
from sparkbird.converters.sklearn.version import installed
from sparkbird.dtypes import STRING
from sparkbird.errors import ColumnTypeError, UnsupportedOptionError
from sparkbird.graph import op, strings
from sparkbird.graph.sparse import Sparse, dense, summed
from sparkbird.graph.table import width

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import (
        CountVectorizer,
        HashingVectorizer,
        TfidfTransformer,
        TfidfVectorizer,
    )

    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

_ANALYSIS = (
    "input strip_accents lowercase preprocessor tokenizer stop_words token_pattern ngram_range "
    "analyzer binary dtype"
)
_TRAINING = "encoding decode_error max_df min_df max_features"

#: Parameters that hold a user's function, and the way out.
_FUNCTIONS = {
    "preprocessor": "apply it to the column before the model",
    "tokenizer": "say it as a token_pattern",
    "analyzer": 'choose "word", "char" or "char_wb"',
    "strip_accents": 'choose "unicode" or "ascii"',
}


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    """Functions of the user's, files, types that graphs do not have, and patterns RE2 lacks."""
    name = qualified_name(type(model))
    for parameter, way_out in _FUNCTIONS.items():
        if callable(getattr(model, parameter)):
            yield UnsupportedOptionError(
                f"{name}({parameter}={getattr(model, parameter)!r}) is not compiled",
                f"{way_out}, and fit again.",
            )
    if model.input != "content":
        yield UnsupportedOptionError(
            f"{name}(input={model.input!r}) is not compiled", "read the files before the model."
        )
    if np.dtype(model.dtype).name not in ("float64", "float32", "int64", "int32"):
        yield UnsupportedOptionError(
            f"{name}(dtype={model.dtype!r}) is not compiled",
            "use float64, float32, int64 or int32.",
        )
    if model.analyzer == "word" and model.tokenizer is None:
        try:
            token_patterns.tokens(model.token_pattern)
        except UnsupportedOptionError as error:
            yield UnsupportedOptionError(f"{name}: {error.fact}", error.hint)


_TEXT: dict[str, Any] = {
    "objections": _objections,
    "column_types": lambda _: {0: "string"},
    "series": lambda _: True,
}


@converts(
    "sklearn.feature_extraction.text.CountVectorizer",
    consumes=f"{_ANALYSIS} vocabulary",
    ignores=_TRAINING,
    **_TEXT,
)
def count_vectorizer(model: CountVectorizer, x: Array) -> Sparse:
    """How often each term of the vocabulary is in each text, [N] -> [N, K].

    Source: sklearn/feature_extraction/text.py, CountVectorizer.transform (1.9).
    """
    return Sparse((_counts(model, x),))


@converts(
    "sklearn.feature_extraction.text.TfidfVectorizer",
    consumes=f"{_ANALYSIS} vocabulary norm use_idf smooth_idf sublinear_tf",
    ignores=_TRAINING,
    **_TEXT,
)
def tfidf_vectorizer(model: TfidfVectorizer, x: Array) -> Sparse:
    """Counts, weighted by how rare their terms are, [N] -> [N, K].

    Source: sklearn/feature_extraction/text.py, TfidfVectorizer.transform (1.9).
    """
    return _weighted(model._tfidf, Sparse((_counts(model, x),)))  # noqa: SLF001


@converts(
    "sklearn.feature_extraction.text.TfidfTransformer",
    consumes="norm use_idf smooth_idf sublinear_tf",
)
def tfidf_transformer(model: TfidfTransformer, x: Array | Table | Sparse) -> Array | Sparse:
    """Counts, weighted by how rare their terms are, [N, K] -> [N, K].

    Before 1.5 a matrix becomes float64, and what is sparse already keeps its type.

    Source: sklearn/feature_extraction/text.py, TfidfTransformer.transform (1.4, 1.9).
    """
    counts = finite_or_sparse(model, x)
    if isinstance(counts, Sparse):
        return _weighted(model, counts)
    if installed() < (1, 5):
        counts = op.cast(counts, dtype=np.float64)
    return dense(_weighted(model, Sparse((counts,))))


@converts(
    "sklearn.feature_extraction.text.HashingVectorizer",
    consumes=f"{_ANALYSIS} n_features norm alternate_sign",
    ignores="encoding decode_error",
    **_TEXT,
)
def hashing_vectorizer(model: HashingVectorizer, x: Array) -> Sparse:
    """How often the terms of each hash are in each text, [N] -> [N, K].

    Source: sklearn/feature_extraction/text.py, HashingVectorizer.transform (1.9).
    """
    columns, rows, signs = [], [], []
    for term, row in terms(model, x, None):
        column, sign = hashed(term, model.n_features, signed=model.alternate_sign)
        columns.append(column)
        rows.append(row)
        signs.append(op.cast(sign, dtype=model.dtype))
    entries = summed(_joined(rows), _joined(columns), _joined(signs), model.n_features, x)
    counts = Sparse((entries,))
    if model.binary:
        counts = counts.mapped(_ones)
    return counts if model.norm is None else normalized(counts, model.norm)


def hashed(term: Array, features: int, *, signed: bool) -> tuple[Array, Array]:
    """The column of each term [M] and its sign as a whole number, [M] and [M].

    Source: sklearn/feature_extraction/_hashing_fast.pyx, transform (1.9).
    """
    code = op.cast(strings.murmur3(term), dtype=np.int64)
    column = op.mod(op.absolute(code), np.int64(features))
    one = np.int64(1)
    return column, op.where(code < np.int64(0), -one if signed else one, one)


def _counts(model: CountVectorizer, x: Array) -> Any:
    """The counts of the terms of the vocabulary, as entries."""
    vocabulary = np.array([*model.vocabulary_], STRING)
    places = np.array([*model.vocabulary_.values()], np.int64)
    size = len(vocabulary)
    columns, rows = [], []
    for term, row in terms(model, x, model.vocabulary_):
        column = op.lookup(term, keys=vocabulary, values=places, default=-1)
        known = column >= np.int64(0)
        columns.append(op.compress(column, known))
        rows.append(op.compress(row, known))
    column, row = _joined(columns), _joined(rows)
    entries = summed(row, column, _ones(op.cast(column, dtype=model.dtype)), size, x)
    return entries.mapped(_ones) if model.binary else entries


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else op.concat(*parts, axis=0)


def _ones(values: Array) -> Array:
    return op.where(op.equal(values, values), np.ones((), values.dtype), values)


def _weighted(model: TfidfTransformer, counts: Sparse) -> Sparse:
    """Since 1.5 it is having learnt weights that counts, before it was the parameter.

    Source: sklearn/feature_extraction/text.py, TfidfTransformer.transform (1.4, 1.9).
    """
    counts = counts.floating()
    use_idf = model.use_idf if installed() < (1, 5) else hasattr(model, "idf_")
    if model.sublinear_tf:
        counts = counts.mapped(_log_plus_one)
    if use_idf:
        if width(counts) != len(model.idf_):
            raise ColumnTypeError(
                f"TfidfTransformer was fitted on {len(model.idf_)} terms, not {width(counts)}",
                "give it the counts that it was fitted on.",
            )
        counts = counts.scaled(model.idf_)
    if model.norm is None:
        return counts
    if counts.matrices or (use_idf and not np.isfinite(model.idf_).all()):
        zeros = counts.mapped(lambda values: values - values).product(np.ones(width(counts)))
        op.check(op.isnan(zeros), f"{type(model).__name__} normalizes no weights beyond numbers")
    return normalized(counts, model.norm)


def _log_plus_one(values: Array) -> Array:
    one = np.ones((), values.dtype)
    zero = op.equal(values, one - one)
    return op.where(zero, values, op.log(op.where(zero, one, values)) + one)
