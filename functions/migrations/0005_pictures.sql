-- Sets of pictures beside sets of embeddings, and the groups of either. Of pictures the dimension is 0.

ALTER TABLE sets ADD COLUMN kind TEXT NOT NULL DEFAULT 'embeddings';
ALTER TABLE sets ADD COLUMN "groups" INTEGER;
ALTER TABLE sets ADD COLUMN broken_pictures INTEGER NOT NULL DEFAULT 0;
