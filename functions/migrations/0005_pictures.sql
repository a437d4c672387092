-- Sets of pictures beside sets of embeddings, and the groups of either. Of pictures the dimension is 0.

ALTER TABLE sets ADD COLUMN kind TEXT NOT NULL DEFAULT 'embeddings';
ALTER TABLE sets ADD COLUMN "groups" INTEGER;
ALTER TABLE sets ADD COLUMN broken_pictures INTEGER NOT NULL DEFAULT 0;

-- Contents that a model made of sets of pictures: who ranks such a set again finds them here. They are needed as
-- long as the pictures are.
CREATE TABLE embedded_sets (
  pictures_sha256 TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  count INTEGER NOT NULL,
  -- Of the pictures that are left out: how many, and what is wrong with the first of them.
  failed INTEGER NOT NULL,
  errors TEXT NOT NULL,
  PRIMARY KEY (pictures_sha256, model_sha256)
) STRICT;

CREATE INDEX embedded_sets_by_content ON embedded_sets (sha256);

-- The model of an evaluation that ranks pictures.
ALTER TABLE evaluations ADD COLUMN model TEXT;
ALTER TABLE evaluations ADD COLUMN model_sha256 TEXT;
ALTER TABLE evaluations ADD COLUMN query_kind TEXT NOT NULL DEFAULT 'embeddings';
ALTER TABLE evaluations ADD COLUMN gallery_kind TEXT NOT NULL DEFAULT 'embeddings';
