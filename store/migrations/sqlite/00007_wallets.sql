-- +goose Up

-- Who has money here. Its owner is the wallet's id; merchant is the one that made it or that it is linked to, '' for none.
CREATE TABLE wallet (
    owner      TEXT   NOT NULL PRIMARY KEY,
    merchant   TEXT   NOT NULL,
    reference  TEXT,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    number     TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    sandbox    BIGINT NOT NULL,
    currencies TEXT   NOT NULL,
    zone       TEXT   NOT NULL,
    pin_salt   TEXT   NOT NULL,
    pin_hash   TEXT   NOT NULL,
    qr_serial  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX wallet_reference ON wallet (reference, merchant);
CREATE INDEX wallet_merchant ON wallet (merchant, owner);
CREATE INDEX wallet_pending ON wallet (owner) WHERE status = 'pending';

-- What each spending changes; locked while one is decided.
CREATE TABLE wallet_state (
    owner            TEXT   NOT NULL PRIMARY KEY,
    pin_failures     BIGINT NOT NULL,
    pin_locked_until BIGINT NOT NULL,
    used             TEXT   NOT NULL
) WITHOUT ROWID;

-- Fees and limits that differ from the built-in ones; owner is a wallet's, or the house's for everybody.
CREATE TABLE wallet_rule (
    owner    TEXT   NOT NULL,
    currency TEXT   NOT NULL,
    movement TEXT   NOT NULL,
    flat     BIGINT NOT NULL,
    ppm      BIGINT NOT NULL,
    least    BIGINT NOT NULL,
    most     BIGINT NOT NULL,
    smallest BIGINT NOT NULL,
    greatest BIGINT NOT NULL,
    daily    BIGINT NOT NULL,
    monthly  BIGINT NOT NULL,
    PRIMARY KEY (owner, currency, movement)
) WITHOUT ROWID;

-- What left or reached a wallet. echo finds an identical one of the last minute; '' where none is looked for.
CREATE TABLE wallet_transfer (
    owner             TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    number            TEXT   NOT NULL,
    door              TEXT   NOT NULL,
    kind              TEXT   NOT NULL,
    merchant          TEXT   NOT NULL,
    receiver          TEXT   NOT NULL,
    receiver_merchant TEXT   NOT NULL,
    invoice           TEXT   NOT NULL,
    amount            BIGINT NOT NULL,
    fee               BIGINT NOT NULL,
    currency          TEXT   NOT NULL,
    note              TEXT   NOT NULL,
    rail              TEXT   NOT NULL,
    rail_reference    TEXT   NOT NULL,
    sender_name       TEXT   NOT NULL,
    sender_number     TEXT   NOT NULL,
    receiver_name     TEXT   NOT NULL,
    receiver_number   TEXT   NOT NULL,
    receiver_kind     TEXT   NOT NULL,
    balance_after     BIGINT NOT NULL,
    by_right          TEXT   NOT NULL,
    actor             TEXT   NOT NULL,
    echo              TEXT   NOT NULL,
    at                BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
-- The minute comes first in echo: new ones go to the end of the index and not all over it.
CREATE INDEX wallet_transfer_echo ON wallet_transfer (echo, owner) WHERE echo <> '';
CREATE UNIQUE INDEX wallet_transfer_rail ON wallet_transfer (rail_reference, rail, owner) WHERE rail <> '';
