"""sklearn.feature_extraction.text: exact on any Unicode, whatever the locale."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

import sparkbird
from sparkbird.converters import convert
from sparkbird.errors import InvalidValueError, UnsupportedError, UnsupportedOptionError
from sparkbird.graph.sparse import dense
from tests.parity import Case, check, parameters

#: Texts that go wrong elsewhere, case by case.
TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "the QUICK brown Fox; the end. x y z, 1 22 a_b _ __",
    "café CAFÉ cafe\u0301 naïve Ångström ﬁne Straße STRASSE",
    "ΟΔΥΣΣΕΥΣ Σ ΣΑΣ. ΑΣ'Α ΑΣ' ΣΣ Σ\u0301 ΑΣ\u0301 ΑΣ\u0301Α σας ΛΌΓΟΣ, ΛΌΓΟΣ",
    "İstanbul ISTANBUL ılık IĞDIR",
    "日本語 テキスト 한국어 각 ガ ｶﾞ ÷ × № ½ x² ① ٣٤",
    "",
    "   ",
    "\t\n\r tabs\tand\n\nlines \x0b\x0c \x1c\x1d\x85\xa0nbsp\u2003em\u3000wide",
    "a",
    "aa",
    "it's don't e-mail a.b.c x.y foo_bar",
    "😀 emoji 👩‍👩‍👧 \u200d\u200b zero",
    "repeated repeated repeated the the the",
    "one tokens",
    "a-very-long-" * 30,
]
LABELS = np.arange(len(TEXTS)) % 2
FRESH = [
    "never seen words",
    "Quick FOX, ΣΑΣ ΛΌΓΟΣ!",
    "",
    "café",
    "\ufffd ǅ ẞ ŉ",
    "\x00 nul \x00inside",
]

VECTORIZERS = [
    CountVectorizer(),
    CountVectorizer(lowercase=False),
    CountVectorizer(binary=True, dtype=np.float32),
    CountVectorizer(ngram_range=(1, 2)),
    CountVectorizer(ngram_range=(2, 3), stop_words="english"),
    CountVectorizer(ngram_range=(1, 3), stop_words=["the", "fox"]),
    CountVectorizer(stop_words="english"),
    CountVectorizer(strip_accents="unicode"),
    CountVectorizer(strip_accents="ascii"),
    CountVectorizer(strip_accents="ascii", lowercase=False, ngram_range=(1, 2)),
    CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2)),
    CountVectorizer(token_pattern=r"\b[a-zA-Z]{3,}\b"),
    CountVectorizer(token_pattern=r"\S+"),
    CountVectorizer(token_pattern=r"[^\W\d_]+|\d"),
    CountVectorizer(token_pattern=r"[a-z]+(?:['-][a-z]{1,3})*|[^\w\s]"),
    CountVectorizer(vocabulary=["fox", "dog", "σας"]),
    CountVectorizer(vocabulary={"quick fox": 1, "fox": 0}, ngram_range=(1, 2)),
    CountVectorizer(max_features=3),
    CountVectorizer(analyzer="char"),
    CountVectorizer(analyzer="char", ngram_range=(2, 4)),
    CountVectorizer(analyzer="char", ngram_range=(1, 2), strip_accents="unicode"),
    CountVectorizer(analyzer="char_wb"),
    CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)),
    CountVectorizer(analyzer="char_wb", ngram_range=(2, 2), lowercase=False),
    TfidfVectorizer(),
    TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
    TfidfVectorizer(norm="l1", smooth_idf=False),
    TfidfVectorizer(norm=None, use_idf=False, sublinear_tf=True),
    TfidfVectorizer(dtype=np.float32),
    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
    HashingVectorizer(n_features=64),
    HashingVectorizer(n_features=7, norm="l1", ngram_range=(1, 2)),
    HashingVectorizer(n_features=32, norm=None, alternate_sign=False, stop_words="english"),
    HashingVectorizer(n_features=32, binary=True, norm=None),
    HashingVectorizer(n_features=1000, analyzer="char", dtype=np.float32),
]


@pytest.mark.parametrize("model", VECTORIZERS, ids=lambda m: " ".join(repr(m).split()))
def test_counts_and_weights_are_the_originals(model):
    model = model.fit(TEXTS)
    compiled = sparkbird.compile(model)
    for texts in (TEXTS, FRESH, TEXTS[:1], [""], ["", "x"]):
        expected = model.transform(texts).toarray()
        in_numpy = dense(convert(model, np.array(texts, object))["transform"])
        rtol = 2e-7 if expected.dtype == np.float32 else 1e-15
        for actual in (in_numpy, compiled.transform(texts)):
            assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
            np.testing.assert_allclose(actual, expected, rtol)
    assert compiled.transform([]).shape == (0, expected.shape[1])


def test_a_sigma_at_the_end_of_a_word_matters_to_stop_words_and_patterns_too():
    texts = ["ΣΑΣ one ΣΑΣ two", "one two", "ΣΑΣ", "ΟΔΟΣ three"]
    for model in (
        CountVectorizer(vocabulary=["one two"], ngram_range=(2, 2), stop_words=["σας"]),
        CountVectorizer(vocabulary=["one two"], ngram_range=(2, 2), stop_words=["οδος"]),
        CountVectorizer(vocabulary=["one two"], ngram_range=(2, 2), token_pattern="[a-zςα]{3,}"),
        CountVectorizer(vocabulary=["α"], token_pattern="[\\u03b1\\u03c2]+"),
    ):
        expected = model.transform(texts).toarray()
        np.testing.assert_array_equal(sparkbird.compile(model).transform(texts), expected)


def test_weights_count_if_they_are_there_or_asked_for_as_the_version_has_it():
    model = TfidfVectorizer().fit(TEXTS)
    model.use_idf = False
    expected = model.transform(FRESH).toarray()
    np.testing.assert_allclose(sparkbird.compile(model).transform(FRESH), expected, 1e-15)


PIPELINES = [
    make_pipeline(CountVectorizer(), MultinomialNB()),
    make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True), LogisticRegression()),
    make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), SGDClassifier(random_state=0)),
    make_pipeline(HashingVectorizer(), RidgeClassifier()),
    make_pipeline(
        CountVectorizer(), MaxAbsScaler(), StandardScaler(with_mean=False), LogisticRegression()
    ),
    make_pipeline(
        CountVectorizer(), Normalizer("l1"), SelectKBest(k=10), TruncatedSVD(3), LinearSVC()
    ),
    make_pipeline(
        make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3))),
        LogisticRegression(),
    ),
]


@pytest.mark.parametrize("model", PIPELINES, ids=lambda m: "-".join(m.named_steps))
@pytest.mark.parametrize("form", ["list", "series", "array", "dataframe"])
def test_texts_come_in_every_form(model, form):
    model = model.fit(TEXTS, LABELS)
    texts = TEXTS + FRESH
    rows = {
        "list": texts,
        "series": pd.Series(texts, name="comment"),
        "array": np.array(texts, object),
        "dataframe": pd.DataFrame({"comment": texts}),
    }[form]
    compiled = sparkbird.compile(model, rows)
    assert compiled.predict(rows).tolist() == model.predict(texts).tolist()
    for method in {"predict_proba", "decision_function"} & {*compiled.outputs}:
        expected = getattr(model, method)(texts)
        np.testing.assert_allclose(getattr(compiled, method)(rows), expected, 1e-12, 1e-13)


def counts():
    """A matrix of counts, a column and a row of zeros among them."""
    rng = np.random.default_rng(4)
    X = rng.integers(0, 4, size=(40, 6)).astype(float)
    X[:, 2] = 0
    X[7] = 0
    return X, None


WEIGHTS = [
    Case(TfidfTransformer(), counts),
    Case(TfidfTransformer(sublinear_tf=True, norm="l1"), counts, numbers=(0.0, 0.5, 1e300, 2.0)),
    Case(TfidfTransformer(use_idf=False, norm=None), counts),
    Case(TfidfTransformer(smooth_idf=False), counts, dtypes=("float64",)),
]


@pytest.mark.parametrize(("case", "dtype"), parameters(WEIGHTS))
def test_counts_of_a_matrix_are_weighted(case, dtype):
    check(case, dtype)


def of_texts_and_numbers():
    columns = ColumnTransformer(
        [
            ("text", make_pipeline(CountVectorizer(), TfidfTransformer()), "comment"),
            ("title", CountVectorizer(binary=True), "title"),
            ("number", StandardScaler(), ["age"]),
        ]
    )
    rows = pd.DataFrame({"age": np.arange(16.0), "comment": TEXTS, "title": TEXTS[::-1]})
    return make_pipeline(columns, LogisticRegression()).fit(rows, LABELS), rows


def test_texts_stand_beside_numbers():
    model, rows = of_texts_and_numbers()
    compiled = sparkbird.compile(model)
    assert [c.dtype for c in compiled.schema.columns] == ["float64", "string", "string"]
    np.testing.assert_allclose(
        compiled.predict_proba(rows), model.predict_proba(rows), 1e-12, 1e-14
    )
    assert sparkbird.check(model, rows).ok


def test_a_text_that_is_missing_is_refused():
    model = CountVectorizer().fit(TEXTS)
    with pytest.raises(InvalidValueError, match="takes no missing text, and 1 of 2 rows"):
        sparkbird.compile(model).transform(["a", None])


def test_a_large_vocabulary_takes_the_memory_of_the_terms_present():
    terms = [f"word{i}" for i in range(100_000)]
    vectorizer = TfidfVectorizer(vocabulary=terms, norm="l2").fit([" ".join(terms[:50])])
    model = make_pipeline(vectorizer, LogisticRegression())
    model.fit([f"{a} word7" for a in terms[:200]], np.arange(200) % 2)
    compiled = sparkbird.compile(model)
    assert compiled.schema.row_bytes < 10_000
    texts = [" ".join(terms[i : i + 20]) for i in range(0, 4000, 2)]
    np.testing.assert_allclose(
        compiled.predict_proba(texts), model.predict_proba(texts), 1e-12, 1e-14
    )


def test_the_locale_of_the_machine_does_not_matter(tmp_path):
    model = make_pipeline(CountVectorizer(strip_accents="unicode"), LogisticRegression())
    model.fit(TEXTS, LABELS)
    compiled = sparkbird.compile(model)
    compiled.save(tmp_path / "model.onnx")
    code = (
        "import sys, sparkbird; m = sparkbird.load(sys.argv[1]); "
        "print(m.predict_proba(['ΛΌΓΟΣ Café', 'İSTANBUL fox']).tolist())"
    )
    expected = compiled.predict_proba(["ΛΌΓΟΣ Café", "İSTANBUL fox"]).tolist()
    for locale in ("C", "tr_TR.UTF-8"):
        result = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code, tmp_path / "model.onnx"],
            env={**os.environ, "LC_ALL": locale, "LANG": locale},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == str(expected)


REFUSED = [
    (CountVectorizer(tokenizer=str.split, token_pattern=None), "tokenizer"),
    (CountVectorizer(preprocessor=str.upper), "preprocessor"),
    (CountVectorizer(analyzer=str.split), "analyzer"),
    (CountVectorizer(strip_accents=str.upper), "strip_accents"),
    (CountVectorizer(token_pattern=r"(\w)\w+"), "a group"),
    (CountVectorizer(token_pattern=r"\w+(?=\s)"), "assert"),
    (CountVectorizer(token_pattern=r"\b\w+"), "at"),
    (CountVectorizer(token_pattern=r"\b\S+\b"), "not of words"),
    (CountVectorizer(token_pattern=r"(?i)[a-z]+"), "flags"),
    (CountVectorizer(token_pattern=r"\w+?\d"), "as little as it can"),
    (CountVectorizer(token_pattern=r"\w+\d*"), "the same character"),
    (CountVectorizer(token_pattern=r"a|ab"), "an alternative"),
    (CountVectorizer(dtype=np.int16), "dtype"),
]


@pytest.mark.parametrize(("model", "names"), REFUSED, ids=str)
def test_what_cannot_be_exact_is_refused_by_name(model, names):
    with pytest.raises(UnsupportedError, match=names):
        sparkbird.compile(model.fit(TEXTS))


def test_a_term_with_a_nul_is_refused():
    """ONNX Runtime's look-up does not find it."""
    with pytest.raises(UnsupportedOptionError, match="the character NUL"):
        sparkbird.compile(CountVectorizer(analyzer="char").fit(["a\0b"]))


def test_a_vectorizer_of_a_list_of_columns_is_refused():
    rows = pd.DataFrame({"comment": ["comment", "b"]})
    model = ColumnTransformer([("t", CountVectorizer(), "comment")]).fit(rows)
    model.transformers_ = [(name, step, ["comment"]) for name, step, _ in model.transformers_]
    with pytest.raises(UnsupportedOptionError, match="a table"):
        sparkbird.compile(model)
