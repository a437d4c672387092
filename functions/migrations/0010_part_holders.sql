-- Who holds what a part is made of: a holder of its own, as long as the part is there. So what a refused body left, and
-- what a part had before another took its place, does not stay until the upload ends. NULL of parts from before, which
-- the upload holds.

ALTER TABLE upload_parts ADD COLUMN holder TEXT;

-- A sweep asks of every holder whether a part has it.
CREATE INDEX upload_parts_by_holder ON upload_parts (holder);
