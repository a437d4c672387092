/**
 * Every limit of the service. An isolate has 128 MB for all it does at once, code and WASM heap included;
 * most of these follow from that.
 */

const MiB = 1024 * 1024;

/** Pictures in one embeddings request: OpenAI's clients send batches, and a batch is held in memory. */
export const MAX_BATCH = 64;

/** The body of an embeddings request. Bytes, text and parsed strings of it are in memory together. */
export const MAX_EMBEDDINGS_BODY_BYTES = 16 * MiB;

/** How long a body that is held whole may take: it holds its memory meanwhile. */
export const BODY_MS = 60_000;

/** How long a body may stand still: longer, and its client has gone. */
export const BODY_PAUSE_MS = 20_000;

/** How many may be under way in an isolate: fewer of one owner than in all, so that others find room beside it. */
export interface InFlightLimits {
  readonly what: string;
  /** Worked on at a time. */
  readonly working: { readonly all: number; readonly ofOwner: number };
  /** These and those that wait. */
  readonly underWay: { readonly all: number; readonly ofOwner: number };
}

/**
 * Requests, from when their body is there until their answer begins. Those that are worked on hold memory; that more
 * than these were worked on at a time would answer none sooner, for an isolate has one processor.
 */
export const REQUESTS_IN_FLIGHT: InFlightLimits = {
  what: 'requests',
  working: { all: 16, ofOwner: 12 },
  underWay: { all: 320, ofOwner: 240 },
};

/** Sets, parts and models on their way in: each that is worked on has some megabytes of blocks in memory. */
export const UPLOADS_IN_FLIGHT: InFlightLimits = {
  what: 'uploads',
  working: { all: 8, ofOwner: 6 },
  underWay: { all: 64, ofOwner: 48 },
};

/** After this long without a sign of going on, a request is taken for one that the runtime ended. */
export const PLACE_LIFETIME_MS = 60_000;

/** What an isolate may have: 128 MB, of which Cloudflare does not say how it counts them. */
export const ISOLATE_BYTES = 128_000_000;

/** Code and its objects. */
export const CODE_BYTES = 10 * MiB;

/**
 * The heap of TensorFlow.js, which never shrinks: as it starts, what it has in it without models, and what Emscripten
 * takes at a time, a fifth more than it needs.
 */
export const HEAP_START_BYTES = 16 * MiB;
export const HEAP_BASE_BYTES = 4 * MiB;
export const HEAP_GROWTH = 1.2;

/**
 * Weights and maps of all models, in that heap: with ResNet-50 by layer (14.7 MB) one of OSNet or MobileNetV2. What
 * the heap once took is lost to large pictures for as long as the isolate lives.
 */
export const MAX_HEAP_MODEL_BYTES = 28_000_000;

/** How long a shard waits for room that requests have. */
export const PATIENCE_MS = 20_000;

/** How long a model waits for room that models in use have. */
export const MODEL_ROOM_MS = 5_000;

/** Memory that requests leave to each other while several are under way: for decoding a picture of a megapixel. */
export const DECODING_ROOM_BYTES = 24 * MiB;

/**
 * What decoding takes for each pixel, measured at 5,000,000 of them: the codec's memory, with what it grows by at
 * once. The RGBA that comes of it is 4 bytes more, and as many again where it is turned upright.
 */
export const CODEC_BYTES_PER_PIXEL = { baseline: 6, progressive: 12, png: 10, webp: 9, cmyk: 12 } as const;

/** What a codec has from its beginning on. */
export const CODEC_BYTES = 17 * MiB;

/** A body of JSON in memory: its bytes, the text, and the strings in it. */
export const JSON_COPIES = 3;

/** A picture in its file format. */
export const MAX_PICTURE_BYTES = 8 * MiB;

/**
 * A decoded picture: 20 MB of RGBA beside what its decoder works with, which was measured at this size: 54 MiB
 * for a progressive JPEG at full chroma, 40 MiB for lossless WebP, 33 MiB for PNG of 16 bits. The size in the
 * header counts, before anything is decoded.
 */
export const MAX_PIXELS = 5_000_000;

/** A side of a picture: resizing a very long one costs far more than its pixels do. */
export const MAX_PICTURE_SIDE = 16_384;

/** Memory that the codecs keep between pictures, all together: new, they take 34 MiB. */
export const MAX_IDLE_CODEC_BYTES = 36 * MiB;

/** Addresses that a picture's address may redirect to, one after the other. */
export const MAX_PICTURE_REDIRECTS = 3;

