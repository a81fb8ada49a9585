// A forest on a GPU: values to ranks, ranks to leaves, leaves to sums.
//
// Rows stand in tiles of 32, one for each lane of a warp. Ranks of a tile are words [W, 32] of
// 4 bytes: as many columns as fit stand side by side in the word of a row, so that the 32 lanes
// ask 32 banks of shared memory whatever columns they ask for.
//
// One of RANKS, FULL, SPARSE and ADD is defined when this is compiled, and of these what it needs:
//   VALUE    float or double, what is ranked
//   RANK     unsigned char or unsigned short
//   LEAF     float or double, the values of leaves and their sums; unsigned, for their numbers
//   STORES   1 if leaves are stored, 0 if they are added up
//   NUMBERS  1 if leaves are numbers, 0 if they are values
//   THREADS  of a block, a multiple of 32
//   ROWS     how many rows a thread takes down the trees side by side
//   OUTPUTS  how many sums a row has, WIDTH how many of them a leaf adds to
//   NEAR     1 if ranks are copied to shared memory
//   LEVELS   of a tree that has most of them
//   ONE      1 if there is one sum of a row, to which all trees add
//   WARPS    of a block that adds, TREES of which it has what was found in shared memory

typedef unsigned long long u64;

constexpr int LANES = 32;

#ifdef RANK
constexpr unsigned PER_WORD = 4 / sizeof(RANK);
#endif

#ifdef RANKS
// A column to rank: where the value of the first row is and how far on the next one, its
// thresholds, ascending and +inf up to 2**steps - 1, the rank of what is below them all, and
// that of NaN. A column that is coded has numbers of one byte instead, of rows ranked before.
struct Column {
    u64 offset;
    unsigned stride, first, steps, start, missing, coded;
};

__device__ unsigned searched(VALUE x, const Column& column, const VALUE* thresholds) {
    const VALUE* own = thresholds + column.first;
    unsigned rank = 0;
    for (unsigned step = 1u << column.steps >> 1; step; step >>= 1)
        if (own[rank + step - 1] < x) rank += step;
    return x == x ? column.start + rank : column.missing;
}

// The ranks of rows: values are bytes that columns say how to find.
extern "C" __global__ void rank(
    const unsigned char* values, const Column* columns, unsigned words, const VALUE* thresholds,
    const unsigned char* coded, unsigned count, unsigned* ranks
) {
    u64 tile = blockIdx.x, row = tile * LANES + threadIdx.x;
    for (unsigned word = blockIdx.y * blockDim.y + threadIdx.y; word < words;
         word += gridDim.y * blockDim.y) {
        unsigned packed = 0;
        for (unsigned i = 0; i < PER_WORD && row < count; ++i) {
            const Column column = columns[word * PER_WORD + i];
            const unsigned char* place = values + column.offset + row * column.stride;
            unsigned found;
            if (column.coded) {
                unsigned code = *place;
                u64 at = ((u64)(code / LANES) * words + word) * LANES + code % LANES;
                found = ((const RANK*)(coded + at * 4))[i];
            } else {
                found = searched(*(const VALUE*)place, column, thresholds);
            }
            packed |= found << (8 * sizeof(RANK) * i);
        }
        ranks[(tile * words + word) * LANES + threadIdx.x] = packed;
    }
}

#endif

#if defined(FULL) || defined(SPARSE)
// What becomes of the leaves that a thread's rows come to: they are added up, or stored.
struct Sink {
    LEAF totals[ROWS][OUTPUTS];
    LEAF* out;
    u64 rows[ROWS];
    u64 row_step, tree_step;
    unsigned count;

