/**
 * Every limit of the service. An isolate has 128 MB for all it does at once, code and WASM heap included;
 * most of these follow from that.
 */

const MiB = 1024 * 1024;

/** Pictures in one embeddings request: OpenAI's clients send batches, and a batch is held in memory. */
export const MAX_BATCH = 64;

/** The body of an embeddings request. Bytes, text and parsed strings of it are in memory together. */
export const MAX_EMBEDDINGS_BODY_BYTES = 16 * MiB;

/** A picture in its file format. */
export const MAX_PICTURE_BYTES = 8 * MiB;

/** A decoded picture, 2048 × 2048: 16 MiB of RGBA, twice while it leaves the decoder. */
export const MAX_PIXELS = 4_194_304;

/** Pictures embedded at a time: activations grow with the batch, and the WASM heap never shrinks. */
export const PICTURES_PER_PASS = 16;

/** An uploaded bundle: while it is checked, it is there as bytes, as signed bytes and as tensors. */
export const MAX_MODEL_BYTES = 16 * MiB;

/** Bundles that stay loaded, by file size; loaded, one takes twice that (tensors and folded weights). */
export const MAX_LOADED_MODEL_BYTES = 24 * MiB;

/** A set as `.npz`: the archive, its arrays and the features as float32 are in memory together. */
export const MAX_NPZ_BYTES = 24 * MiB;

/** The arrays of an `.npz` unpacked, so that a small archive cannot fill the isolate. */
export const MAX_NPZ_UNPACKED_BYTES = 24 * MiB;

/** A set as JSON: as numbers of JavaScript it takes several times its text. */
export const MAX_JSON_SET_BYTES = 8 * MiB;

/**
 * The features of a set as float32: from float16 they double, from bytes they grow fourfold, beside the
 * archive and its arrays.
 */
export const MAX_FEATURES_BYTES = 48 * MiB;

/** Rows of a set: a shard holds the labels of the whole query set and the whole gallery set. */
export const MAX_SET_ROWS = 1_000_000;

/** A stored block of a set: a shard holds one block of the gallery at a time. */
export const BLOCK_BYTES = 2 * MiB;

/** Rows of a stored block, where rows are short: each takes a scale, a bias and scores while it is ranked. */
export const MAX_BLOCK_ROWS = 8192;

/** An evaluation request is a handful of names. */
export const MAX_EVALUATION_BODY_BYTES = 64 * 1024;

/**
 * Work of one shard, in multiply-adds: one to two seconds at the 10 to 20 thousand million a second that the
 * ranking kernel does, where an invocation has 30 s of processor time. Small enough that a lost shard costs
 * little, large enough that reading the gallery does not dominate.
 */
export const SHARD_WORK = 20_000_000_000;

/** Queries of one shard: they are in memory together, as are their scores on the way to the ledger. */
export const MAX_SHARD_QUERIES = 512;

/** Correct matches of one shard's queries, all together: each takes some 40 bytes while it is ranked. */
export const MAX_SHARD_MATCHES = 500_000;

/** Shards of one evaluation: the ledger is one SQLite database. */
export const MAX_SHARDS = 5_000;

/**
 * Shards of one evaluation that are out at a time, so that one does not hold up the others. The queue
 * takes up to 100 messages at once.
 */
export const SHARDS_IN_FLIGHT = 50;

/** How often a shard is sent before the evaluation fails. */
export const MAX_SHARD_ATTEMPTS = 5;

/**
 * Silence after which a shard that is out counts as lost: as long as an invocation may compute. It doubles
 * with every attempt, for a queue that many evaluations share.
 */
export const SHARD_TIMEOUT_MS = 30_000;