/** How long the server of a picture may take. */
export const PICTURE_FETCH_MS = 10_000;

/** Pictures fetched at a time: a Worker has six connections. */
export const PICTURE_FETCHES = 6;

/** The results of a search for one query. */
export const MAX_SEARCH_RESULTS = 100;

/** Queries of one search. */
export const MAX_SEARCH_QUERIES = 64;

/** The features of a set that is searched while the client waits: all of them are read and checked. */
export const MAX_SEARCHED_BYTES = 1024 * MiB;

/** Multiply-adds of a search, all queries together: one to two seconds of the ranking kernel. */
export const MAX_SEARCH_WORK = 20_000_000_000;

/** A bundle: ResNet-50 as float16 has 47 MB. It is in memory once, as it is stored. */
export const MAX_MODEL_BYTES = 50 * MiB;

/** The body of a set or of a part of one: what Cloudflare passes in one request. It is never held whole. */
export const MAX_SET_BODY_BYTES = 100_000_000;

/**
 * Features of one body as float32. A deflated body may unpack to a thousand times its size, and each byte
 * costs processor time, of which an invocation has 30 s.
 */
export const MAX_BODY_FEATURES_BYTES = 256 * MiB;

/** Features of one body in Fortran order: their first row is whole only at their end, so they are held. */
export const MAX_COLUMN_MAJOR_BYTES = 32 * MiB;

/** A table of labels as CSV, one million rows: its text is held until all else has come. */
export const MAX_LABEL_TABLE_BYTES = 32 * MiB;

/**
 * Pictures of one body, and entries of an archive: of each, its path, its place and its labels are in memory
 * together. Market-1501's gallery has 19,732.
 */
export const MAX_BODY_PICTURES = 50_000;

/** Files of a form: of each, a few bytes of headers are held. */
export const MAX_FORM_PARTS = MAX_BODY_PICTURES + 2;

/** Pictures of a set: 4,167 shards of embedding, of the 5,000 that one evaluation may have. */
export const MAX_SET_PICTURES = 200_000;

/** Files of a set's pictures: 200,000 of 43 KB. Its content names some thousands of blocks, in one statement. */
export const MAX_SET_PICTURE_BYTES = 8192 * MiB;

/** Parts of a set of pictures: completion reads the pages of each, in one invocation. */
export const MAX_PICTURE_PARTS = 2_000;

/**
 * Paths of a set's pictures, as UTF-8: 125 bytes for each of 200,000. That none is there twice is seen in memory,
 * where they take up to twice as much.
 */
export const MAX_PATHS_BYTES = 24 * MiB;

/** Pictures of one page of a set's table: a shard of pictures reads one or two pages, whatever the set has. */
export const PICTURES_PER_PAGE = 500;

/** Pages of pictures that are read at a time: a Worker has six connections. */
export const PICTURE_PAGES_PER_READ = 6;

/** Bytes of the pictures of one body, unpacked: pictures hardly pack, so a body that unpacks to more is a trick. */
export const MAX_UNPACKED_BYTES = 256 * MiB;

/** A stored block of encoded pictures; a larger picture is a block of its own. */
export const PICTURE_BLOCK_BYTES = 4 * MiB;

/**
 * Pictures of one shard: a large network takes a tenth of a second each, and their embeddings, up to 2 MB, are one
 * entry of the ledger.
 */
export const PICTURES_PER_SHARD = 48;

/** How long putting the embeddings of a set together may take; what an interrupted one left is removed after it. */
export const COLLECTION_LIFETIME_MS = 60 * 60 * 1000;

/** Pictures that could not be read, in one answer: each is named with its path and its reason. */
export const MAX_REPORTED_PICTURES = 100;

/** The path of a picture in an archive. */
export const MAX_PATH_LENGTH = 1024;

/** A set as JSON: as numbers of JavaScript it takes several times its text. */
export const MAX_JSON_SET_BYTES = 8 * MiB;

/** The features of a set as float32: its index names every block, and has to stay small. */
export const MAX_FEATURES_BYTES = 8192 * MiB;

/** Rows of a set: a shard holds the labels of the whole query set and the whole gallery set. */
export const MAX_SET_ROWS = 1_000_000;

/** Parts of an upload: their rows are in memory together when it is completed. */
export const MAX_PARTS = 10_000;

/** The request that begins an upload is a handful of numbers. */
export const MAX_UPLOAD_REQUEST_BYTES = 64 * 1024;

/** The request that completes an upload: its labels, one million of each, as `.npz` or as JSON. */
export const MAX_COMPLETION_BYTES = 16 * MiB;