    __device__ Sink(LEAF* out, u64 row_step, u64 tree_step, unsigned count, bool adds)
        : out(out), row_step(row_step), tree_step(tree_step), count(count) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            u64 warp = (u64)blockIdx.x * (blockDim.x / LANES) * ROWS + threadIdx.x / LANES;
            rows[r] = (warp + r * (blockDim.x / LANES)) * LANES + threadIdx.x % LANES;
            for (int k = 0; k < OUTPUTS; ++k)
                totals[r][k] = adds && rows[r] < count ? out[rows[r] * row_step + k] : 0;
        }
    }

    __device__ void take(int r, const LEAF* leaf, unsigned output, unsigned tree) {
#if STORES
        if (rows[r] < count) out[rows[r] * row_step + tree * tree_step] = *leaf;
#else
#pragma unroll
        for (unsigned k = 0; k < WIDTH; ++k)
#pragma unroll
            for (unsigned o = 0; o < OUTPUTS; ++o)
                if (WIDTH == OUTPUTS ? o == k : o == output + k) totals[r][o] += leaf[k];
#endif
    }

    __device__ void finish() {
#if !STORES
        for (int r = 0; r < ROWS; ++r)
            for (int k = 0; k < OUTPUTS; ++k)
                if (rows[r] < count) out[rows[r] * row_step + k] = totals[r][k];
#endif
    }
};

__device__ void copy(void* to, const void* from, unsigned bytes) {
    for (unsigned i = threadIdx.x; i < bytes / 16; i += blockDim.x)
        ((uint4*)to)[i] = ((const uint4*)from)[i];
}

// The ranks of a block's rows: copied to shared memory, whose rest is returned, or as they are.
__device__ unsigned char* copied(
    const unsigned* ranks, unsigned words, unsigned count, unsigned char* shared,
    const unsigned char* (&mine)[ROWS], const Sink& sink
) {
    unsigned warps = blockDim.x / LANES, bytes = words * LANES * 4;
    u64 first = (u64)blockIdx.x * warps * ROWS, tiles = (count + LANES - 1) / LANES;
    u64 own = min((u64)warps * ROWS, tiles - first);
    const unsigned char* from = (const unsigned char*)ranks + first * bytes;
    if (NEAR) copy(shared, from, own * bytes);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        u64 tile = min((u64)(threadIdx.x / LANES + r * warps), own - 1);
        mine[r] = (NEAR ? shared : from) + tile * bytes + threadIdx.x % LANES * 4;
    }
    return NEAR ? shared + warps * ROWS * bytes : shared;
}

#endif

#ifdef FULL
// Trees that are in shared memory together: their bytes, how many they are, the first of them.
struct Group {
    u64 start;
    unsigned size, count, first, unused;
};

// A tree of a group: where its nodes are, its leaves, its levels, the output it adds to.
struct Tree {
    unsigned nodes, leaves, levels, output;
};

// `at` is where the node is in shared memory, `base` where that of number 0 would be.
__device__ void step(
    unsigned& at, unsigned base, unsigned ranks, const unsigned char* shared
) {
    unsigned node = *(const unsigned*)(shared + at);
    unsigned seen = *(const RANK*)(shared + (ranks + (node >> 16)));
    at = 2 * at - base + (seen > (node & 0xffff) ? 4 : 0);
}

// Full trees: a node is the offset of its column's rank in a row's words, and a rank below it.
// Nodes of a level follow those of the level above; the children of node i are 2i and 2i + 1.
extern "C" __global__ void __launch_bounds__(THREADS) full(
    const unsigned* ranks, unsigned words, unsigned count, const unsigned char* trees,
    const Group* groups, unsigned group_count, unsigned a_slice, LEAF* out, u64 row_step,
    u64 tree_step, unsigned adds
) {
    extern __shared__ __align__(16) unsigned char shared[];
    Sink sink(out, row_step, tree_step, count, adds);
    const unsigned char* mine[ROWS];
    unsigned near = copied(ranks, words, count, shared, mine, sink) - shared, own[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) own[r] = mine[r] - shared;
    unsigned end = min(group_count, (blockIdx.y + 1) * a_slice);
    for (unsigned g = blockIdx.y * a_slice; g < end; ++g) {
        const Group group = groups[g];
        __syncthreads();
        copy(shared + near, trees + group.start, group.size);
        __syncthreads();
        for (unsigned t = 0; t < group.count; ++t) {
            const Tree tree = ((const Tree*)(shared + near))[t];
            unsigned base = near + tree.nodes, at[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) at[r] = base + 4;
            if (tree.levels == LEVELS) {
#pragma unroll
                for (int level = 0; level < LEVELS; ++level)
#pragma unroll
                    for (int r = 0; r < ROWS; ++r) step(at[r], base, own[r], shared);
            } else {
                for (int level = 0; level < tree.levels; ++level)
#pragma unroll
                    for (int r = 0; r < ROWS; ++r) step(at[r], base, own[r], shared);
            }
            const LEAF* leaves = (const LEAF*)(shared + near + tree.leaves);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                unsigned leaf = (at[r] - base) / 4 - (1u << tree.levels);
                sink.take(r, leaves + leaf * WIDTH, tree.output, group.first + t);
            }
        }
    }
    sink.finish();
}

