-- +goose Up

-- Payouts that were handed in together. made and errored count the lines, from the first, that have been decided. failures counts how often in
-- a row the next ones could not be, for no fault of any of them as far as known. amounts is what was asked for in all, by currency, as JSON.
CREATE TABLE batch (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    door       TEXT   NOT NULL,
    reference  TEXT,
    name       TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    lines      BIGINT NOT NULL,
    made       BIGINT NOT NULL,
    errored    BIGINT NOT NULL,
    amounts    TEXT   NOT NULL,
    message    TEXT   NOT NULL,
    asked_by   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    failures   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX batch_reference ON batch (reference, door, owner);
CREATE INDEX batch_due ON batch (owner, due_at) WHERE status <> 'done';

-- The lines of a batch as they were handed in, some hundred together, and why those were refused that were. They stay: every payout of a
-- batch can be held against its line.
CREATE TABLE batch_part (
    owner      TEXT   NOT NULL,
    batch      TEXT   NOT NULL,
    part       BIGINT NOT NULL,
    first_line BIGINT NOT NULL,
    last_line  BIGINT NOT NULL,
    items      TEXT   NOT NULL,
    faults     TEXT   NOT NULL,
    PRIMARY KEY (owner, batch, part)
);
