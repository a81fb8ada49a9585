"""Tokenizer, RegexTokenizer, NGram and StopWordsRemover."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import NGram, RegexTokenizer, StopWordsRemover, Tokenizer

import sparkbird
from sparkbird.converters.sparkml import java_text
from sparkbird.errors import ColumnTypeError, UnsupportedError
from tests.spark.ml.parity import Case, check

#: Spaces of all kinds, capitals that become two letters, letters beyond U+FFFF, sigmas.
TEXTS = [
    "",
    " ",
    " \t ",
    "one",
    "  Two  words ",
    "a b  c   d",
    "tab\tand\nline\r\nand\x0bmore\x0c",
    "no\u00a0break\u2003space\u0085here\u2028there\x1cnow",
    "İstanbul Iğdır ΟΔΟΣ ΣΟΦΙΑ, ΑΣ.",
    "\U0001d54a\U0001d54b x\U0001f600 \U0001f600",
    "don't STOP; the Cat's (IN) The-Hat, and 12.5% of_it!",
    "K\u212aelvin \u212bngstrom ẞ ß é e\u0301",
    "a1-b2 -- c_3,,d;e --> f--> -->g",
    "I am not THE one who was there",
]


def texts(spark):
    return spark.createDataFrame(
        [(text, text[::-1]) for text in TEXTS], "text string, other string"
    )


def random_texts(spark):
    rng = np.random.default_rng(0)
    letters = [*"aAbB12_-,.'\" \t\n;éÉΣσΑ\U0001d54a"]
    made = ["".join(rng.choice(letters, rng.integers(0, 12))) for _ in range(400)]
    made = [text for text in made if java_text.is_told(text)]
    return spark.createDataFrame([(text, text) for text in made], "text string, other string")


def no_texts(spark):
    return spark.createDataFrame([(None, "a")], "text string, other string")


def regex(pattern=r"\s+", **options):
    return Case(
        lambda: RegexTokenizer(inputCol="text", outputCol="words", pattern=pattern, **options),
        texts,
        random_texts,
        no_texts,
        note=f"{pattern} {options}",
    )


def grams(n):
    def stage():
        first = Tokenizer(inputCol="text", outputCol="words")
        return Pipeline(stages=[first, NGram(inputCol="words", outputCol="grams", n=n)])

    return Case(stage, texts, random_texts, note=f"{n}-grams")


def stops(note, language="", **options):
    """What is left of tokens that keep their case."""

    def stage():
        first = RegexTokenizer(inputCol="text", outputCol="words", toLowercase=False)
        remover = StopWordsRemover(inputCol="words", outputCol="kept", **options)
        if language:
            remover.setStopWords(StopWordsRemover.loadDefaultStopWords(language))
        return Pipeline(stages=[first, remover])

    return Case(stage, texts, random_texts, note=note)


ODD_WORDS = ["İstanbul", "οδος", "αΣ.", "kkelvin", "Ångstrom", "", "é", "a", "İ", "(in)", "$^"]

CASES = [
    Case(
        lambda: Tokenizer(inputCol="text", outputCol="words"),
        texts,
        random_texts,
        no_texts,
        note="Tokenizer",
    ),
    regex(),
    regex(minTokenLength=0),
    regex(minTokenLength=2, toLowercase=False),
    regex(minTokenLength=3),
    regex(minTokenLength=6),
    regex(r"\s", minTokenLength=0),
    regex(r"\W"),
    regex(r"\W", minTokenLength=0),
    regex(r"\W+", minTokenLength=0),
    regex(r"[^\p{Alnum}']+"),
    regex(r"\s*,\s*"),
    regex(r"-->|;|[,.]+"),
    regex(r"(\p{Punct}|\s)+", toLowercase=False),
    regex(r"\w+", gaps=False),
    regex(r"\w+", gaps=False, minTokenLength=0, toLowercase=False),
    regex(r"\d+(\.\d+)?", gaps=False),
    regex(r".", gaps=False, toLowercase=False),
    regex(r"[a-z]{2,3}", gaps=False),
    grams(1),
    grams(2),
    grams(5),
    stops("English"),
    stops("German", "german", locale="de"),
    stops("Turkish", "turkish"),
    stops("odd words", stopWords=ODD_WORDS),
    stops("as they are", stopWords=[*ODD_WORDS, "I", "the"], caseSensitive=True),
    stops("another locale, as they are", stopWords=["I"], caseSensitive=True, locale="tr"),
    stops("no words", stopWords=[]),
    Case(
        lambda: Pipeline(
            stages=[
                Tokenizer(inputCol="text", outputCol="words"),
                RegexTokenizer(inputCol="other", outputCol="others", pattern=r"\W"),
                StopWordsRemover(inputCols=["words", "others"], outputCols=["w", "o"]),
                NGram(inputCol="o", outputCol="grams"),
            ]
        ),
        texts,
        random_texts,
        note="two columns, and grams of what is left",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (lambda: RegexTokenizer(pattern=r"(?i)a"), "flags"),
        (lambda: RegexTokenizer(pattern=r"\bfoo\b"), "at"),
        (lambda: RegexTokenizer(pattern=r"a|ab"), "begins with"),
        (lambda: RegexTokenizer(pattern=r"a*"), "matches of nothing"),
        (lambda: RegexTokenizer(pattern=r"(?<=a)b"), "assert"),
        (lambda: RegexTokenizer(pattern=r"(a)\1"), r"\\1"),
        (lambda: RegexTokenizer(pattern=r"\v"), r"\\v"),
        (lambda: RegexTokenizer(pattern=r"\h"), "another way"),
        (lambda: RegexTokenizer(pattern=r"\p{L}+"), "version of Unicode"),
        (lambda: RegexTokenizer(pattern=r"[a-z&&[^b]]"), "the class"),
        (lambda: RegexTokenizer(pattern=r"[]a]"), "the class"),
        (lambda: RegexTokenizer(pattern=r", ", minTokenLength=0), "empty tokens"),
        (lambda: StopWordsRemover(locale="tr"), "rules of its own"),
        (lambda: StopWordsRemover(stopWords=["α1Σ"]), "versions of Java"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_java_reads_in_its_own_way_is_refused_by_name(stage, words, spark):
    model = stage().setInputCol("text").setOutputCol("words")
    with pytest.raises(UnsupportedError, match=words):
        sparkbird.compile(model)


@pytest.mark.parametrize("text", ["Α1Σ", "ΑΣ-Β", "Α\u2019ΑΣ\u2019Β", "\u1c90", "\ua7c0"])
def test_a_text_whose_lower_case_hangs_on_java_is_refused(text, spark):
    compiled = sparkbird.compile(Tokenizer(inputCol="text", outputCol="words"))
    with pytest.raises(sparkbird.errors.InvalidValueError, match="versions of Java"):
        compiled.transform(spark.createDataFrame([(text,)], "text string").toArrow())


def test_tokens_from_outside_are_refused(spark):
    with pytest.raises(ColumnTypeError, match="compile the pipeline from its tokenizer on"):
        sparkbird.compile(NGram(inputCol="words", outputCol="grams"))


def test_tokens_come_out_of_spark_as_arrays(spark):
    stages = [
        Tokenizer(inputCol="text", outputCol="words"),
        StopWordsRemover(inputCol="words", outputCol="kept"),
    ]
    model = Pipeline(stages=stages).fit(texts(spark))
    expected = model.transform(texts(spark))
    actual = sparkbird.transform(texts(spark), model)
    assert actual.schema.simpleString() == expected.schema.simpleString()
    assert actual.collect() == expected.collect()
