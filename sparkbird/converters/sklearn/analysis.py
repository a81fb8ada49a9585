"""Texts to terms: what the vectorizers of sklearn.feature_extraction.text do before they count.

A text goes through lower-casing and the stripping of accents, is cut into words or
characters, and these are put together to n-grams. N is the number of texts, M of terms of
all texts together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from sparkbird.converters.sklearn import characters, token_patterns
from sparkbird.dtypes import MISSING, STRING
from sparkbird.graph import op, strings
from sparkbird.graph.op import Array


def terms(model: Any, x: Array, known: Collection[str] | None) -> Iterator[tuple[Array, Array]]:
    """The terms of the texts `x` [N] and the rows they are in, [M] and [M], length by length.

    `known` is the vocabulary, None if any term counts.

    Source: sklearn/feature_extraction/text.py, _VectorizerMixin.build_analyzer (1.9).
    """
    op.check(
        op.equal(x, np.asarray(MISSING, STRING)), f"{type(model).__name__} takes no missing text"
    )
    return _ANALYZERS[model.analyzer](model, preprocessed(model, x, known))


def preprocessed(model: Any, x: Array, known: Collection[str] | None) -> Array:
    """The texts in lower case and without accents, as far as the model wants it: [N] -> [N].

    Source: sklearn/feature_extraction/text.py, _preprocess (1.9).
    """
    if model.lowercase and _tells_sigmas(model, known):
        x = with_final_sigmas(x)
    accents = model.strip_accents or None
    table = characters.replacements(lowercase=model.lowercase, accents=accents)
    changed = characters.of(table)
    if accents == "ascii":
        changed |= characters.where(_is_not_ascii)
    if not changed.any():
        return x
    one, rest = (characters.pattern(c) for c in (changed, characters.all_but(changed)))
    pieces = strings.mapped(strings.split(x, f"{one}|{rest}+"), table)
    if accents == "ascii":
        foreign = characters.pattern(characters.where(_is_not_ascii))
        blank = np.asarray("", STRING)
        pieces = op.where(strings.matches(pieces, pattern=foreign), blank, pieces)
    return strings.join(pieces)


#: How a pattern in ASCII names other characters.
_ESCAPES = ("\\u", "\\U", "\\x", "\\N")


def _tells_sigmas(model: Any, known: Collection[str] | None) -> bool:
    """Whether it matters to a term, a stop word or a pattern that a word ends in a final sigma.

    Of a pattern in ASCII only an escape can: classes have both.
    """
    if known is None:
        return True
    told = [*known]
    if model.analyzer == "word":
        told += model.get_stop_words() or ()
        pattern = model.token_pattern
        if not pattern.isascii() or any(escape in pattern for escape in _ESCAPES):
            return True
    return any("Σ" in word.upper() for word in told)


def _is_not_ascii(character: str) -> bool:
    return not character.isascii()


def with_final_sigmas(x: Array) -> Array:
    """`x` with each capital sigma at the end of a word in lower case, as ``str.lower`` has it.

    It is one if a cased letter is before it and none behind it, others being looked past.

    Source: CPython, Objects/unicodeobject.c, handle_capital_sigma (3.13).
    """
    pieces = strings.split(x, "Σ|[^Σ]+")
    sigma = op.equal(pieces, np.asarray("Σ", STRING))
    cased = characters.pattern(characters.where(characters.is_cased))
    skipped = f"{characters.pattern(characters.where(characters.is_skipped))}*"
    past = strings.matches(pieces, pattern=skipped)
    ends = sigma | strings.matches(pieces, pattern=f"(?s).*{cased}{skipped}")
    starts = sigma | strings.matches(pieces, pattern=f"(?s){skipped}{cased}.*")
    before = _moved(ends, 1) | (_moved(past, 1) & _moved(_moved(ends, 1), 1))
    behind = _moved(starts, -1) | (_moved(past, -1) & _moved(_moved(starts, -1), -1))
    final = sigma & before & ~behind
    return strings.join(op.where(final, np.asarray("ς", STRING), pieces))


def _moved(mask: Array, by: int) -> Array:
    """`mask` [N, T] with its columns moved by one to the right or to the left."""
    edge = op.rows_of(np.zeros(1, np.bool_), op.take(mask, 0, axis=1))
    if by > 0:
        return op.concat(edge, strings.without_last(mask), axis=1)
    return op.concat(strings.without_first(mask), edge, axis=1)


def _words(model: Any, x: Array) -> Iterator[tuple[Array, Array]]:
    """n-grams of the tokens that are no stop words.

    Source: sklearn/feature_extraction/text.py, _VectorizerMixin._word_ngrams (1.9).
    """
    found, wanted = token_patterns.tokens(model.token_pattern)
    token, row = strings.flat(strings.split(x, found))
    kept = strings.matches(token, pattern=wanted) if wanted else None
    if stop_words := model.get_stop_words():
        keys = np.array(sorted(stop_words), STRING)
        is_stop = op.lookup(token, keys=keys, values=np.ones(len(keys), np.int64), default=0)
        is_no_stop = op.equal(is_stop, np.int64(0))
        kept = is_no_stop if kept is None else kept & is_no_stop
    if kept is not None:
        token, row = op.compress(token, kept), op.compress(row, kept)
    return _grams(token, row, row, model.ngram_range, " ")


def _characters(model: Any, x: Array) -> Iterator[tuple[Array, Array]]:
    """n-grams of the characters; several spaces in a row are one.

    Source: sklearn/feature_extraction/text.py, _VectorizerMixin._char_ngrams (1.9).
    """
    space = characters.where(str.isspace)
    run, rest = characters.pattern(space), characters.pattern(characters.all_but(space))
    pieces = strings.split(x, f"{run}+|{rest}+")
    several = strings.matches(pieces, pattern=f"{run}{{2,}}")
    x = strings.join(op.where(several, np.asarray(" ", STRING), pieces))
    character, row = strings.flat(strings.split(x))
    return _grams(character, row, row, model.ngram_range, "")


def _characters_of_words(model: Any, x: Array) -> Iterator[tuple[Array, Array]]:
    """n-grams of the characters of each word between two spaces; a short word as a whole.

    Source: sklearn/feature_extraction/text.py, _VectorizerMixin._char_wb_ngrams (1.9).
    """
    rest = characters.pattern(characters.all_but(characters.where(str.isspace)))
    word, row = strings.flat(strings.split(x, f"{rest}+"))
    space = np.asarray(" ", STRING)
    word = strings.attach(strings.attach(space, word), space)
    pieces = strings.split(word)
    character, number, row_of = strings.flat(pieces, row)
    yield from _grams(character, row_of, number, model.ngram_range, "")
    length = op.sum(op.cast(~op.equal(pieces, np.asarray("", STRING)), dtype=np.int64), axis=1)
    short = length < np.int64(model.ngram_range[0])
    yield op.compress(word, short), op.compress(row, short)


#: What `analyzer` means.
_ANALYZERS = {"word": _words, "char": _characters, "char_wb": _characters_of_words}


def _grams(
    piece: Array, row: Array, group: Array, lengths: tuple[int, int], between: str
) -> Iterator[tuple[Array, Array]]:
    """The runs of pieces within a group, put together with `between`, and their rows."""
    least, most = lengths
    gram, valid, following = piece, None, group
    for length in range(1, most + 1):
        if length > 1:
            piece, following = _next(piece, ""), _next(following, -1)
            joined = strings.attach(np.asarray(between, STRING), piece) if between else piece
            gram = strings.attach(gram, joined)
            valid = op.equal(following, group)
        if length >= least:
            yield (
                (gram, row)
                if valid is None
                else (op.compress(gram, valid), op.compress(row, valid))
            )


def _next(x: Array, last: Any) -> Array:
    """Each value's successor, `last` for the last one: [M] -> [M]."""
    ended = op.concat(x, np.array([last], x.dtype), axis=0)
    return op.compress(ended, op.row_numbers(ended) > np.int64(0))