/** How long an upload waits for its next part or its completion. */
export const UPLOAD_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** How long a set that comes in one body may take; what an interrupted request left is removed after it. */
export const BODY_LIFETIME_MS = 60 * 60 * 1000;

/** After this long a removal from R2 that did not report its end has either happened or will not. */
export const REMOVAL_TIMEOUT_MS = 60_000;

/** Objects that R2 removes in one call. */
export const REMOVALS_PER_CALL = 1000;

/** Sets of one page of the list, at most and by default. */
export const MAX_SETS_PAGE = 100;

/** Items of one page of a set's items: of each, its labels and its path. */
export const MAX_ITEMS_PAGE = 100;

/** A stored block of a set: a shard holds one block of the gallery at a time. */
export const BLOCK_BYTES = 2 * MiB;

/** Rows of a stored block, where rows are short: each takes a scale, a bias and scores while it is ranked. */
export const MAX_BLOCK_ROWS = 8192;

/** An evaluation request is a handful of names. */
export const MAX_EVALUATION_BODY_BYTES = 64 * 1024;

/** Processor time of one invocation, in milliseconds, where the deployment has not set another (`limits.cpu_ms`). */
export const INVOCATION_CPU_MS = 30_000;

/**
 * The share of it that a shard is planned for: small enough that a lost shard costs little and that a machine a
 * few times slower than those measured still ends it, large enough that reading the gallery does not dominate.
 */
export const SHARD_CPU_SHARE = 0.1;

/** Multiply-adds a second until some are measured. Measured ones count within a factor of eight of these. */
export const USUAL_SPEEDS = { kernel: 7_000_000_000, rows: 3_000_000_000 } as const;
export const SPEED_FACTOR = 8;

/** Bytes of blocks that a worker reads and checks in a second, as plans have it. */
export const USUAL_READ_BYTES = 100_000_000;

/** What a shard of pictures is expected to take: a large network, on each of them. */
export const PICTURE_SHARD_MS = 10_000;

/** The least time of shards, all together, that a speed is measured from. */
export const MIN_MEASURED_MS = 1_000;

/** Queries of one shard: they are in memory together, as are their scores on the way to the ledger. */
export const MAX_SHARD_QUERIES = 512;

/** Correct matches of one shard's queries, all together: each takes some 40 bytes while it is ranked. */
export const MAX_SHARD_MATCHES = 500_000;

/**
 * Bytes of the gallery that a shard reads in one go. Where the gallery has more, it is cut into ranges and not the
 * queries alone: else every few queries would read all of it, which takes many times as long as ranking them.
 */
export const SHARD_READ_BYTES = 256 * MiB;

/** Bytes of the queries that are ranked against a range of the gallery: the more there are, the less is read. */
export const RANGE_QUERY_BYTES = 16 * MiB;

/** Rows of distances that a shard holds, for the protocols that need them whole. */
export const MAX_SHARD_ROW_BYTES = 32 * MiB;

/** What a shard leaves in the ledger, in one piece: a row of SQLite holds up to 2 MB. */
export const MAX_PART_BYTES = 1_500_000;

/** Shards whose queries are read from the ledger in one go, for a table of them. */
export const PARTS_PER_READ = 8;

/** Bytes of what earlier stages left that a worker reads from the ledger in one go. */
export const PART_BYTES_PER_READ = 12_000_000;

/** Conditions of an exclusion rule: each is looked at for every pair. */
export const MAX_RULE_CONDITIONS = 16;

/** Galleries drawn for each query by `cuhk03-classic`. */
export const MAX_REPEATS = 1000;

/** Resamples of a bootstrap, and queries drawn by all of them: some seconds of processor time. */
export const MAX_RESAMPLES = 10_000;
export const MAX_DRAWS = 200_000_000;

/** Queries of two evaluations that are compared: their scores are in memory together. */
export const MAX_COMPARED_QUERIES = 100_000;

/**
 * What re-ranking holds in one isolate: the neighbours and the encodings of both sets. The rest of the 128 MB
 * is for code, labels, blocks on their way in and what the runtime does not return at once.
 */
export const MAX_RE_RANKING_BYTES = 64 * MiB;

/** Queries of a shard of re-ranking, and gallery items of a tile: their encodings are there together. */
export const RE_RANKING_QUERIES = 256;
export const MAX_TILE_ROWS = 512;

/** Shards of one evaluation: the ledger is one SQLite database. */
export const MAX_SHARDS = 5_000;

