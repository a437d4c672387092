-- Sets of pictures in parts, as those of embeddings. Of an upload of pictures the dimension is 0.

ALTER TABLE uploads ADD COLUMN kind TEXT NOT NULL DEFAULT 'embeddings';
-- How the names of pictures give their labels, where they do.
ALTER TABLE uploads ADD COLUMN names TEXT;

-- Of a part of pictures the rows are pictures, and the blocks are the pages of their table. What its files take; of
-- embeddings 0, since an upload of them announces it.
ALTER TABLE upload_parts ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
