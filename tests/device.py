"""What a GPU does with the arrays that it is given, done by NumPy."""

from types import SimpleNamespace

import numpy as np

from sparkbird.kernels.cuda import layout, part as device_part
from sparkbird.kernels.trees import BYTE, ranked


def placed_in_words(found, columns, ranks):
    """Ranks [N, D] as a tile has them, the words of a row each: [N, bytes]."""
    tile = np.zeros((len(found), columns.words(ranks) * layout.LANES * layout.WORD), np.uint8)
    places = layout.offsets(np.arange(found.shape[1]), ranks)
    for i in range(ranks.itemsize):
        tile[:, places + i] = found.view(np.uint8)[:, i :: ranks.itemsize]
    return tile


def seen(tile, rows, places, ranks):
    return sum(tile[rows, places + i].astype(np.int64) << 8 * i for i in range(ranks.itemsize))


def down_full(made, tile, ranks):
    """The leaf numbers that full trees hold, [N, T], as `full` of forest.cu finds them."""
    found, rows = [], np.arange(len(tile))
    for group in made.groups:
        content = made.content[group["start"] : group["start"] + group["size"]]
        assert group["start"] % 16 == group["size"] % 16 == 0
        for tree in content[: 16 * group["count"]].view(layout.TREE):
            at = np.ones(len(tile), np.int64)
            for _ in range(tree["levels"]):
                node = content[tree["nodes"] :].view(np.uint32)[at].astype(np.int64)
                at = 2 * at + (seen(tile, rows, node >> 16, ranks) > node & 0xFFFF)
            found.append(content[tree["leaves"] :].view(np.uint32)[at - (1 << tree["levels"])])
    return np.stack(found, axis=1)


def down_sparse(made, tile, ranks):
    """The leaf numbers that trees hold as they are, [N, T], as `sparse` of forest.cu does."""
    found, rows = [], np.arange(len(tile))
    for root in made.roots["root"]:
        at = np.full(len(tile), root, np.int64)
        while (inner := made.nodes["rank"][at] != layout.ARRIVED).any():
            node = made.nodes[at]
            places = layout.offsets(node["column"].astype(np.int64), ranks)
            right = seen(tile, rows, places, ranks) > node["rank"]
            at = np.where(inner, node["child"] + right, at)
        found.append(made.nodes["child"][at])
    return np.stack(found, axis=1)


class Part:
    """Trees whose thresholds have ranks in common."""

    def __init__(self, trees, part, output):
        self.values, self.first = trees.threshold.dtype, part.first
        self.ranks = np.dtype(np.uint16 if part.most > BYTE else np.uint8)
        self.features, self.thresholds, self.missing = part.features, part.thresholds, part.missing
        self.columns = layout.Columns.of(part, layout.nodes_of(trees, part))
        self.full = layout.is_full(trees, part, self.columns, self.ranks)
        if self.full:
            numbers = trees.leaf[:, None].astype(np.uint32)
            self.made = layout.full(trees, part, self.columns, self.ranks, numbers, output)
        else:
            self.made = layout.sparse(trees, part, self.columns, output)

    def ranked(self, given, count):
        """The ranks of rows [N, D]."""
        columns = self.columns
        known, missing = given.columns[columns.place], given.columns["missing"][columns.place]
        of_missing = [*device_part._missing(self, columns, missing)]
        found = np.zeros((count, len(known)), self.ranks)
        for i, column in enumerate(known):
            block = np.ascontiguousarray(given.blocks[column["block"]]).reshape(count, -1)
            if column["coded"]:
                found[:, i] = self.of_distinct(given)[block[:, 0], i]
                continue
            own = block[:, column["offset"] // given.dtype.itemsize]
            assert own.dtype == given.dtype
            rank = column["start"] + np.searchsorted(given.thresholds[columns.place[i]], own)
            found[:, i] = np.where(np.isnan(own), of_missing[i], rank)
        return found

    def of_distinct(self, given):
        from sparkbird.kernels.given import of_matrix

        distinct = np.ascontiguousarray(given.distinct)
        return self.ranked(of_matrix(distinct, self.features, self.thresholds), len(distinct))

    def leaves(self, rows):
        """The numbers of leaves, [N, T]."""
        found = self.ranked(rows.given(self), rows.count)
        tile = placed_in_words(found, self.columns, self.ranks)
        return (down_full if self.full else down_sparse)(self.made, tile, self.ranks)


def device(number=0):
    """As `kernels.cuda.driver.device`."""
    return SimpleNamespace(
        name=f"none {number}",
        identity=f"none-{number}",
        total_bytes=2**33,
        driver_version="13.0",
    )


class Forest:
    """As `kernels.cuda.forest.Forest`."""

    def __init__(self, trees, values=None, output=None, outputs=1, *, device, room=0):
        count, self.device = len(trees.roots), device
        self.features = np.unique(trees.feature[trees.inner])
        self.lengths = (count if values is None else outputs,)
        self.output = np.zeros(count, np.int64) if output is None else output
        self.values, self.outputs = values, outputs
        self.parts = [Part(trees, part, self.output) for part in ranked(trees)]
        self.size = trees.threshold.nbytes

    def __str__(self):
        return f"{len(self.output)} trees by NumPy"

    def work(self, values=None, coded=()):
        return {"call": 1.0}

    def result(self, rows):
        if not rows.count:
            dtype = np.int32 if self.values is None else self.values.dtype
            return np.empty((0, *self.lengths), dtype)
        found = np.concatenate([part.leaves(rows) for part in self.parts], axis=1)
        if self.values is None:
            return found.astype(np.int32)
        total = np.zeros((len(found), self.outputs), self.values.dtype)
        width = self.values.shape[1]
        for leaf, output in zip(found.T, self.output, strict=True):
            total[:, output : output + width] += self.values[leaf]
        return total
