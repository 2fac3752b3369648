-- +goose Up

-- Bills that were handed in together. done counts the lines, from the first, that have been decided: made, or errored. failures counts how
-- often in a row the next ones could not be made, for no fault of any of them as far as known.
CREATE TABLE upload (
    owner        TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    door         TEXT COLLATE "C" NOT NULL,
    number       TEXT COLLATE "C" NOT NULL,
    content_type TEXT COLLATE "C" NOT NULL,
    file_name    TEXT COLLATE "C" NOT NULL,
    lines        BIGINT NOT NULL,
    done         BIGINT NOT NULL,
    errored      BIGINT NOT NULL,
    status       TEXT COLLATE "C" NOT NULL,
    message      TEXT COLLATE "C" NOT NULL,
    failures     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX upload_due ON upload (owner, due_at) WHERE status <> 'done';

-- The lines of an upload as they were handed in, some hundred together. A part goes when all its bills are made; one with lines that
-- could not be stays, and says in problems why. The numbers are the least and the greatest that its bills print.
CREATE TABLE upload_part (
    owner        TEXT COLLATE "C" NOT NULL,
    upload       TEXT COLLATE "C" NOT NULL,
    part         BIGINT NOT NULL,
    first_line   BIGINT NOT NULL,
    last_line    BIGINT NOT NULL,
    first_number BIGINT NOT NULL,
    last_number  BIGINT NOT NULL,
    problems     TEXT COLLATE "C" NOT NULL,
    items        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, upload, part)
);
CREATE INDEX upload_part_number ON upload_part (owner, last_number, first_number);
