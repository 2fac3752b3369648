-- +goose Up

-- The index by sheet gets another name: the sheets themselves need this one.
DROP INDEX payout_sheet;
CREATE INDEX payout_on_sheet ON payout (sheet, id) WHERE sheet <> '';

-- A sheet of payouts that an operator carries out by hand: what was handed out together, of one currency, live or sandbox, and never
-- changed once it is closed. The house's rows; a payout says itself on which sheet it is.
CREATE TABLE payout_sheet (
    owner      TEXT COLLATE "C"   NOT NULL,
    id         TEXT COLLATE "C"   NOT NULL,
    number     BIGINT NOT NULL,
    mode       TEXT COLLATE "C"   NOT NULL,
    currency   TEXT COLLATE "C"   NOT NULL,
    method     TEXT COLLATE "C"   NOT NULL,
    lines      BIGINT NOT NULL,
    amount     BIGINT NOT NULL,
    status     TEXT COLLATE "C"   NOT NULL,
    actor      TEXT COLLATE "C"   NOT NULL,
    source     TEXT COLLATE "C"   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX payout_sheet_number ON payout_sheet (number, owner);

-- A bank's answers that were imported: the file, and how many of its lines decided a payout. The house's rows.
CREATE TABLE payout_answer (
    owner      TEXT COLLATE "C"   NOT NULL,
    id         TEXT COLLATE "C"   NOT NULL,
    name       TEXT COLLATE "C"   NOT NULL,
    hash       TEXT COLLATE "C"   NOT NULL,
    lines      BIGINT NOT NULL,
    completed  BIGINT NOT NULL,
    rejected   BIGINT NOT NULL,
    status     TEXT COLLATE "C"   NOT NULL,
    actor      TEXT COLLATE "C"   NOT NULL,
    source     TEXT COLLATE "C"   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX payout_answer_hash ON payout_answer (hash, owner);

-- A payout that an imported file decided, and by which of its lines: once, whatever is imported.
CREATE TABLE payout_answer_line (
    owner     TEXT COLLATE "C"   NOT NULL,
    payout    TEXT COLLATE "C"   NOT NULL,
    file      TEXT COLLATE "C"   NOT NULL,
    line      BIGINT NOT NULL,
    outcome   TEXT COLLATE "C"   NOT NULL,
    amount    BIGINT NOT NULL,
    currency  TEXT COLLATE "C"   NOT NULL,
    reference TEXT COLLATE "C"   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (owner, payout),
    FOREIGN KEY (owner, payout) REFERENCES payout (owner, id)
);
CREATE UNIQUE INDEX payout_answer_line_file ON payout_answer_line (file, line, owner);

-- A payout of whatever owner, by its id alone, for operators and banks.
CREATE INDEX payout_by_id ON payout (id, owner);
