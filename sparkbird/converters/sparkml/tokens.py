"""Texts to tokens, and tokens to fewer or longer ones.

N is the number of rows, T of the most tokens that a row has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sklearn import characters
from sparkbird.converters.sparkml import java_patterns
from sparkbird.converters.sparkml.java_text import SPACE, is_one_of, is_told, lower
from sparkbird.converters.sparkml.stages import input_columns, output_columns, reads_each, stage
from sparkbird.dtypes import MISSING, NO_TOKEN, STRING
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op, strings

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

_EMPTY, _NONE = np.asarray("", STRING), np.asarray(NO_TOKEN, STRING)


@stage("feature.Tokenizer", reads=reads_each("string"))
def tokenizer(stage: Stage, frame: Frame) -> Frame:
    r"""What is between single spaces, in lower case: ``text.toLowerCase().split("\\s")``.

    Two spaces have an empty token between them; those at the end are dropped. [N] -> [N, T]

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Tokenizer.scala, Tokenizer (4.3).
    """
    text = lower(frame, _text(stage, frame), stage.uid)
    tokens = _between(text, characters.of(SPACE), runs=False)
    return frame.with_column(stage.params["outputCol"], tokens)


def _patterns(stage: Stage) -> Iterator[UnsupportedError]:
    """Patterns that RE2 lacks; empty tokens between matches of more than a character."""
    name, params = stage.name, stage.params
    try:
        pattern = java_patterns.translated(params["pattern"])
    except UnsupportedOptionError as error:
        yield UnsupportedOptionError(f"{name}: {error.fact}", error.hint)
        return
    if params["gaps"] and not params["minTokenLength"] and pattern.one is None:
        yield UnsupportedOptionError(
            f"{name}(minTokenLength=0, pattern={params['pattern']!r}) is not compiled: it has "
            "empty tokens between matches that are no single class of characters",
            "say minTokenLength=1.",
        )


@stage(
    "feature.RegexTokenizer",
    reads=reads_each("string"),
    consumes="pattern gaps minTokenLength toLowercase",
    objections=_patterns,
)
def regex_tokenizer(stage: Stage, frame: Frame) -> Frame:
    """The matches of a pattern, or what is between them, if it is long enough: [N] -> [N, T].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Tokenizer.scala, RegexTokenizer
    (4.3).
    """
    params = stage.params
    pattern, least = java_patterns.translated(params["pattern"]), params["minTokenLength"]
    text = _text(stage, frame)
    if params["toLowercase"]:
        text = lower(frame, text, stage.uid)
    if params["gaps"] and not least and pattern.one is not None:
        tokens = _between(text, pattern.one, runs=pattern.is_run)
    else:
        pieces = strings.split(text, pattern.text, gaps=params["gaps"])
        tokens = op.where(op.equal(pieces, _EMPTY), _NONE, pieces)
    if least > 1:
        tokens = op.where(_has_length(tokens, least), tokens, _NONE)
    return frame.with_column(params["outputCol"], tokens)


def _text(stage: Stage, frame: Frame) -> Array:
    name = stage.params["inputCol"]
    text = frame.text(name)
    frame.check(op.equal(text, np.asarray(MISSING, STRING)), f"{stage.uid} takes no NULL")
    return text


def _between(text: Array, separators: np.ndarray, *, runs: bool) -> Array:
    """What is between separators, which are single characters or runs of them: [N] -> [N, T].

    A text without any is one token, be it empty; empty tokens at the end are dropped.

    Source: java.base/java/util/regex/Pattern.java, split (OpenJDK 17).
    """
    one, rest = (
        characters.pattern(members) for members in (separators, characters.all_but(separators))
    )
    pieces = strings.split(text, f"{one}{'+' if runs else ''}|{rest}+")
    separates = strings.matches(pieces, pattern=f"{one}+")
    words = op.cast(~(separates | op.equal(pieces, _EMPTY)), dtype=np.int64)
    before = op.cumsum(words, axis=1)
    goes_on = op.expand(op.sum(words, axis=1), axis=1) > before
    empty = separates & _after(separates) & goes_on
    tokens = op.where(words > np.int64(0), pieces, op.where(empty, _EMPTY, _NONE))
    alone = op.where(op.equal(text, _EMPTY), _EMPTY, _NONE)
    return op.concat(op.expand(alone, axis=1), tokens, axis=1)


def _after(mask: Array) -> Array:
    """For each column of [N, T], whether it is the first or `mask` holds for the one before."""
    first = op.rows_of(np.ones(1, np.bool_), op.take(mask, 0, axis=1))
    return op.concat(first, strings.without_last(mask), axis=1)


def _has_length(tokens: Array, least: int) -> Array:
    """Which tokens have `least` characters, those beyond U+FFFF counted twice as Java does."""
    enough = strings.matches(tokens, pattern=f"(?s).{{{least},}}")
    wide = "[\U00010000-\U0010ffff]"
    for count in range(1, (least + 1) // 2 + 1):
        many = strings.matches(tokens, pattern=f"(?s)(?:.*{wide}){{{count}}}.*")
        enough = enough | (many & strings.matches(tokens, pattern=f"(?s).{{{least - count},}}"))
    return enough


@stage("feature.NGram", reads=reads_each("string"), consumes="n")
def n_gram(stage: Stage, frame: Frame) -> Frame:
    """The runs of n tokens, with a space between them: [N, T] -> [N, T].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/NGram.scala, createTransformFunc
    (4.3).
    """
    tokens = gram = _together(frame.tokens(stage.params["inputCol"]))
    for _ in range(1, stage.params["n"]):
        tokens = _next(tokens)
        whole = strings.attach(strings.attach(gram, np.asarray(" ", STRING)), tokens)
        gram = op.where(op.equal(tokens, _NONE), _NONE, whole)
    return frame.with_column(stage.params["outputCol"], gram)


def _next(tokens: Array) -> Array:
    """For each column of [N, T] the one behind it, no tokens for the last."""
    last = op.rows_of(np.array([NO_TOKEN], STRING), op.take(tokens, 0, axis=1))
    return op.concat(strings.without_first(tokens), last, axis=1)


def _together(tokens: Array) -> Array:
    """The tokens of each row with none missing between them: [N, T] -> [N, T]."""
    there = op.cast(~op.equal(tokens, _NONE), dtype=np.int64)
    token, _ = strings.flat(tokens, absent=NO_TOKEN)
    counts = op.sum(there, axis=1)
    first = op.expand(op.cumsum(counts, axis=0) - counts, axis=1)
    place = op.cumsum(op.where(there > np.int64(0), there, np.int64(1)), axis=1)
    place = op.where(place <= op.expand(counts, axis=1), first + place, np.int64(0))
    return op.take(op.concat(np.array([NO_TOKEN], STRING), token, axis=0), place)


#: Languages whose letters Java puts in lower case by rules of their own.
_OWN_RULES = ("tr", "az", "lt")


def _own_rules(stage: Stage) -> Iterator[UnsupportedError]:
    """Locales, and stop words, whose lower case is not that of Python."""
    name, params = stage.name, stage.params
    if params["caseSensitive"]:
        return
    if params["locale"].lower().startswith(_OWN_RULES):
        yield UnsupportedOptionError(
            f"{name}(locale={params['locale']!r}) is not compiled: its lower case has rules of "
            "its own",
            'say locale="en", or caseSensitive=True.',
        )
    if strange := [word for word in _words(stage) if not is_told(word)]:
        yield UnsupportedOptionError(
            f"{name}(stopWords) with {strange[0]!r} is not compiled: versions of Java differ on "
            "its lower case",
            "leave it out, or say caseSensitive=True.",
        )


def _words(stage: Stage) -> list[str]:
    return sorted({word for word in stage.params["stopWords"] if word is not None})


@stage(
    "feature.StopWordsRemover",
    reads=reads_each("string"),
    consumes="stopWords caseSensitive locale",
    objections=_own_rules,
)
def stop_words_remover(stage: Stage, frame: Frame) -> Frame:
    """The tokens that are no stop words, [N, T] -> [N, T].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/StopWordsRemover.scala, transform
    (4.3).
    """
    words = _words(stage)
    for source, target in zip(input_columns(stage), output_columns(stage), strict=True):
        tokens = frame.tokens(source)
        if words and stage.params["caseSensitive"]:
            keys = np.array(words, STRING)
            values = np.ones(len(keys), np.int64)
            stops = op.lookup(tokens, keys=keys, values=values, default=0) > np.int64(0)
        elif words:
            stops = is_one_of(tokens, words)
        else:
            stops = op.equal(tokens, _NONE)
        frame = frame.with_column(target, op.where(stops, _NONE, tokens))
    return frame
