-- +goose Up

-- Payouts that were handed in together. made and errored count the lines, from the first, that have been decided. failures counts how often in
-- a row the next ones could not be, for no fault of any of them as far as known. amounts is what was asked for in all, by currency, as JSON.
CREATE TABLE batch (
    owner      TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    door       TEXT COLLATE "C" NOT NULL,
    reference  TEXT COLLATE "C",
    name       TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    lines      BIGINT NOT NULL,
    made       BIGINT NOT NULL,
    errored    BIGINT NOT NULL,
    amounts    TEXT COLLATE "C" NOT NULL,
    message    TEXT COLLATE "C" NOT NULL,
    asked_by   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    failures   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX batch_reference ON batch (reference, door, owner);
CREATE INDEX batch_due ON batch (owner, due_at) WHERE status <> 'done';

-- The lines of a batch as they were handed in, some hundred together, and why those were refused that were. They stay: every payout of a
-- batch can be held against its line.
CREATE TABLE batch_part (
    owner      TEXT COLLATE "C" NOT NULL,
    batch      TEXT COLLATE "C" NOT NULL,
    part       BIGINT NOT NULL,
    first_line BIGINT NOT NULL,
    last_line  BIGINT NOT NULL,
    items      TEXT COLLATE "C" NOT NULL,
    faults     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, batch, part)
);