#endif

#ifdef SPARSE
constexpr unsigned ARRIVED = 0xffff;

// Trees of any depth: a node is its column, a rank and the number of its left child, which the
// right one follows; a leaf has the rank ARRIVED, and its number in place of a child.
extern "C" __global__ void __launch_bounds__(THREADS) sparse(
    const unsigned* ranks, unsigned words, unsigned count, const uint2* nodes,
    const uint2* trees, unsigned tree_count, unsigned a_slice, const LEAF* values, LEAF* out,
    u64 row_step, u64 tree_step, unsigned adds
) {
    extern __shared__ __align__(16) unsigned char shared[];
    Sink sink(out, row_step, tree_step, count, adds);
    const unsigned char* mine[ROWS];
    copied(ranks, words, count, shared, mine, sink);
    __syncthreads();
    unsigned end = min(tree_count, (blockIdx.y + 1) * a_slice);
    for (unsigned t = blockIdx.y * a_slice; t < end; ++t) {
        const uint2 tree = trees[t];  // its root, the output it adds to
        unsigned at[ROWS];
        bool goes[ROWS], any = true;
#pragma unroll
        for (int r = 0; r < ROWS; ++r) at[r] = tree.x, goes[r] = true;
        while (any) {
            any = false;
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                if (!goes[r]) continue;
                uint2 node = __ldg(nodes + at[r]);
                unsigned column = node.x & 0xffff, rank = node.x >> 16;
                goes[r] = rank != ARRIVED;
                unsigned place = column / PER_WORD * (LANES * 4) + column % PER_WORD * sizeof(RANK);
                unsigned seen = *(const RANK*)(mine[r] + place);
                at[r] = node.y + (goes[r] && seen > rank);
                any |= goes[r];
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#if NUMBERS
            sink.take(r, &at[r], tree.y, t);
#else
            sink.take(r, values + (u64)at[r] * WIDTH, tree.y, t);
#endif
    }
    sink.finish();
}

#endif

#ifdef ADD
#if NUMBERS
typedef unsigned FOUND;
#else
typedef LEAF FOUND;
#endif

// The values of leaves, which are known or whose numbers are [T, apart], added tree after tree.
// A block has a row for each lane and an output for each warp; its warps fetch what was found in
// some trees together, so that no load waits for a sum, nor for another load.
extern "C" __global__ void add(
    const FOUND* found, unsigned apart, unsigned count, unsigned tree_count,
    const unsigned* outputs_of_trees, const LEAF* values, unsigned width, LEAF* out,
    unsigned outputs, unsigned adds
) {
    extern __shared__ __align__(16) unsigned char shared[];
    FOUND* near = (FOUND*)shared + threadIdx.x;
    u64 row = (u64)blockIdx.x * LANES + threadIdx.x;
    unsigned output = blockIdx.y * WARPS + threadIdx.y;
    bool is_one = row < count && output < outputs;
    LEAF total = is_one && adds ? out[row * outputs + output] : 0;
    for (unsigned first = 0; first < tree_count; first += TREES) {
        unsigned trees = min(TREES, tree_count - first);
        __syncthreads();
#pragma unroll
        for (unsigned t = threadIdx.y; t < TREES; t += WARPS)
            if (t < trees) near[t * LANES] = found[(u64)(first + t) * apart + row];
        __syncthreads();
        if (!is_one) continue;
#pragma unroll 32
        for (unsigned t = 0; t < trees; ++t) {
            unsigned k = ONE ? 0 : output - outputs_of_trees[first + t];
            if (ONE || k < width)
#if NUMBERS
                total += __ldg(values + (u64)near[t * LANES] * width + k);
#else
                total += near[t * LANES];
#endif
        }
    }
    if (is_one) out[row * outputs + output] = total;
}
#endif