/**
 * Messages of one evaluation that wait in the queue at a time: each that a worker takes makes room for the next, so
 * that an evaluation is on as many isolates as there are, and those that came later are not behind all of it.
 */
export const SHARDS_IN_QUEUE = 50;

/** Shards of one evaluation that are out at a time, in the queue and with workers. */
export const MAX_SHARDS_OUT = 1_000;

/** Messages that the queue takes in one call. */
export const MESSAGES_PER_CALL = 100;

/** How often a shard may fail, by the word of its worker, before the evaluation fails. */
export const MAX_SHARD_FAILURES = 5;

/**
 * How often a shard may go missing before the evaluation fails. More often than it may fail: a restart loses
 * all that is out, through no fault of the shards.
 */
export const MAX_SHARD_LOSSES = 20;

/**
 * How long a shard that is out is waited for at least before it counts as lost: as long as an invocation may
 * compute. It doubles with every loss, for a queue that many evaluations share.
 */
export const SHARD_TIMEOUT_MS = 30_000;

/** A shard that a worker has is waited for as many times as long as its plan expects it to take, if that is longer. */
export const SHARD_TIME_MARGIN = 4;

/**
 * A shard that takes as many times as long as others of its stage is sent once more where no others are left to be
 * sent, beside the one that is out, and so often: whichever comes back first counts. Not before this share of the
 * time after which a shard may count as lost.
 */
export const LATE_FACTOR = 2;
export const LATE_TIMEOUT_SHARE = 0.1;
export const MAX_SPARE_COPIES = 2;

/** How often that time doubles at most. */
export const MAX_TIMEOUT_DOUBLINGS = 3;

/** How long the alarm waits where it could not do what it had to, or the catalogue could not be written. */
export const ALARM_AGAIN_MS = 5_000;

/** How long an evaluation may be in the catalogue before it is planned: reading the labels of two large sets. */
export const PLANNING_MS = 60_000;

/** Evaluations that a list looks after at a time, to see whether they were ever planned: as many as a page has. */
export const UNPLANNED_PER_LIST = 100;

/** The request that makes a key, and its name. */
export const MAX_KEY_BODY_BYTES = 16 * 1024;
export const MAX_KEY_NAME_LENGTH = 100;

/** Keys of one page of the list, at most and by default. */
export const MAX_KEYS_PAGE = 100;

/** Requests that a key may send in a period: what wrangler.toml has. Cloudflare knows periods of 10 and 60 seconds. */
export const RATE_LIMIT = 30_000;
export const RATE_PERIOD_SECONDS = 60;

/** What an owner may have, where the deployment has not set another. */
export const QUOTAS = {
  sets: 10_000,
  vectors: 20_000_000,
  bytes: 200 * 1024 * MiB,
  evaluations: 500,
} as const;

/** When it is worth asking again after a quota was found to be full. */
export const QUOTA_RETRY_SECONDS = 60;

/**
 * How long an isolate keeps what it counted to itself: a thousand busy ones then write a hundred times a second
 * into the catalogue. A Worker may do something for 30 seconds after its answer.
 */
export const METRICS_FLUSH_MS = 10_000;

/** How exactly the last use of a key is known. */
export const KEY_USE_MS = 60_000;

/** Queries on one page of an evaluation's queries. */
export const MAX_QUERIES_PAGE = 1000;

/** Evaluations on one page of the list: those that run are asked one by one how far they are. */
export const MAX_EVALUATIONS_PAGE = 100;

/** An `Idempotency-Key`. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

/** The secret of a webhook, in characters: a short one is guessed from a signature. */
export const MIN_WEBHOOK_SECRET = 16;
export const MAX_WEBHOOK_SECRET = 256;

/** The address of a webhook. */
export const MAX_WEBHOOK_URL = 2048;

/** How often a webhook is tried: with the pauses between, over about two and a half hours. */
export const MAX_WEBHOOK_ATTEMPTS = 8;

/** The pause after the first failed try; it grows fourfold with each, up to the longest. */
export const WEBHOOK_PAUSE_MS = 5_000;
export const MAX_WEBHOOK_PAUSE_MS = 3_600_000;

/** How long the receiver of a webhook may take to answer. */
export const WEBHOOK_TIMEOUT_MS = 10_000;

/** The shortest time between two progress events. */
export const EVENT_INTERVAL_MS = 500;

/** Silence after which a stream of events shows that it is there: proxies close one that is silent for a minute. */
export const HEARTBEAT_MS = 15_000;

/** How long a stream of events goes on; a client that wants more connects again, which `EventSource` does alone. */
export const EVENTS_MS = 15 * 60_000;
