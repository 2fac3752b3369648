-- +goose Up

-- The index by sheet gets another name: the sheets themselves need this one.
DROP INDEX payout_sheet;
CREATE INDEX payout_on_sheet ON payout (sheet, id) WHERE sheet <> '';

-- A sheet of payouts that an operator carries out by hand: what was handed out together, of one currency, live or sandbox, and never
-- changed once it is closed. The house's rows; a payout says itself on which sheet it is.
CREATE TABLE payout_sheet (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    mode       TEXT   NOT NULL,
    currency   TEXT   NOT NULL,
    method     TEXT   NOT NULL,
    lines      BIGINT NOT NULL,
    amount     BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX payout_sheet_number ON payout_sheet (number, owner);

-- A bank's answers that were imported: the file, and how many of its lines decided a payout. The house's rows.
CREATE TABLE payout_answer (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    lines      BIGINT NOT NULL,
    completed  BIGINT NOT NULL,
    rejected   BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX payout_answer_hash ON payout_answer (hash, owner);

-- A payout that an imported file decided, and by which of its lines: once, whatever is imported.
CREATE TABLE payout_answer_line (
    owner     TEXT   NOT NULL,
    payout    TEXT   NOT NULL,
    file      TEXT   NOT NULL,
    line      BIGINT NOT NULL,
    outcome   TEXT   NOT NULL,
    amount    BIGINT NOT NULL,
    currency  TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (owner, payout),
    FOREIGN KEY (owner, payout) REFERENCES payout (owner, id)
);
CREATE UNIQUE INDEX payout_answer_line_file ON payout_answer_line (file, line, owner);

-- A payout of whatever owner, by its id alone, for operators and banks.
CREATE INDEX payout_by_id ON payout (id, owner);
