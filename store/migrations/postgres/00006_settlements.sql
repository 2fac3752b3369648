-- +goose Up

-- A settlement file that was imported: what it says, what of it was settled, and by whom it was begun. The house's rows.
CREATE TABLE settlement (
    owner           TEXT COLLATE "C" NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    rail            TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    hash            TEXT COLLATE "C" NOT NULL,
    currency        TEXT COLLATE "C" NOT NULL,
    lines           BIGINT NOT NULL,
    amount          BIGINT NOT NULL,
    charges         BIGINT NOT NULL,
    settled         BIGINT NOT NULL,
    settled_amount  BIGINT NOT NULL,
    settled_charges BIGINT NOT NULL,
    lacking         BIGINT NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    actor           TEXT COLLATE "C" NOT NULL,
    source          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX settlement_hash ON settlement (hash, rail, owner);

-- A receipt that was settled, and the line of the file that did it: once, whatever is imported.
CREATE TABLE settlement_line (
    owner      TEXT COLLATE "C" NOT NULL,
    payment    TEXT COLLATE "C" NOT NULL,
    file       TEXT COLLATE "C" NOT NULL,
    line       BIGINT NOT NULL,
    amount     BIGINT NOT NULL,
    charges    BIGINT NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    settled_on TEXT COLLATE "C" NOT NULL,
    transfer   TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (owner, payment),
    FOREIGN KEY (owner, payment) REFERENCES payment (owner, id)
);
CREATE UNIQUE INDEX settlement_line_file ON settlement_line (file, line, owner);
